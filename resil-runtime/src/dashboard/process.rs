//! Which process it is that the controls act on.

use serde::Serialize;
use std::time::SystemTime;

#[derive(Debug, Serialize)]
pub(super) struct Process {
    program: String,
    pid: u32,
    /// Empty if the machine does not say.
    host: String,
    /// Since when the page is there, which is when the service has set itself up.
    #[serde(rename = "since_unix_seconds", serialize_with = "crate::as_data::unix_seconds")]
    since: SystemTime,
}

impl Process {
    pub(super) fn this() -> Self {
        let path = std::env::current_exe().ok();
        let stem = path.as_ref().and_then(|path| path.file_stem());
        Self {
            program: stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
            pid: std::process::id(),
            host: hostname::get().map_or_else(|_| String::new(), |host| host.to_string_lossy().into_owned()),
            since: SystemTime::now(),
        }
    }
}
