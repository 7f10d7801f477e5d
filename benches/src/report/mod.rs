//! What was measured, and how it is written down.

mod json;
mod markdown;
mod publish;
mod svg;

use crate::row::{LIMIT, RESIL};
use crate::{Mode, Row, Target};

pub use markdown::tables;
pub use publish::publish;

/// One run is repeated with it.
const COMMAND: &str = "cargo bench -p resil-benches --bench policies -- --write";

/// The library that is compared in a column of its own.
const TOWER: &str = "tower-resilience";

/// One row, measured.
#[derive(Debug)]
pub struct Entry {
    id: &'static str,
    what: &'static str,
    is_pending: bool,
    mode: Mode,
    target: Target,
    two_threads: Option<f64>,
    cells: Vec<Measured>,
}

/// One library's way to make the call, measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) library: &'static str,
    /// Nanoseconds a call, on one thread.
    pub(crate) ns: Spread,
    /// How many times as many calls two threads make as one.
    pub(crate) two_threads: Option<Spread>,
    pub(crate) instructions: Option<f64>,
}

/// Of all rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) upper_quartile: f64,
}

impl Spread {
    /// Of none, zeros.
    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or_default();
        Self { median: at(samples.len() / 2), least: at(0), upper_quartile: at(samples.len() * 3 / 4) }
    }
}

impl Entry {
    pub(crate) fn new(row: &Row, cells: Vec<Measured>) -> Self {
        let &Row { id, what, is_pending, mode, target, two_threads, .. } = row;
        Self { id, what, is_pending, mode, target, two_threads, cells }
    }

    fn cell(&self, library: &str) -> Option<&Measured> {
        self.cells.iter().find(|cell| cell.library == library)
    }

    fn resil(&self) -> Option<&Measured> {
        self.cell(RESIL)
    }

    /// All libraries but ours.
    fn peers(&self) -> impl Iterator<Item = &Measured> {
        self.cells.iter().filter(|cell| ![RESIL, LIMIT].contains(&cell.library))
    }

    /// The fastest way by hand or by another library, but for the one with a column of its own.
    fn nearest(&self) -> Option<&Measured> {
        let others = self.peers().filter(|cell| cell.library != TOWER);
        others.min_by(|one, other| one.ns.median.total_cmp(&other.ns.median))
    }

    /// What the target is and what resil takes, where it takes more.
    fn misses(&self) -> Vec<String> {
        let Some(resil) = self.resil() else { return Vec::new() };
        let over =
            |is: f64, most: f64, unit: &str| (is > most).then(|| format!("{is:.0} {unit}, the target is {most:.0}"));
        let target = match self.target {
            Target::Instructions(most) => resil.instructions.and_then(|is| over(is, most.into(), "instructions")),
            Target::Nanoseconds(most) => over(resil.ns.median, most.into(), "ns"),
            Target::PercentOfLimit(percent) => self.cell(LIMIT).and_then(|limit| {
                let most = limit.ns.median * f64::from(percent) / 100.0;
                over(resil.ns.median, most, "ns")
            }),
            Target::Open => None,
        };
        let two = resil.two_threads.zip(self.two_threads).filter(|(is, least)| is.median < *least);
        let two =
            two.map(|(is, least)| format!("two threads make {:.2}x as many calls, the target is {least}x", is.median));
        let faster = self.peers().filter(|peer| peer.ns.median < resil.ns.median);
        let faster =
            faster.map(|peer| format!("{} takes {:.0} ns, resil {:.0}", peer.library, peer.ns.median, resil.ns.median));
        target.into_iter().chain(two).chain(faster).collect()
    }
}
