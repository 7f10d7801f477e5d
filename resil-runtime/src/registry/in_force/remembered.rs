//! What a registry remembers of how it was configured.

use super::{Assignment, Layers};
use crate::clock;
use crate::sync::Mutex;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use tokio::time::Instant;

/// How the settings of a registry came about, so that they can be read again.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// Held while settings are read and put in force: two do so one after the other.
    pub(crate) reading: Mutex<()>,
    /// Held while they are judged and put in force: by an operator as well, who waits for no file.
    pub(crate) changing: Mutex<()>,
    pub(crate) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) origin: Option<Origin>,
    /// What the origin said when it was last read.
    pub(crate) said: Vec<Assignment>,
    pub(crate) overrides: Vec<Override>,
    /// How often settings were put in force.
    pub(crate) revision: u64,
    pub(crate) last_error: Option<String>,
}

impl State {
    /// What is said there, and overrides that are not over.
    pub(crate) fn layers(&self, said: &[Assignment]) -> Layers {
        let now = clock::instant();
        let lasting = self.overrides.iter().filter(|one| one.ends.is_none_or(|ends| ends > now));
        Layers::new(said.iter().chain(lasting.map(|one| &one.assignment)).cloned().collect())
    }
}

/// What an operator said.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    pub(crate) assignment: Assignment,
    /// When it is over.
    pub(crate) ends: Option<Instant>,
}

/// Where settings are read from, each time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    pub(crate) file: Option<PathBuf>,
    /// `None`: what `RESIL_PROFILE` says.
    pub(crate) profile: Option<String>,
    /// `None`: that of the process.
    pub(crate) environment: Option<BTreeMap<OsString, OsString>>,
    /// Paths and values.
    pub(crate) code: Vec<(String, String)>,
}
