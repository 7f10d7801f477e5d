//! What a registry remembers of how it was configured.

use super::Assignment;
use crate::sync::Mutex;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use tokio::time::Instant;

/// How the settings of a registry came about, so that they can be read again.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// Held while settings are read and put in force: two do so one after the other.
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
