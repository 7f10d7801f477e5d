use std::time::Duration;

/// The settings of a semaphore that several functions share.
///
/// ```
/// use resil::policy::semaphore::Settings;
/// use resil::{Error, semaphore};
/// use std::time::Duration;
///
/// const REPORTS: Settings = Settings { max_wait: Duration::from_millis(100), ..Settings::new(2) };
///
/// #[semaphore(name = "yearly reports", settings = REPORTS)]
/// async fn report(year: u32) -> Result<String, Error> {
///     # Ok(String::new())
///     // render it
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many calls may run at a time.
    pub permits: u32,
    /// How long to wait for a permit: zero refuses at once.
    pub max_wait: Duration,
}

impl Settings {
    /// This many permits, which nobody waits for.
    pub const fn new(permits: u32) -> Self {
        Self { permits, max_wait: Duration::ZERO }
    }
}
