use std::time::Duration;

/// The settings of a bulkhead that several functions share.
///
/// ```
/// use resil::policy::bulkhead::Settings;
/// use resil::{Error, bulkhead};
///
/// const REPORTS: Settings = Settings { queue: 10, ..Settings::new(2) };
///
/// #[bulkhead(name = "yearly reports", settings = REPORTS)]
/// async fn report(year: u32) -> Result<String, Error> {
///     # Ok(String::new())
///     // render it
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Threads of its own, at most 512.
    pub threads: u32,
    /// How many calls may run at a time; as many as threads, if it is `None`.
    pub max_concurrent: Option<u32>,
    /// How many calls may wait for a place: 0.
    pub queue: u32,
    /// The longest wait until the body begins: 1 s.
    pub max_wait: Duration,
}

impl Settings {
    /// This many threads, and the defaults.
    pub const fn new(threads: u32) -> Self {
        Self { threads, max_concurrent: None, queue: 0, max_wait: Duration::from_secs(1) }
    }
}
