use std::time::Duration;

/// The bounds of a timeout that several functions share.
///
/// ```
/// use resil::policy::timeout::Settings;
/// use resil::{Error, timeout};
/// use std::time::Duration;
///
/// const PARTNER: Settings =
///     Settings { connect: Some(Duration::from_secs(2)), ..Settings::new(Duration::from_secs(10)) };
///
/// #[timeout(settings = PARTNER)]
/// async fn rate(currency: &str) -> Result<u64, Error> {
///     # Ok(0)
///     // ask the partner
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The whole attempt, whatever its phases do.
    pub attempt: Duration,
    /// The longest wait for a connection. Recommended: 1 to 5 s.
    pub connect: Option<Duration>,
    /// The longest silence on an established connection. Recommended: 5 to 30 s.
    pub read: Option<Duration>,
}

impl Settings {
    /// This bound on the whole attempt, and none on its phases.
    pub const fn new(attempt: Duration) -> Self {
        Self { attempt, connect: None, read: None }
    }
}
