use super::{Backoff, Jitter};
use std::time::Duration;

/// The settings of a retry that several functions share: all but the proof and the budget, which belong to the function.
///
/// ```
/// use resil::policy::retry::Settings;
/// use resil::retry;
/// use std::time::Duration;
///
/// const PATIENT: Settings = Settings { attempts: 5, base: Duration::from_millis(200), ..Settings::new() };
///
/// #[retry(idempotent, settings = PATIENT)]
/// async fn rate(currency: &str) -> std::io::Result<u64> {
///     # Ok(0)
///     // ask the partner
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Attempts in all, the first included: 3.
    pub attempts: u32,
    /// The backoff after the first attempt: 100 ms.
    pub base: Duration,
    /// What each further backoff is multiplied by, at least 1: 2.0.
    pub factor: f64,
    /// The longest backoff: 10 s.
    pub max: Duration,
    /// How a wait is randomised: [`Jitter::Full`].
    pub jitter: Jitter,
    /// HTTP statuses to repeat although their kind says no: none.
    pub retry_status: &'static [u16],
}

impl Settings {
    /// The defaults.
    pub const fn new() -> Self {
        let Backoff { base, factor, max, jitter } = Backoff::DEFAULT;
        Self { attempts: 3, base, factor, max, jitter, retry_status: &[] }
    }

    pub(super) const fn backoff(&self) -> Backoff {
        let Self { base, factor, max, jitter, .. } = *self;
        Backoff { base, factor, max, jitter }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
