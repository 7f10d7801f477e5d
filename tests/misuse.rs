//! Every misuse is a compile error at the user's own token that ends in what to write; every right use compiles.
//!
//! A message that changed is read by a person, then written down with `TRYBUILD=overwrite cargo test --test misuse`.

#[test]
fn every_misuse_says_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn every_right_use_compiles() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
