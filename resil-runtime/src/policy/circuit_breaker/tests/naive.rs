//! The breaker as one would write it to be read: every call of the state in a list, every rule applied each time.

#![expect(clippy::cast_precision_loss, reason = "a few hundred calls")]

use std::time::Duration;

use super::super::{Cause, CircuitState, Judged, Sample, Settings, Snapshot, Transition, Window};
use crate::clock::nanos;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) state_number: usize,
    pub(super) is_probe: bool,
    began: u64,
}

pub(super) struct Naive {
    settings: Settings,
    state: CircuitState,
    state_number: usize,
    /// When and how the calls of this state ended; in open, those that opened the circuit.
    ended: Vec<(u64, Judged)>,
    running: usize,
    caller_faults: usize,
    began: u64,
    open_for: u64,
    openings: i32,
    crossed: bool,
    refused: u64,
}

impl Naive {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: CircuitState::Closed,
            state_number: 0,
            ended: Vec::new(),
            running: 0,
            caller_faults: 0,
            began: 0,
            open_for: 0,
            openings: 0,
            crossed: false,
            refused: 0,
        }
    }

    pub(super) fn admit(&mut self, now: u64) -> (Option<Call>, Option<Transition>) {
        let in_state_for = now - self.began;
        let max_wait = nanos(self.settings.half_open_max_wait);
        let mut transition = None;
        if matches!(self.state, CircuitState::Open | CircuitState::ForcedOpen) && in_state_for >= self.open_for {
            transition = Some(self.enter(CircuitState::HalfOpen, Cause::WaitOver, now));
        } else if self.state == CircuitState::HalfOpen && in_state_for >= max_wait {
            transition = Some(match (self.ended.len(), self.caller_faults) {
                (0, 0) => self.open(Cause::NoProbeEnded, now),
                (0, _) => self.enter(CircuitState::Closed, Cause::OnlyCallerFaults, now),
                _ => self.judge_probes(now),
            });
        }
        let is_probe = self.state == CircuitState::HalfOpen;
        let places = self.settings.half_open_calls as usize;
        let refused = match self.state {
            CircuitState::Open | CircuitState::ForcedOpen => true,
            CircuitState::HalfOpen => self.running + self.ended.len() >= places,
            _ => false,
        };
        if refused {
            self.refused += 1;
            return (None, transition);
        }
        self.running += usize::from(is_probe);
        let call = Call { state_number: self.state_number, is_probe, began: now };
        (Some(call), transition)
    }

    pub(super) fn record(&mut self, call: Call, sample: Sample, now: u64) -> Option<Transition> {
        if call.state_number != self.state_number || self.state == CircuitState::Disabled {
            return None;
        }
        self.running -= usize::from(call.is_probe);
        let slow = self.settings.slow_call.is_some_and(|from| now - call.began >= nanos(from));
        match sample {
            Sample::CutShort if slow => {}
            Sample::Cancelled | Sample::CutShort => return None,
            Sample::CallerFault => {
                self.caller_faults += 1;
                return None;
            }
            Sample::Success | Sample::Failure => {}
        }
        self.ended.push((now, Judged { failed: sample == Sample::Failure, slow }));
        if self.state == CircuitState::HalfOpen {
            let all = self.ended.len() == self.settings.half_open_calls as usize;
            return all.then(|| self.judge_probes(now));
        }
        let window = self.window(now);
        let cause = if window.len() >= self.enough() { self.reached(&window) } else { None };
        if self.state == CircuitState::Closed {
            return cause.map(|cause| {
                self.ended = window.into_iter().map(|call| (now, call)).collect();
                self.open(cause, now)
            });
        }
        let crosses = cause.is_some() && !self.crossed;
        self.crossed = cause.is_some();
        let (from, to) = (CircuitState::Observing, CircuitState::Observing);
        cause.filter(|_| crosses).map(|cause| Transition { from, to, cause })
    }

    pub(super) fn force(&mut self, state: CircuitState, open_for: u64, now: u64) -> Option<Transition> {
        let transition = self.enter(state, Cause::Manual, now);
        self.open_for = open_for;
        (transition.from != state).then_some(transition)
    }

    pub(super) fn snapshot(&self, now: u64) -> Snapshot {
        let is_open = matches!(self.state, CircuitState::Open | CircuitState::ForcedOpen);
        let (calls, enough) = match self.state {
            CircuitState::HalfOpen => (self.all(), self.settings.half_open_calls as usize),
            _ if is_open => (self.all(), 1),
            _ => (self.window(now), self.enough()),
        };
        let failures = count(&calls, |call| call.failed);
        let slow = count(&calls, |call| call.slow);
        let rate = |part: usize| (calls.len() >= enough).then(|| part as f64 / calls.len() as f64);
        Snapshot {
            state: self.state,
            calls: calls.len() as u64,
            failures: failures as u64,
            slow: slow as u64,
            failure_rate: rate(failures),
            slow_rate: rate(slow).filter(|_| self.settings.slow_call.is_some()),
            not_permitted: self.refused,
            retry_after: (is_open && self.open_for != u64::MAX)
                .then(|| Duration::from_nanos((self.began + self.open_for).saturating_sub(now))),
        }
    }

    fn enough(&self) -> usize {
        match self.settings.window {
            Window::Calls(size) => self.settings.min_calls.min(size) as usize,
            Window::Time(_) => self.settings.min_calls as usize,
        }
    }

    fn all(&self) -> Vec<Judged> {
        self.ended.iter().map(|&(_, call)| call).collect()
    }

    fn window(&self, now: u64) -> Vec<Judged> {
        match self.settings.window {
            Window::Calls(size) => self.all().into_iter().rev().take(size as usize).collect(),
            Window::Time(span) => {
                let bucket = |time: u64| time / (nanos(span) / 10);
                let fits = |time: u64| bucket(time) + 10 > bucket(now);
                self.ended.iter().filter(|&&(time, _)| fits(time)).map(|&(_, call)| call).collect()
            }
        }
    }

    fn reached(&self, calls: &[Judged]) -> Option<Cause> {
        let reaches = |part: usize, rate: f64| part as f64 / calls.len() as f64 >= rate;
        if reaches(count(calls, |call| call.failed), self.settings.failure_rate) {
            Some(Cause::FailureRate)
        } else if reaches(count(calls, |call| call.slow), self.settings.slow_rate) {
            Some(Cause::SlowRate)
        } else {
            None
        }
    }

    fn judge_probes(&mut self, now: u64) -> Transition {
        match self.reached(&self.all()) {
            Some(cause) => self.open(cause, now),
            None => self.enter(CircuitState::Closed, Cause::ProbesPassed, now),
        }
    }

    fn open(&mut self, cause: Cause, now: u64) -> Transition {
        let opened_by = std::mem::take(&mut self.ended);
        let transition = self.enter(CircuitState::Open, cause, now);
        let Settings { open_for, open_factor, open_max, .. } = self.settings;
        let grown = open_for.mul_f64(open_factor.powi(self.openings));
        self.openings += 1;
        self.ended = opened_by;
        self.open_for = nanos(if open_factor > 1.0 { grown.min(open_max) } else { open_for });
        transition
    }

    fn enter(&mut self, to: CircuitState, cause: Cause, now: u64) -> Transition {
        let from = std::mem::replace(&mut self.state, to);
        self.state_number += 1;
        self.ended.clear();
        (self.running, self.caller_faults, self.refused) = (0, 0, 0);
        self.began = now;
        self.crossed = false;
        if to == CircuitState::Closed {
            self.openings = 0;
        }
        Transition { from, to, cause }
    }
}

fn count(calls: &[Judged], test: impl Fn(&Judged) -> bool) -> usize {
    calls.iter().filter(|call| test(call)).count()
}
