//! Every misuse is a compile error at the user's own token that ends in what to write; every right use compiles.
//!
//! The compiler runs on each file of `tests/ui`, on top of what cargo has built for this test. A message that changed is
//! read by a person, then written down with `UPDATE_MESSAGES=1 cargo test --test misuse`.
#![expect(clippy::expect_used, reason = "a test")]

mod plain;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the files may use beside the standard library.
const CRATES: [&str; 10] =
    ["anyhow", "async_trait", "axum", "http", "reqwest", "resil", "serde", "sqlx", "tokio", "tracing"];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_misuse_says_what_to_write() {
    let wrong = each("tests/ui/fail", |file, compiled| {
        let said = plain::text(&String::from_utf8_lossy(&compiled.stderr), file);
        let kept = Path::new(ROOT).join(file).with_extension("stderr");
        if std::env::var_os("UPDATE_MESSAGES").is_some() {
            std::fs::write(&kept, &said).expect("the messages are written");
        }
        let expected = std::fs::read_to_string(kept).unwrap_or_default();
        (compiled.status.success() || expected != said)
            .then(|| format!("{file}: expected\n\n{expected}\n\nand the compiler says\n\n{said}"))
    });
    assert!(wrong.is_empty(), "{}\n\nUPDATE_MESSAGES=1 writes them down", wrong.join("\n"));
}

#[test]
fn every_right_use_compiles() {
    let wrong = each("tests/ui/pass", |file, compiled| {
        (!compiled.status.success()).then(|| format!("{file}: {}", String::from_utf8_lossy(&compiled.stderr)))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Compiles every file of a folder, and collects what is wrong with the outcomes, in the order of their names.
fn each(folder: &str, judge: impl Fn(&str, &Output) -> Option<String> + Sync) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).expect("the folder is there");
    let paths = entries.map(|entry| PathBuf::from(entry.expect("it can be read").file_name()));
    let files = paths.filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    let mut files: Vec<_> = files.map(|path| format!("{folder}/{}", path.display())).collect();
    files.sort_unstable();
    assert!(!files.is_empty(), "{folder} is empty");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(judge(file, &compiled(file)));
        }
        wrong
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wrong: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    wrong.sort_unstable();
    wrong
}

fn compiled(file: &str) -> Output {
    let name = Path::new(file).file_stem().expect("it has a name").to_string_lossy().into_owned();
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name).with_extension("rmeta");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--verbose", "--color=never"]);
    rustc.args(["--diagnostic-width=140", "--allow=dead_code"]).arg("-o").arg(output).current_dir(ROOT);
    // It then says what it would say under cargo.
    rustc.env("CARGO_CRATE_NAME", name);
    for (name, path) in &*BUILT {
        rustc.arg("--extern").arg(format!("{name}={}", path.display()));
        let folder = path.parent().map(|folder| folder.join("deps")).filter(|deps| deps.exists());
        let folder = folder.or_else(|| path.parent().map(Path::to_owned)).expect("it is in a folder");
        rustc.arg("-L").arg(format!("dependency={}", folder.display()));
    }
    rustc.arg(file).output().expect("the compiler runs")
}

/// The crates as cargo has built them for this test: asked for once more, it builds nothing and says where they are.
static BUILT: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--test", "misuse", "--no-run", "--message-format=json"]).current_dir(ROOT);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let name = message["target"]["name"].as_str()?.replace('-', "_");
        let is_library = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "lib" || kind == "proc-macro");
        let files = message["filenames"].as_array()?.iter().filter_map(|file| Some(PathBuf::from(file.as_str()?)));
        let is_linked = |path: &PathBuf| path.extension().is_some_and(|kind| kind != "rmeta");
        let path = files.into_iter().find(is_linked)?;
        (is_library && CRATES.contains(&name.as_str())).then_some((name, path))
    });
    built.collect()
});
