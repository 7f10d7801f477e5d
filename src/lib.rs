//! facade
#![forbid(unsafe_code)]
pub use resil_macros::{Classify, circuit_breaker, deadline, retry, timeout};
#[doc(hidden)]
pub use resil_runtime::__private;
pub use resil_runtime::*;
