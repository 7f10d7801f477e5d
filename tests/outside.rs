//! Builds, lints and runs `tests/outside`: crates that are not of this workspace, as a user's is not.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

fn cargo(arguments: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = root.join("tests/outside");
    // The versions of this workspace, which are on this machine already.
    std::fs::copy(root.join("Cargo.lock"), crates.join("Cargo.lock")).expect("the lock file is copied");
    // And its target folder: what it has built with the same features is not built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(crates).env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS");
    cargo
}

fn succeeds(arguments: &[&str]) {
    let status = cargo(arguments).status().expect("cargo runs");
    assert!(status.success(), "cargo {}", arguments.join(" "));
}

#[test]
fn crates_outside_the_workspace_build_lint_and_run_in_both_editions() {
    succeeds(&["clippy", "--workspace", "--all-targets", "--quiet"]);
    succeeds(&["test", "--workspace", "--quiet"]);
}

#[test]
fn what_needs_a_database_names_the_feature_and_says_nothing_else() {
    let checked =
        cargo(&["check", "--package", "outside-renamed", "--features", "refused"]).output().expect("cargo runs");
    let messages = String::from_utf8_lossy(&checked.stderr);
    let errors: Vec<_> = messages.lines().filter(|line| line.starts_with("error")).collect();
    assert!(errors[0].contains("`#[transactional]` needs a database"), "{messages}");
    assert!(errors[1].contains("`#[durable]` needs a database"), "{messages}");
    assert!(errors[2].contains("due to 2 previous errors"), "{messages}");
}

#[test]
fn marks_are_seen_in_both_editions() {
    const REFUSED: [&str; 3] = [
        "an operation that must not be repeated is awaited",
        "an external call is awaited inside a database transaction",
        "an external call takes part in a database transaction",
    ];
    let blessed = [
        include_str!("ui/fail/non_idempotent_call_under_retry.stderr"),
        include_str!("ui/fail/external_call_in_a_transaction.stderr"),
        include_str!("ui/fail/external_call_that_takes_a_transaction.stderr"),
    ]
    .concat();
    for edition in ["outside-2021", "outside-2024"] {
        let checked = cargo(&["check", "--package", edition, "--features", "refused"]).output().expect("cargo runs");
        let messages = String::from_utf8_lossy(&checked.stderr);
        for refused in REFUSED {
            let expected = blessed.matches(refused).count();
            assert_eq!(messages.matches(refused).count(), expected, "{edition}: {refused}: {messages}");
        }
    }
}
