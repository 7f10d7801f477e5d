//! What rustc was called with, as a constant of the crate that it compiles.
#![expect(clippy::expect_used, reason = "for tests")]

use proc_macro::TokenStream;
use std::{env, iter};

/// A `&[&str]`: the path of rustc, and the arguments it got from cargo.
///
/// A procedural macro runs inside rustc, so this process's arguments are rustc's. Nothing else says which of the libraries
/// in the target folder belong together: that depends on the features and the profile cargo was asked for, and cargo does
/// not tell a test what these are.
///
/// # Panics
///
/// If a path is not UTF-8.
#[proc_macro]
pub fn of_this_crate(_: TokenStream) -> TokenStream {
    let rustc = env::current_exe().expect("rustc is a file").display().to_string();
    let arguments: Vec<String> = iter::once(rustc).chain(env::args().skip(1)).collect();
    format!("&{arguments:?}").parse().expect("strings are literals")
}
