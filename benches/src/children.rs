//! One process for each mode, which measures what it is told to.

use crate::{Mode, Row};
use core_affinity::CoreId;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;
use std::{env, io, thread};

const READY: &str = "ready";

/// Checks that the cases of this mode do what their rows say, and then measures: a line is `CASE CALLS THREADS`, the answer
/// nanoseconds.
///
/// # Errors
///
/// The first case that does something else.
pub fn serve(rows: &[Row], mode: Mode) -> Result<(), String> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.mode == mode).collect();
    for row in &rows {
        for cell in &row.cells {
            // Breakers open, windows fill, clocks are calibrated.
            (cell.case.tally)();
            let did = (cell.case.tally)();
            if did != row.does {
                return Err(format!("{}: a thousand calls come to {did:?} and not {:?}", cell.id, row.does));
            }
        }
    }
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let cores = if cores.is_empty() { vec![CoreId { id: 0 }] } else { cores };
    println!("{READY}");
    for line in io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.rsplitn(3, ' ').collect();
        let [threads, calls, id] = words[..] else { return Err(format!("no order: {line}")) };
        let cell = rows.iter().flat_map(|row| &row.cells).find(|cell| cell.id == id);
        let (Some(cell), Ok(calls), Ok(threads)) = (cell, calls.parse(), threads.parse::<usize>()) else {
            return Err(format!("no order: {line}"));
        };
        println!("{}", time(&cell.case.run, calls, &cores[..threads.min(cores.len())]).as_nanos());
    }
    Ok(())
}

/// One thread pinned to each core makes so many calls; the slowest counts.
fn time(run: &(impl Fn(u64, &Barrier) -> Duration + Sync), calls: u64, cores: &[CoreId]) -> Duration {
    let start = Barrier::new(cores.len());
    let run = |core| {
        core_affinity::set_for_current(core);
        run(calls, &start)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = cores.iter().map(|core| scope.spawn(|| run(*core))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).max().unwrap_or_default()
    })
}

/// A process that serves one mode.
pub(crate) struct Server {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(mode: Mode) -> Result<Self, String> {
        let failed = |error| format!("no process for {}: {error}", mode.word());
        let program = env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["--serve", mode.word()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let mut server = Self { child, orders, answers: BufReader::new(answers) };
        match server.answer()?.as_str() {
            READY => Ok(server),
            other => Err(other.to_owned()),
        }
    }

    /// Nanoseconds from the first call to the last of the slowest thread.
    pub(crate) fn measure(&mut self, id: &str, calls: u64, threads: usize) -> Result<f64, String> {
        writeln!(self.orders, "{id} {calls} {threads}").map_err(|error| format!("{id}: {error}"))?;
        let answer = self.answer()?;
        answer.parse().map_err(|_| format!("{id}: {answer}"))
    }

    fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(1..) => Ok(line.trim_end().to_owned()),
            Ok(0) => Err("the process that measures has ended; it said why above".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
