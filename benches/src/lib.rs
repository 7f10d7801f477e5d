//! A small harness that measures whole calls side by side: every round runs every case, so that a drift of the
//! machine hits all alike, and what counts are the ratios within one run.

use core_affinity::CoreId;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// Makes so many calls once all threads are at the barrier, and says how long they took.
pub type Case = Box<dyn Fn(u64, &Barrier) -> Duration + Send + Sync>;

/// Drives a call on a current-thread Tokio runtime. Each thread makes its own caller with `caller`.
///
/// # Panics
///
/// Without a runtime there is nothing to measure.
pub fn case<C, R>(caller: impl Fn() -> C + Send + Sync + 'static) -> Case
where
    C: AsyncFnMut(u64) -> R,
{
    Box::new(move |calls, start| {
        #[expect(clippy::expect_used, reason = "documented")]
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut call = caller();
        runtime.block_on(async move {
            start.wait();
            let began = Instant::now();
            for number in 0..calls {
                black_box(call(black_box(number)).await);
            }
            began.elapsed()
        })
    })
}

/// The same call by several libraries; the first is the one that the target is for.
#[expect(missing_debug_implementations, reason = "a case is a closure")]
pub struct Row {
    id: &'static str,
    what: &'static str,
    target: &'static str,
    scaling: bool,
    cells: Vec<Cell>,
}

struct Cell {
    /// The row's, with `:library` where it is not the first.
    id: String,
    library: &'static str,
    case: Case,
}

impl Row {
    /// Nanoseconds a call.
    #[must_use]
    pub fn new(id: &'static str, what: &'static str, target: &'static str) -> Self {
        Self { id, what, target, scaling: false, cells: Vec::new() }
    }

    /// How many times as many calls two threads make as one, in the same time.
    #[must_use]
    pub fn scaling(id: &'static str, what: &'static str, target: &'static str) -> Self {
        Self { scaling: true, ..Self::new(id, what, target) }
    }

    /// Adds a library's way to make the call.
    #[must_use]
    pub fn cell(mut self, library: &'static str, case: Case) -> Self {
        let id = if self.cells.is_empty() { self.id.to_owned() } else { format!("{}:{library}", self.id) };
        self.cells.push(Cell { id, library, case });
        self
    }

    fn sample(&self, case: &Case, calls: u64, cores: &[CoreId]) -> f64 {
        // Threads that wait for each other in the kernel would take most of the time of all rounds.
        let calls = if self.scaling { calls / 4 } else { calls };
        let alone = measure(case, calls, &cores[..1]);
        if self.scaling && cores.len() > 1 { measure(case, calls, &cores[..2]) / alone } else { 1e9 / alone }
    }
}

/// Calls a second, with one thread pinned to each core.
fn measure(case: &Case, calls: u64, cores: &[CoreId]) -> f64 {
    let start = Barrier::new(cores.len());
    let run = |core| {
        core_affinity::set_for_current(core);
        case(calls, &start)
    };
    let slowest = thread::scope(|scope| {
        let threads: Vec<_> = cores.iter().map(|core| scope.spawn(|| run(*core))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).max().unwrap_or_default()
    });
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
    let all = (calls * cores.len() as u64) as f64;
    all / slowest.as_secs_f64()
}

/// Runs one case and nothing else, for a profiler.
///
/// # Errors
///
/// All ids, if it is none of them.
pub fn once(rows: &[Row], id: &str, calls: u64) -> Result<(), String> {
    let all = rows.iter().flat_map(|row| &row.cells);
    if let Some(cell) = all.clone().find(|cell| cell.id == id) {
        _ = (cell.case)(calls, &Barrier::new(1));
        return Ok(());
    }
    Err(format!("no case `{id}`; write one of {}", all.map(|cell| cell.id.as_str()).collect::<Vec<_>>().join(" ")))
}

/// Measures all rows in interleaved rounds and prints them as one Markdown table. The first row is the baseline.
pub fn compare(rows: &[Row], rounds: usize, calls: u64) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let cores = if cores.is_empty() { vec![CoreId { id: 0 }] } else { cores };
    let mut samples: Vec<Vec<Vec<f64>>> = rows.iter().map(|row| vec![Vec::new(); row.cells.len()]).collect();
    // The first round warms up: breakers open, windows fill, clocks are calibrated.
    for round in 0..=rounds {
        for (row, samples) in rows.iter().zip(&mut samples) {
            for (cell, samples) in row.cells.iter().zip(samples) {
                let sample = row.sample(&cell.case, calls, &cores);
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
    }
    samples.iter_mut().flatten().for_each(|samples| samples.sort_by(f64::total_cmp));
    let median = |samples: &[f64]| samples[samples.len() / 2];
    let bare = median(&samples[0][0]);
    println!("{rounds} rounds of {calls} calls: median ns (min), times the bare call; speed-up (upper quartile)");
    println!("| call | target | resil | others |\n|---|--:|--:|---|");
    for (row, samples) in rows.iter().zip(&samples) {
        let show = |samples: &[f64]| {
            let (median, min, quarter) = (median(samples), samples[0], samples[samples.len() * 3 / 4]);
            if row.scaling {
                return format!("{median:.2}x ({quarter:.2}x)");
            }
            format!("{median:.1} ({min:.1}), {:.1}x", median / bare)
        };
        let others = row.cells.iter().zip(samples).skip(1).map(|(cell, s)| format!("{} {}", cell.library, show(s)));
        let others = others.collect::<Vec<_>>().join("; ");
        println!("| {} | {} | {} | {others} |", row.what, row.target, show(&samples[0]));
    }
}
