//! The state machine: no clock, no lock, no atomics.

use std::sync::Arc;
use std::time::Duration;

use super::recent::Recent;
use super::{Cause, CircuitState, Judged, Settings, Snapshot, Tally, Transition};
use crate::clock::nanos;

/// The deadline of a circuit that stays open until someone closes it.
pub(super) const NEVER: u64 = u64::MAX;

/// What the machine says to a call that asks to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// Go.
    Pass,
    /// Go, and take a place among the probes.
    Place,
    /// Do not go.
    Refuse,
}

/// The states of a breaker, its window and its probes. Times are nanoseconds from an arbitrary beginning.
///
/// Each state is a generation of its own. The caller keeps the generation in which a call was admitted, and
/// brings the result of a call only if that generation still lasts.
#[derive(Debug)]
pub(super) struct Machine {
    settings: Arc<Settings>,
    history: Recent,
    /// The probes recorded in this half-open period; in open, the calls that opened the circuit.
    judged: Tally,
    /// When an open state lets probes through, or a half-open one is judged without the missing probes.
    deadline: u64,
    /// How long the next opening lasts.
    next_wait: Duration,
    generation: u32,
    /// Places of this half-open period that are held by a running probe or kept by a recorded one.
    places_taken: u32,
    /// Whether a probe of this half-open period ended as its caller's fault.
    caller_fault: bool,
    /// Whether, while observing, the circuit would be open.
    crossed: bool,
    state: CircuitState,
    /// The mode that was last put in force, whatever an operator has done to the circuit since.
    #[cfg(feature = "config")]
    mode: u8,
}

