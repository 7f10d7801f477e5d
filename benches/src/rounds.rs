//! Rounds in which every case is measured once.

use crate::children::Server;
use crate::instructions;
use crate::report::{Entry, Measured, Spread};
use crate::row::Cell;
use crate::{Case, Mode, Row};
use std::sync::Barrier;

/// So long one sample takes, about.
const SAMPLE: f64 = 6e6;

/// Runs one case and nothing else, for a profiler.
///
/// # Errors
///
/// All ids, if it is none of them.
pub fn once(rows: &[Row], id: &str, calls: u64) -> Result<(), String> {
    let all = rows.iter().flat_map(|row| &row.cells);
    if let Some(cell) = all.clone().find(|cell| cell.id == id) {
        // Breakers open, windows fill, and what calibrates a clock takes as long as it likes.
        _ = (cell.case.tally)();
        counted(&cell.case, calls);
        return Ok(());
    }
    Err(format!("no case `{id}`; write one of {}", all.map(|cell| cell.id.as_str()).collect::<Vec<_>>().join(" ")))
}

/// What callgrind counts, and nothing else.
#[inline(never)]
pub(crate) fn counted(case: &Case, calls: u64) {
    _ = (case.run)(calls, &Barrier::new(1));
}

struct Samples<'a> {
    cell: &'a Cell,
    mode: Mode,
    has_two: bool,
    calls: u64,
    one: Vec<f64>,
    two: Vec<f64>,
}

impl Samples<'_> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
    fn take(&mut self, server: &mut Server) -> Result<(), String> {
        let calls = self.calls as f64;
        let one = server.measure(&self.cell.id, self.calls, 1)?;
        self.one.push(one / calls);
        if self.has_two {
            let two = server.measure(&self.cell.id, self.calls, 2)?;
            self.two.push(2.0 * one / two);
        }
        Ok(())
    }
}

/// Measures all rows in so many interleaved rounds, nanoseconds first and then, where valgrind is, instructions.
///
/// # Errors
///
/// A case that does not do what its row says, or a process that ended.
pub fn compare(rows: &[Row], rounds: usize) -> Result<Vec<Entry>, String> {
    let mut servers = Vec::new();
    for mode in Mode::ALL {
        servers.push((mode, Server::start(mode)?));
    }
    let mut serve = |samples: &mut Samples<'_>| match servers.iter_mut().find(|(mode, _)| *mode == samples.mode) {
        Some((_, server)) => samples.take(server),
        None => Err(format!("nobody serves {}", samples.mode.word())),
    };
    let cells = rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
    let of_cell = |(row, cell): (&Row, _)| {
        let (mode, has_two) = (row.mode, row.two_threads.is_some());
        Samples { cell, mode, has_two, calls: 10_000, one: Vec::new(), two: Vec::new() }
    };
    let mut all: Vec<Samples<'_>> = cells.map(of_cell).collect();
    for samples in &mut all {
        // The least of three, so that whatever else the machine did does not make the samples too short.
        for _ in 0..3 {
            serve(samples)?;
        }
        let least = samples.one.iter().copied().fold(f64::INFINITY, f64::min);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let enough = (SAMPLE / least).clamp(100.0, 2e6) as u64;
        *samples = Samples { calls: enough, one: Vec::new(), two: Vec::new(), ..*samples };
    }
    for _ in 0..rounds {
        all.iter_mut().try_for_each(&mut serve)?;
    }
    let mut all = all.into_iter();
    Ok(rows.iter().map(|row| Entry::new(row, all.by_ref().take(row.cells.len()).map(measured).collect())).collect())
}

fn measured(samples: Samples<'_>) -> Measured {
    Measured {
        library: samples.cell.library,
        ns: Spread::of(samples.one),
        two_threads: samples.has_two.then(|| Spread::of(samples.two)),
        instructions: instructions::of_a_call(&samples.cell.id, samples.mode).ok(),
    }
}
