//! Everything a user's function can be, under strict lints. The same source in editions 2021 and 2024.
#![deny(warnings, clippy::pedantic, missing_docs)]
#![forbid(unsafe_code)]

pub mod functions;
pub mod hygiene;
pub mod isolation;
pub mod marks;
pub mod methods;
pub mod traits;

#[cfg(test)]
mod tests;
