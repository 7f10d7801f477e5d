use super::{Admission, Circuit, Pass, Sample, Settings, Snapshot, Transition, Window};
use crate::failure::{Classify, Failure};
use crate::registry::in_force::Said;
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Found as _, Row, Shared, Slot, Written, events};
use crate::{Attempt, Error, Site, clock};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What a name stands for: its label, its settings and the circuit all its call sites share.
#[derive(Debug)]
pub(crate) struct Breaker {
    pub(super) label: &'static str,
    settings: Arc<Settings>,
    pub(super) circuit: Circuit,
}

impl Breaker {
    pub(crate) fn new(label: &'static str, settings: Arc<Settings>) -> Self {
        let circuit = Circuit::new(Arc::clone(&settings));
        Self { label, settings, circuit }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The state in which nothing of it would be lost.
    #[cfg(not(feature = "config"))]
    #[expect(clippy::unused_self, reason = "without settings from outside there is one answer")]
    pub(super) fn resting(&self) -> super::CircuitState {
        super::CircuitState::Closed
    }

    #[inline]
    pub(super) fn admit(&self) -> Result<Pass<'_>, Error> {
        match self.circuit.admit_at_once() {
            Some(admission) => Ok(Pass::new(self, admission)),
            None => self.ask(),
        }
    }

    #[inline(never)]
    fn ask(&self) -> Result<Pass<'_>, Error> {
        match self.circuit.admit(clock::now) {
            Ok((admission, transition)) => {
                // Before others hear of the transition: should they panic, the place is given back.
                let pass = Pass::new(self, admission);
                if let Some(transition) = transition {
                    self.report(transition);
                }
                Ok(pass)
            }
            Err(refusal) => {
                if let Some(transition) = refusal.transition {
                    self.report(transition);
                }
                let retry_after = refusal.retry_after();
                events::refused(self.label, retry_after);
                Err(Error::CircuitOpen { name: self.label, retry_after })
            }
        }
    }

    #[inline]
    pub(super) fn record(&self, admission: Admission, sample: Sample) {
        if sample != Sample::Success || !self.circuit.is_unmoved_by_success(admission) {
            self.record_change(admission, sample);
        }
    }

    #[inline(never)]
    fn record_change(&self, admission: Admission, sample: Sample) {
        if let Some(transition) = self.circuit.record(admission, sample, clock::now) {
            self.report(transition);
        }
    }

    #[cold]
    fn report(&self, transition: Transition) {
        events::transition(self.label, transition, None);
    }
}

impl Shared for Breaker {
    fn written(&self) -> Written {
        let settings = self.settings.as_written();
        Written { kind: "circuit breaker", name: Some(self.label), site: &Site::UNKNOWN, settings }
    }

    fn label(&self) -> &'static str {
        self.label
    }

    fn row(&self) -> Option<Row> {
        let now = self.circuit.snapshot(clock::now());
        let retry_after = now.retry_after.map_or_else(String::new, |time| format!("{time:.1?}"));
        let cells = vec![
            ("state", format!("{:?}", now.state)),
            ("calls", now.calls.to_string()),
            ("failures", now.failures.to_string()),
            ("slow", now.slow.to_string()),
            ("refused", now.not_permitted.to_string()),
            ("retry after", retry_after),
        ];
        Some(Row { table: "circuit breaker", cells })
    }

    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<crate::registry::View> {
        Some(self.view())
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::of_settings(&self.settings))
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        self.put(values)
    }

    #[cfg(feature = "config")]
    fn close(&self) -> Put {
        self.close()
    }
}

/// A circuit breaker: what `#[circuit_breaker]` expands to, and a policy to use by hand.
///
/// It is a handle: everything that writes one name shares one circuit, which the process keeps. Its settings count until it
/// is first used; what is set afterwards changes nothing.
///
/// | setting | default |
/// |---|---|
/// | [`window`](Self::window) | the last 100 calls |
/// | [`min_calls`](Self::min_calls) | 20, capped by a count window |
/// | [`failure_rate`](Self::failure_rate) | 0.5 |
/// | [`slow_call`](Self::slow_call), [`slow_rate`](Self::slow_rate) | not judged; 1.0 |
/// | [`open_for`](Self::open_for) | 30 s |
/// | [`open_factor`](Self::open_factor), [`open_max`](Self::open_max) | 1.0; 10 min |
/// | [`half_open_calls`](Self::half_open_calls) | 5 |
/// | [`half_open_max_wait`](Self::half_open_max_wait) | 60 s |
///
/// Settings out of range, or two handles of one name with different settings, make every call through the handle
/// answer [`Error::Misconfigured`]; `resil::check()` finds those of attributes at start.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
/// use resil::{CircuitBreaker, CircuitState};
/// use std::io;
///
/// static GEOCODER: CircuitBreaker = CircuitBreaker::named("geocoder").failure_rate(0.3);
///
/// let answer = GEOCODER.call(async { Ok::<_, io::Error>("Seoul") }).await;
/// assert_eq!(answer.unwrap(), "Seoul");
///
/// GEOCODER.force_open()?;
/// assert!(GEOCODER.call(async { Ok::<_, io::Error>("Seoul") }).await.is_err());
/// assert_eq!(GEOCODER.snapshot()?.state, CircuitState::ForcedOpen);
/// GEOCODER.reset()?;
/// # Ok(()) }
/// ```
#[must_use = "a breaker does nothing until a call asks it"]
#[derive(Debug)]
pub struct CircuitBreaker {
    pub(super) name: Option<&'static str>,
    pub(super) site: &'static Site,
    pub(super) settings: Settings,
    pub(super) said: Said,
    pub(super) slot: Slot<Breaker>,
}

