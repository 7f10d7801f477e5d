//! Everything a user's function can be, under strict lints. The same source in editions 2021 and 2024.
#![deny(warnings, clippy::pedantic, missing_docs)]
#![forbid(unsafe_code)]

pub mod awaits;
pub mod fragments;
pub mod functions;
pub mod hygiene;
pub mod isolation;
pub mod marks;
pub mod methods;
pub mod shapes;
pub mod strict;
pub mod traits;
pub mod transactions;

/// What the misuse suite refuses in its own edition is refused in each.
#[cfg(feature = "refused")]
#[path = "../../ui/fail/non_idempotent_call_under_retry.rs"]
#[expect(missing_docs, reason = "it does not compile")]
pub mod refused;

/// The same for transactions.
#[cfg(feature = "refused")]
#[path = "../../ui/fail/external_call_in_a_transaction.rs"]
#[expect(missing_docs, reason = "it does not compile")]
pub mod refused_in_a_transaction;

/// The same for parameters.
#[cfg(feature = "refused")]
#[path = "../../ui/fail/external_call_that_takes_a_transaction.rs"]
#[expect(missing_docs, reason = "it does not compile")]
pub mod refused_with_a_transaction;

#[cfg(test)]
mod mocks;
#[cfg(test)]
mod tests;
