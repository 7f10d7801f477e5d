//! Every misuse is a compile error at the user's own token that ends in what to write; every right use compiles and runs.
//!
//! A message that changed is read by a person, then written down with `UPDATE_SNAPSHOTS=1 cargo test --test misuse`.
#![expect(clippy::expect_used, reason = "a test")]

mod difference;
mod normalise;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

#[test]
fn every_misuse_says_what_to_write() {
    for_each_case("fail", |case, out| {
        let compiled = rustc(case, out, "metadata");
        if compiled.status.success() {
            return Err("it compiles".to_owned());
        }
        let said = normalise::messages(&compiled.stderr, &case.to_string_lossy());
        let kept = case.with_extension("stderr");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&kept, &said).expect("the message is written down");
        }
        let expected = fs::read_to_string(&kept).unwrap_or_default();
        if expected == said {
            return Ok(());
        }
        Err(format!("the message has changed; UPDATE_SNAPSHOTS=1 keeps it\n{}", difference::lines(&expected, &said)))
    });
}

#[test]
fn every_right_use_compiles_and_runs() {
    for_each_case("pass", |case, out| {
        let compiled = rustc(case, out, "link");
        if !compiled.status.success() {
            return Err(normalise::messages(&compiled.stderr, &case.to_string_lossy()));
        }
        let ran = Command::new(out.join("case")).output().expect("the case starts");
        if ran.status.success() {
            Ok(())
        } else {
            Err(format!("{}\n{}", ran.status, String::from_utf8_lossy(&ran.stderr)))
        }
    });
}

#[test]
fn the_readme_shows_what_the_compiler_says() {
    let readme = fs::read_to_string("README.md").expect("the README is there");
    let mut blocks = readme.split("```").skip(1).step_by(2).skip_while(|block| !block.starts_with("rust,compile_fail"));
    let mut next = || blocks.next().and_then(|block| block.split_once('\n')).expect("a block").1;
    let (code, shown) = (next(), next());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder is made");
    let case = folder.path().join("readme.rs");
    fs::write(&case, format!("{code}fn main() {{}}\n")).expect("the case is written");
    let compiled = rustc(&case, folder.path(), "metadata");
    let case = case.to_string_lossy();
    let said = normalise::messages(&compiled.stderr, &case).replace(&*case, "src/lib.rs");
    assert_eq!(said, shown, "{}", difference::lines(shown, &said));
}

/// Compiles a case with the libraries that this file was compiled with, so that none is built for it.
fn rustc(case: &Path, out: &Path, emit: &str) -> Output {
    let mut arguments = rustc_arguments::of_this_crate!().iter();
    let mut rustc = Command::new(arguments.next().expect("the compiler's path comes first"));
    while let Some(&argument) = arguments.next() {
        // The rest is about this crate and not about a case.
        if ["--extern", "-L", "--target"].contains(&argument) {
            rustc.arg(argument).args(arguments.next());
        } else if argument.starts_with("--edition") {
            rustc.arg(argument);
        }
    }
    rustc.args(["--crate-name=case", "--crate-type=bin", "--allow=dead_code", "--error-format=json"]);
    rustc.args(["--diagnostic-width=140", &format!("--emit={emit}"), "--out-dir"]).arg(out).arg(case);
    // With it, rustc speaks as it does under cargo.
    rustc.env("CARGO_CRATE_NAME", "case").output().expect("rustc starts")
}

/// Tries all cases of a folder, as many at a time as there are cores, and panics with everything that is wrong.
fn for_each_case(folder: &str, right: impl Fn(&Path, &Path) -> Result<(), String> + Sync) {
    // Cargo runs a test in the folder of its package, and so the messages name a case by its path from there.
    let folder = Path::new("tests/ui").join(folder);
    let files = fs::read_dir(&folder).expect("the folder is there").map(|file| file.expect("it is read").path());
    let mut cases: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|kind| kind == "rs")).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} holds no case", folder.display());

    let left = Mutex::new(cases.iter());
    let next = || left.lock().expect("no case panics under the lock").next();
    let work = || {
        let mut wrong = Vec::new();
        while let Some(case) = next() {
            let out = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder is made");
            if let Err(how) = right(case, out.path()) {
                wrong.push(format!("{}:\n{how}\n", case.display()));
            }
        }
        wrong
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut wrong: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    wrong.sort();
    let (count, all) = (wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{count} of {all} cases are wrong\n\n{}", wrong.join("\n"));
}
