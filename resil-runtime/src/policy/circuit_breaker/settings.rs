//! What a breaker is told, and which of it makes no sense.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// More calls than this belong in a time window.
pub(super) const MAX_WINDOW_CALLS: u32 = 65_536;
const DEFAULT_MIN_CALLS: u32 = 20;

/// The settings of a breaker; [`Settings::new`] has the defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Which calls are judged together.
    pub window: Window,
    /// Below this number of calls nothing is judged. A smaller count window caps the default of 20.
    pub min_calls: u32,
    /// The circuit opens at this fraction of failures.
    pub failure_rate: f64,
    /// A call that takes this long or longer is slow.
    pub slow_call: Option<Duration>,
    /// The circuit opens at this fraction of slow calls.
    pub slow_rate: f64,
    /// How long the circuit stays open.
    pub open_for: Duration,
    /// By how much `open_for` grows when the circuit opens again without having closed.
    pub open_factor: f64,
    /// How far `open_for` may grow.
    pub open_max: Duration,
    /// How many probes a half-open period admits and judges.
    pub half_open_calls: u32,
    /// When a half-open period is judged even if probes are missing.
    pub half_open_max_wait: Duration,
}

/// Which calls are judged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// This many last calls.
    Calls(u32),
    /// The calls of the last span of this length, in ten buckets.
    Time(Duration),
}

impl Settings {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            window: Window::Calls(100),
            min_calls: DEFAULT_MIN_CALLS,
            failure_rate: 0.5,
            slow_call: None,
            slow_rate: 1.0,
            open_for: Duration::from_secs(30),
            open_factor: 1.0,
            open_max: Duration::from_mins(10),
            half_open_calls: 5,
            half_open_max_wait: Duration::from_mins(1),
        }
    }

    /// Breakers with equal settings share them.
    pub(super) fn shared(&self) -> Arc<Self> {
        static KNOWN: Mutex<Vec<Weak<Settings>>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(equal) = known.iter().filter_map(Weak::upgrade).find(|known| **known == *self) {
            return equal;
        }
        known.retain(|one| one.strong_count() > 0);
        let new = Arc::new(*self);
        known.push(Arc::downgrade(&new));
        new
    }

    /// The number of calls from which a window is judged: `min_calls`, capped by a count window.
    #[inline]
    pub fn enough_calls(&self) -> u64 {
        match self.window {
            Window::Calls(size) => self.min_calls.min(size).into(),
            Window::Time(_) => self.min_calls.into(),
        }
    }

    /// Finds every value that makes no sense.
    ///
    /// # Errors
    ///
    /// One message for each such value: the argument, what it was, and what to write instead.
    pub fn validate(&self) -> Result<(), Invalid> {
        let messages: Vec<_> = self.problems().into_iter().map(|(_, message)| message).collect();
        if messages.is_empty() { Ok(()) } else { Err(Invalid { messages }) }
    }

    /// The same, each with the settings that it is about.
    pub(super) fn problems(&self) -> Vec<(&'static [&'static str], String)> {
        let mut problems: Vec<(&'static [&'static str], String)> = Vec::new();
        let mut refuse_if = |bad: bool, keys: &'static [&'static str], message: fmt::Arguments<'_>| {
            if bad {
                problems.push((keys, message.to_string()));
            }
        };
        let is_rate = |rate: f64| rate > 0.0 && rate <= 1.0;
        let Self { min_calls, failure_rate, slow_rate, open_for, open_factor, open_max, .. } = *self;

        if let Window::Calls(size) = self.window {
            refuse_if(
                size == 0,
                &["window"],
                format_args!(
                    "`window = 0` holds no call: write a number of calls from 1, such as 100, or a duration, such as \"60s\""
                ),
            );
            refuse_if(
                size > MAX_WINDOW_CALLS,
                &["window"],
                format_args!(
                    "`window = {size}` is too large: write {MAX_WINDOW_CALLS} calls or fewer, or a duration, such as \"60s\""
                ),
            );
            // The default of 20 was not written by anyone, so it is capped in silence.
            let exceeds = min_calls > size && min_calls != DEFAULT_MIN_CALLS;
            refuse_if(
                size > 0 && exceeds,
                &["min_calls", "window"],
                format_args!(
                    "`min_calls = {min_calls}` can never be reached in a window of {size} calls: write {size} or fewer, or a larger window"
                ),
            );
        }
        refuse_if(
            self.window == Window::Time(Duration::ZERO),
            &["window"],
            format_args!(
                "`window = \"0s\"` holds no call: write a duration above zero, such as \"60s\", or a number of calls, such as 100"
            ),
        );
        refuse_if(
            min_calls == 0,
            &["min_calls", "window"],
            format_args!("`min_calls = 0` would judge a window without calls: write 1 or more"),
        );
        refuse_if(
            !is_rate(failure_rate),
            &["failure_rate"],
            format_args!(
                "`failure_rate = {failure_rate:?}` is no fraction: write one above 0.0 and up to 1.0, such as 0.5 for half of the calls"
            ),
        );
        refuse_if(
            !is_rate(slow_rate),
            &["slow_rate"],
            format_args!(
                "`slow_rate = {slow_rate:?}` is no fraction: write one above 0.0 and up to 1.0, such as 0.5 for half of the calls"
            ),
        );
        refuse_if(
            self.slow_call == Some(Duration::ZERO),
            &["slow_call"],
            format_args!(
                "`slow_call = \"0s\"` would make every call slow: write a duration above zero, such as \"2s\", or leave it out"
            ),
        );
        refuse_if(
            open_for.is_zero(),
            &["open_for"],
            format_args!("`open_for = \"0s\"` would never refuse a call: write a duration above zero, such as \"30s\""),
        );
        refuse_if(
            !(open_factor >= 1.0 && open_factor.is_finite()),
            &["open_factor"],
            format_args!(
                "`open_factor = {open_factor:?}` cannot make `open_for` grow: write 1.0 to keep it as it is, or more, such as 2.0"
            ),
        );
        refuse_if(
            open_factor > 1.0 && open_max < open_for,
            &["open_max", "open_for"],
            format_args!("`open_max = {open_max:?}` is below `open_for = {open_for:?}`: write {open_for:?} or more"),
        );
        refuse_if(
            self.half_open_calls == 0,
            &["half_open_calls"],
            format_args!(
                "`half_open_calls = 0` would never admit a probe, so the circuit could not close: write 1 or more"
            ),
        );
        refuse_if(
            self.half_open_max_wait.is_zero(),
            &["half_open_max_wait"],
            format_args!(
                "`half_open_max_wait = \"0s\"` leaves probes no time: write a duration above zero, such as \"60s\""
            ),
        );

        problems
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// Every setting that makes no sense, one message each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The argument, what it was, and what to write instead.
    pub messages: Vec<String>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("\n"))
    }
}

impl std::error::Error for Invalid {}
