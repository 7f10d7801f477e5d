//! What a call costs under each policy, beside the bare call and the nearest crates. See `README.md`.

mod calls;
mod limits;
mod partners;
mod peers;
mod rows;

use resil_benches::{Mode, check_instructions, compare, once, publish, serve, tables};
use std::env;
use std::path::Path;

const ROUNDS: usize = 21;

const USAGE: &str = "write nothing for the table, `--write` to put it into the documentation, `--instructions` to compare \
                     instructions with the table of the repository, or `--once CASE [CALLS]`";

/// `cargo bench` adds `--bench`; a process that measures is told its mode.
fn main() -> Result<(), String> {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let rows = rows::all();
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    let mode = |word: &str| Mode::ALL.into_iter().find(|mode| mode.word() == word).ok_or(USAGE);
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => println!("{}", tables(&compare(&rows, ROUNDS)?)),
        ["--write"] => {
            let entries = compare(&rows, ROUNDS)?;
            println!("{}", tables(&entries));
            publish(&entries, &benches.join(".."))?;
        }
        ["--instructions"] => check_instructions(&rows, &benches.join("instructions.txt"))?,
        ["--serve", word] => {
            rows::set_up(mode(word)?)?;
            serve(&rows, mode(word)?)?;
        }
        ["--once", id] => once(&rows, id, 1_000_000)?,
        ["--once", id, calls] => once(&rows, id, number(calls)?)?,
        ["--once", id, calls, word] => {
            rows::set_up(mode(word)?)?;
            once(&rows, id, number(calls)?)?;
        }
        _ => return Err(USAGE.to_owned()),
    }
    Ok(())
}
