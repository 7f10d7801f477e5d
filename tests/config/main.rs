//! Settings from outside, as a user has them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod effect;
mod load;
mod messages;
mod operators;
mod precedence;
mod rates;
mod reload;
mod support;
