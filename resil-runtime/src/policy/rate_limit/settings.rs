use super::{Lost, Rate};
use std::time::Duration;

/// The settings of a rate limit that several functions share.
///
/// ```
/// use resil::policy::rate_limit::{Rate, Settings};
/// use resil::{Error, rate_limit};
/// use std::time::Duration;
///
/// const BANK: Settings = Settings { max_wait: Duration::from_millis(200), ..Settings::new(Rate::per_second(100)) };
///
/// #[rate_limit(name = "bank", settings = BANK)]
/// async fn balance(account: u64) -> Result<u64, Error> {
///     # Ok(account)
///     // ask the bank
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many calls may begin in how much time.
    pub rate: Rate,
    /// How many may begin at once after a pause; `None` for as many as the rate's number.
    pub burst: Option<u32>,
    /// How long a call waits for its turn: zero refuses at once.
    pub max_wait: Duration,
    /// The longest pause that a partner's answer can ask for; zero follows none.
    pub follow_max: Duration,
    /// Whether all processes share the rate, and what one does whose store is away.
    pub fleet: Option<Lost>,
}

impl Settings {
    /// This rate of this process, with as large a burst, which nobody waits for. A partner is followed for up to a minute.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, burst: None, max_wait: Duration::ZERO, follow_max: Duration::from_secs(60), fleet: None }
    }

    pub(super) fn burst(&self) -> u32 {
        self.burst.unwrap_or(self.rate.calls)
    }

    pub(super) fn written(&self) -> Vec<(&'static str, String)> {
        let fleet = self.fleet.map(|lost| ("fleet", format!("lost = {lost:?}")));
        let settings = [
            ("rate", self.rate.to_string()),
            ("burst", self.burst().to_string()),
            ("max_wait", format!("{:?}", self.max_wait)),
            ("follow_max", format!("{:?}", self.follow_max)),
        ];
        settings.into_iter().chain(fleet).collect()
    }

    /// What is out of range, and what to write.
    pub(super) fn out_of_range(&self) -> Option<&'static str> {
        if self.rate.calls == 0 {
            return Some("a rate of no calls would let nothing through: write `\"100/s\"`");
        }
        if self.rate.per.is_zero() {
            return Some("a rate is of so many calls in some time, and there is none: write `\"100/s\"`");
        }
        if self.rate.is_too_fast() {
            return Some("more than 10⁹ calls a second are not counted: write `\"1000000000/s\"` or less");
        }
        (self.burst() == 0).then_some("`burst = 0` would let nothing through: write 1 or more")
    }
}
