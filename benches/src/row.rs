//! A row of the table: the same call by several libraries.

use crate::{Case, Tally};

/// How the process is set up that the row is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is set up: no metrics, no settings from outside.
    Plain,
    /// Calls are counted and timed.
    Metrics,
    /// Settings from outside are in force.
    Settings,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Metrics, Self::Settings];

    /// As it is written on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Metrics => "metrics",
            Self::Settings => "settings",
        }
    }
}

/// What resil is to cost at most.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Instructions a call.
    Instructions(u32),
    /// Nanoseconds a call.
    Nanoseconds(u32),
    /// No more than this hundredth part of the limit's nanoseconds.
    PercentOfLimit(u32),
    /// None was set.
    Open,
}

/// The name of a case that is resil's.
pub(crate) const RESIL: &str = "resil";
/// The name of a case that is written by hand for nothing but this call.
pub(crate) const LIMIT: &str = "limit";

/// The same call by resil, by a prototype that can do nothing else, and by other libraries.
#[expect(missing_debug_implementations, reason = "a case is a closure")]
pub struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) is_pending: bool,
    pub(crate) mode: Mode,
    pub(crate) target: Target,
    /// How many times as many calls two threads are to make as one, if that is measured.
    pub(crate) two_threads: Option<f64>,
    pub(crate) does: Tally,
    pub(crate) cells: Vec<Cell>,
}

pub(crate) struct Cell {
    /// The row's, with `:library` where it is not resil.
    pub(crate) id: String,
    pub(crate) library: &'static str,
    pub(crate) case: Case,
}

impl Row {
    /// Calls that are ready at once, each of which asks the partner once and has its answer.
    pub fn ready(id: &'static str, what: &'static str) -> Self {
        let does = Tally { ok: 1_000, asked: 1_000 };
        let (mode, target) = (Mode::Plain, Target::Open);
        Self { id, what, is_pending: false, mode, target, two_threads: None, does, cells: Vec::new() }
    }

    /// Calls whose answer is pending once.
    pub fn pending(id: &'static str, what: &'static str) -> Self {
        Self { is_pending: true, ..Self::ready(id, what) }
    }

    /// In another process.
    #[must_use]
    pub fn with(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What resil is to cost at most.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Measures two threads as well, which are to make so many times as many calls as one.
    #[must_use]
    pub fn two_threads(mut self, target: f64) -> Self {
        self.two_threads = Some(target);
        self
    }

    /// A thousand calls have so many answers, and ask the partner so often.
    #[must_use]
    pub fn does(mut self, ok: u64, asked: u64) -> Self {
        self.does = Tally { ok, asked };
        self
    }

    /// Adds resil's way to make the call. It comes first.
    #[must_use]
    pub fn resil(self, case: Case) -> Self {
        self.peer(RESIL, case)
    }

    /// Adds a prototype without panics, failures or deadlines.
    #[must_use]
    pub fn limit(self, case: Case) -> Self {
        self.peer(LIMIT, case)
    }

    /// Adds a library's way to make the call.
    #[must_use]
    pub fn peer(mut self, library: &'static str, case: Case) -> Self {
        let id = if library == RESIL { self.id.to_owned() } else { format!("{}:{library}", self.id) };
        self.cells.push(Cell { id, library, case });
        self
    }
}
