//! The page: over HTTP, and in a real browser.
#![expect(clippy::expect_used, reason = "a test")]

mod browser;
mod controls;
mod served;
mod stream;
mod support;