impl CircuitBreaker {
    /// The breaker of this name.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name: Some(name),
            site: &Site::UNKNOWN,
            settings: Settings::new(),
            said: Said::NOTHING,
            slot: Slot::new(),
        }
    }

    /// A breaker of this handle alone, labelled with its call site.
    pub const fn unnamed() -> Self {
        Self { name: None, site: &Site::UNKNOWN, settings: Settings::new(), said: Said::NOTHING, slot: Slot::new() }
    }

    /// The place named when two settings contradict each other.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// All settings at once.
    pub const fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Which calls are judged together: a number of last calls, or those of a span of time.
    pub const fn window(mut self, window: Window) -> Self {
        self.settings.window = window;
        self.said = self.said.and(0);
        self
    }

    /// Below this number of calls nothing is judged.
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.settings.min_calls = calls;
        self.said = self.said.and(1);
        self
    }

    /// Opens when `failures / calls` reaches this fraction.
    pub const fn failure_rate(mut self, rate: f64) -> Self {
        self.settings.failure_rate = rate;
        self.said = self.said.and(2);
        self
    }

    /// From this duration on, a call is slow. Costs two readings of the clock a call.
    pub const fn slow_call(mut self, from: Duration) -> Self {
        self.settings.slow_call = Some(from);
        self.said = self.said.and(3);
        self
    }

    /// Opens when `slow / calls` reaches this fraction.
    pub const fn slow_rate(mut self, rate: f64) -> Self {
        self.settings.slow_rate = rate;
        self.said = self.said.and(4);
        self
    }

    /// How long the circuit stays open before probes are let through.
    pub const fn open_for(mut self, time: Duration) -> Self {
        self.settings.open_for = time;
        self.said = self.said.and(5);
        self
    }

    /// What `open_for` is multiplied by on each further opening without a closing in between.
    pub const fn open_factor(mut self, factor: f64) -> Self {
        self.settings.open_factor = factor;
        self.said = self.said.and(6);
        self
    }

    /// The longest `open_for` may grow.
    pub const fn open_max(mut self, time: Duration) -> Self {
        self.settings.open_max = time;
        self.said = self.said.and(7);
        self
    }

    /// How many probes a half-open period admits.
    pub const fn half_open_calls(mut self, calls: u32) -> Self {
        self.settings.half_open_calls = calls;
        self.said = self.said.and(8);
        self
    }

    /// When a half-open period is judged although probes are missing.
    pub const fn half_open_max_wait(mut self, time: Duration) -> Self {
        self.settings.half_open_max_wait = time;
        self.said = self.said.and(9);
        self
    }

    /// Asks for permission to make one call. Give the result to [`Pass::record`]; dropping the pass means the call
    /// was cancelled and counts as nothing.
    ///
    /// # Errors
    ///
    /// [`Error::CircuitOpen`] if it is refused, [`Error::Misconfigured`] if the settings contradict another site's or
    /// are out of range.
    #[inline]
    pub fn admit(&self) -> Result<Pass<'_>, Error> {
        self.breaker()?.admit()
    }

    /// Makes one call under this breaker. A panic of the call is a failure, and unwinds on; dropping the future
    /// counts as nothing.
    ///
    /// # Errors
    ///
    /// The call's own error, or [`Error`] through `From` as in [`admit`](Self::admit).
    ///
    /// # Panics
    ///
    /// Resumes the call's own panic.
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: Classify + From<Error>,
    {
        let pass = self.admit()?;
        let outcome = Attempt::new(call).await;
        pass.record(outcome.as_ref().err().map(Classify::verdict));
        outcome.map_err(Failure::into_error)
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// What it does now and what its window holds.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`admit`](Self::admit).
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(self.breaker()?.circuit.snapshot(clock::now()))
    }

    /// Refuses every call until [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`admit`](Self::admit); nothing is changed then.
    pub fn force_open(&self) -> Result<(), Error> {
        self.change(Circuit::force_open)
    }

    /// Refuses every call for so long, then lets probes decide.
    ///
    /// # Errors
    ///
    /// As [`force_open`](Self::force_open).
    pub fn force_open_for(&self, time: Duration) -> Result<(), Error> {
        self.change(|circuit| circuit.force_open_for(time, clock::now()))
    }

    /// Lets every call through and records none, until [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// As [`force_open`](Self::force_open).
    pub fn disable(&self) -> Result<(), Error> {
        self.change(Circuit::disable)
    }

    /// Records and never refuses, and reports when it would have opened: for trying a breaker in production.
    ///
    /// # Errors
    ///
    /// As [`force_open`](Self::force_open).
    pub fn observe(&self) -> Result<(), Error> {
        self.change(Circuit::observe)
    }

    /// Closes the circuit and forgets its window.
    ///
    /// # Errors
    ///
    /// As [`force_open`](Self::force_open).
    pub fn reset(&self) -> Result<(), Error> {
        self.change(Circuit::reset)
    }

    fn change(&self, how: impl FnOnce(&Circuit) -> Option<Transition>) -> Result<(), Error> {
        let breaker = self.breaker()?;
        if let Some(transition) = how(&breaker.circuit) {
            breaker.report(transition);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn breaker(&self) -> Result<&Breaker, Error> {
        self.slot.get(|states| self.look_up(states))
    }
}
