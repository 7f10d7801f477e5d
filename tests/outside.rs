//! Builds, lints and runs `tests/outside`: crates that are not of this workspace, as a user's is not.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

fn cargo(arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = root.join("tests/outside");
    // The versions of this workspace, which are on this machine already.
    std::fs::copy(root.join("Cargo.lock"), crates.join("Cargo.lock")).expect("the lock file is copied");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(crates)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo {}", arguments.join(" "));
}

#[test]
fn crates_outside_the_workspace_build_lint_and_run_in_both_editions() {
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet"]);
    cargo(&["test", "--workspace", "--quiet"]);
}