impl Machine {
    /// A closed circuit.
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            history: Recent::new(&settings),
            judged: Tally::default(),
            deadline: NEVER,
            next_wait: settings.open_for,
            settings,
            generation: 0,
            places_taken: 0,
            caller_fault: false,
            crossed: false,
            state: CircuitState::Closed,
            #[cfg(feature = "config")]
            mode: 0,
        }
    }

    /// The state that lasts.
    #[inline]
    pub(super) fn state(&self) -> CircuitState {
        self.state
    }

    /// The number of the state that lasts.
    #[inline]
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// When an open circuit lets probes through, or a half-open one is judged as it is.
    #[inline]
    pub(super) fn deadline(&self) -> u64 {
        self.deadline
    }

    /// A call asks to pass. This is also the moment that ends an open state or an overdue half-open one.
    #[must_use = "the caller reports it"]
    pub(super) fn admit(&mut self, now: u64) -> (Ruling, Option<Transition>) {
        let overdue = now >= self.deadline;
        let transition = match self.state {
            CircuitState::Open | CircuitState::ForcedOpen if overdue => Some(self.half_open(now)),
            CircuitState::HalfOpen if overdue => Some(self.judge_overdue(now)),
            _ => None,
        };
        let answer = match self.state {
            state if state.lets_all_pass() => Ruling::Pass,
            CircuitState::HalfOpen if self.places_taken < self.settings.half_open_calls => {
                self.places_taken += 1;
                Ruling::Place
            }
            _ => Ruling::Refuse,
        };
        (answer, transition)
    }

    /// A call of this generation ended, well or badly. The time is read only if the circuit opens.
    #[must_use = "the caller reports it"]
    #[inline]
    pub(super) fn record(&mut self, call: Judged, now: impl FnOnce() -> u64) -> Option<Transition> {
        match self.state {
            CircuitState::Closed | CircuitState::Observing => {
                let matters = self.history.record(call);
                // Observing, a success matters too: it may end a crossing.
                if !matters && self.state == CircuitState::Closed {
                    return None;
                }
                self.judge_window(now)
            }
            CircuitState::HalfOpen => {
                self.judged.add(call);
                let all = self.judged.calls >= self.settings.half_open_calls.into();
                all.then(|| self.judge_probes(now()))
            }
            CircuitState::Disabled | CircuitState::Open | CircuitState::ForcedOpen => None,
        }
    }

    /// A probe of this generation ended without a result, so that another may have its place.
    pub(super) fn give_back(&mut self, caller_fault: bool) {
        if self.state == CircuitState::HalfOpen {
            self.places_taken -= 1;
            self.caller_fault |= caller_fault;
        }
    }

    /// For a time window, before anything else: fast successes that belong to the bucket so far, and the time now.
    pub(super) fn advance(&mut self, successes: u64, now: u64) {
        self.history.advance(successes, now);
    }

    /// Whether the window is full of fast successes, so that one more changes nothing.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        self.history.is_clean()
    }

    /// Until when one more fast success cannot change a decision about a time window; 0 if the next one can.
    pub(super) fn quiet_until(&self) -> u64 {
        // Within a bucket a fast success lowers both rates. It only decides if a rate is reached already, and
        // either calls are missing or an observed circuit is about to recover.
        let records = self.state <= CircuitState::Observing;
        if records && self.history.tally().reaches(&self.settings).is_none() { self.history.current_ends() } else { 0 }
    }

    #[cfg(feature = "dashboard")]
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The window in so many parts at most, the oldest first.
    #[cfg(feature = "dashboard")]
    pub(super) fn cells(&self, most: u32) -> impl Iterator<Item = Tally> {
        self.history.cells(most)
    }

    /// How long the circuit stays open from now on, or [`NEVER`] if nobody knows.
    pub(super) fn wait(&self, now: u64) -> u64 {
        let is_open = self.state.is_open();
        remaining(if is_open { self.deadline } else { NEVER }, now)
    }

    /// What an operator sees, but for the refusals, which the machine does not count.
    pub(super) fn snapshot(&self, now: u64) -> Snapshot {
        let (tally, enough) = match self.state {
            CircuitState::Closed | CircuitState::Observing | CircuitState::Disabled => {
                (self.history.tally(), self.settings.enough_calls())
            }
            CircuitState::HalfOpen => (self.judged, self.settings.half_open_calls.into()),
            CircuitState::Open | CircuitState::ForcedOpen => (self.judged, 1),
        };
        let judges_slow_calls = self.settings.slow_call.is_some();
        Snapshot {
            state: self.state,
            calls: tally.calls,
            failures: tally.failures,
            slow: tally.slow,
            failure_rate: tally.failure_rate(enough),
            slow_rate: tally.slow_rate(enough).filter(|_| judges_slow_calls),
            not_permitted: 0,
            retry_after: known(self.wait(now)),
        }
    }

    /// Refuses every call until another of these is called.
    #[must_use = "the caller reports it"]
    pub(super) fn force_open(&mut self) -> Option<Transition> {
        self.force(CircuitState::ForcedOpen)
    }

    /// Refuses every call until the time is over, then lets probes decide.
    #[must_use = "the caller reports it"]
    pub(super) fn force_open_for(&mut self, time: Duration, now: u64) -> Option<Transition> {
        let transition = self.force(CircuitState::ForcedOpen);
        self.deadline = now.saturating_add(nanos(time));
        transition
    }

    /// Lets every call pass and records none.
    #[must_use = "the caller reports it"]
    pub(super) fn disable(&mut self) -> Option<Transition> {
        self.force(CircuitState::Disabled)
    }

    /// Lets every call pass, records, and reports when the circuit would have opened.
    #[must_use = "the caller reports it"]
    pub(super) fn observe(&mut self) -> Option<Transition> {
        self.force(CircuitState::Observing)
    }

    /// Closes the circuit and forgets all calls.
    #[must_use = "the caller reports it"]
    pub(super) fn reset(&mut self) -> Option<Transition> {
        self.next_wait = self.settings.open_for;
        self.force(CircuitState::Closed)
    }

    /// Goes on with these settings; `true` if the window begins anew, because its kind or length is another. Then, while
    /// it counts, a new generation begins with it: results of calls that are under way belong to the window before.
    #[cfg(feature = "config")]
    pub(super) fn configure(&mut self, settings: Arc<Settings>) -> bool {
        let old = std::mem::replace(&mut self.settings, settings);
        let new = &*self.settings;
        // What has grown stays, within its bounds.
        let has_grown = self.next_wait != old.open_for && new.open_factor > 1.0;
        self.next_wait = if has_grown { self.next_wait.min(new.open_max).max(new.open_for) } else { new.open_for };
        if old.window == new.window {
            self.history.judge_slow_calls(new.slow_call.is_some());
            return false;
        }
        self.history = Recent::new(new);
        self.crossed = false;
        if self.state <= CircuitState::Observing {
            self.generation = self.generation.wrapping_add(1);
        }
        true
    }

    /// Whether the window is one of time.
    #[cfg(feature = "config")]
    pub(super) fn counts_time(&self) -> bool {
        matches!(self.history, Recent::Time(_))
    }

    /// The mode that is put in force, and the one that was.
    #[cfg(feature = "config")]
    pub(super) fn replace_mode(&mut self, mode: u8) -> u8 {
        std::mem::replace(&mut self.mode, mode)
    }

    #[cfg(feature = "config")]
    pub(super) fn mode(&self) -> u8 {
        self.mode
    }

    /// Begins anew, in the state it is in.
    pub(super) fn forget(&mut self) {
        self.next_wait = self.settings.open_for;
        _ = self.force(self.state);
    }

    fn judge_window(&mut self, now: impl FnOnce() -> u64) -> Option<Transition> {
        let tally = self.history.tally();
        let enough = tally.calls >= self.settings.enough_calls();
        let cause = tally.reaches(&self.settings).filter(|_| enough);
        if self.state == CircuitState::Closed {
            return cause.map(|cause| self.open(cause, tally, now()));
        }
        let crossed = std::mem::replace(&mut self.crossed, cause.is_some());
        let (from, to) = (CircuitState::Observing, CircuitState::Observing);
        cause.filter(|_| !crossed).map(|cause| Transition { from, to, cause })
    }

    fn judge_probes(&mut self, now: u64) -> Transition {
        match self.judged.reaches(&self.settings) {
            Some(cause) => self.open(cause, self.judged, now),
            None => self.close(Cause::ProbesPassed),
        }
    }

    fn judge_overdue(&mut self, now: u64) -> Transition {
        match (self.judged.calls, self.caller_fault) {
            (0, true) => self.close(Cause::OnlyCallerFaults),
            (0, false) => self.open(Cause::NoProbeEnded, self.judged, now),
            _ => self.judge_probes(now),
        }
    }

    fn open(&mut self, cause: Cause, judged: Tally, now: u64) -> Transition {
        let transition = self.enter(CircuitState::Open, cause);
        self.judged = judged;
        self.deadline = now.saturating_add(nanos(self.next_wait));
        if self.settings.open_factor > 1.0 {
            let grown = self.next_wait.as_secs_f64() * self.settings.open_factor;
            let grown = Duration::try_from_secs_f64(grown).unwrap_or(Duration::MAX);
            self.next_wait = grown.min(self.settings.open_max);
        }
        transition
    }

    fn half_open(&mut self, now: u64) -> Transition {
        let transition = self.enter(CircuitState::HalfOpen, Cause::WaitOver);
        self.deadline = now.saturating_add(nanos(self.settings.half_open_max_wait));
        transition
    }

    fn close(&mut self, cause: Cause) -> Transition {
        self.next_wait = self.settings.open_for;
        self.enter(CircuitState::Closed, cause)
    }

    fn force(&mut self, state: CircuitState) -> Option<Transition> {
        let transition = self.enter(state, Cause::Manual);
        (transition.from != state).then_some(transition)
    }

    /// Every state begins with nothing counted and no place taken; results of the one before no longer count.
    fn enter(&mut self, to: CircuitState, cause: Cause) -> Transition {
        let from = std::mem::replace(&mut self.state, to);
        self.generation = self.generation.wrapping_add(1);
        self.history.clear();
        self.judged = Tally::default();
        self.deadline = NEVER;
        self.places_taken = 0;
        self.caller_fault = false;
        self.crossed = false;
        Transition { from, to, cause }
    }
}

/// How long it is until `deadline`, which may be never.
#[inline]
pub(super) fn remaining(deadline: u64, now: u64) -> u64 {
    if deadline == NEVER { NEVER } else { deadline.saturating_sub(now) }
}

/// The duration for those who are not counting nanoseconds.
pub(super) fn known(wait: u64) -> Option<Duration> {
    (wait != NEVER).then(|| Duration::from_nanos(wait))
}
