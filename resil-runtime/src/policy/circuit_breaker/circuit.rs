//! What one breaker holds, and the door to it.

use std::sync::Arc;
use std::time::Duration;

use super::gate::Gate;
use super::machine::{NEVER, remaining};
use super::time_window::TimeWindow;
use super::{
    Admission, CircuitState, Judged, Machine, Refusal, Ruling, Sample, Settings, Snapshot, Transition, Window,
};
use crate::clock::nanos;
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock};

/// The circuit of one breaker, shared by all its callers.
///
/// The machine is behind a lock; what the usual call needs of it is published in atomic words before the lock
/// is released. Times are nanoseconds from an arbitrary beginning, and are read only when something needs them.
#[derive(Debug)]
pub(super) struct Circuit {
    gate: AtomicU64,
    /// The deadline of the open circuit, or of the last one.
    reopen_at: AtomicU64,
    refused: AtomicU64,
    /// From this duration on a call is slow.
    slow_from: AtomicU64,
    /// Of a window that was one of time from the beginning; it counts nothing while it is not. One that became so is counted
    /// under the lock alone.
    time: Option<Box<TimeWindow>>,
    machine: Mutex<Machine>,
}

impl Circuit {
    /// A closed circuit.
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        let slow_from = settings.slow_call.map_or(NEVER, nanos);
        let time = matches!(settings.window, Window::Time(_)).then(|| Box::new(TimeWindow::new()));
        let machine = Machine::new(settings);
        Self {
            gate: AtomicU64::new(gate(&machine).word()),
            reopen_at: AtomicU64::new(machine.deadline()),
            refused: AtomicU64::new(0),
            slow_from: AtomicU64::new(slow_from),
            time,
            machine: Mutex::new(machine),
        }
    }

    /// Asks whether a call may be made. Whoever is admitted must bring a [`Sample`] to [`record`](Self::record).
    /// The transition is one that the call brought about by asking.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the circuit is open, or half-open with all its places taken.
    #[inline]
    pub(super) fn admit(&self, now: impl FnOnce() -> u64) -> Result<(Admission, Option<Transition>), Refusal> {
        let gate = self.gate();
        if gate.lets_all_pass() {
            let started = if self.judges_slow_calls() { now() } else { NEVER };
            return Ok((Admission { gate, started }, None));
        }
        let now = now();
        let reopen_at = self.reopen_at.load(Ordering::Relaxed);
        if gate.is_open() && now < reopen_at {
            return Err(self.refuse(remaining(reopen_at, now), None));
        }
        self.ask_machine(now)
    }

    /// Admits a call if that takes no more than a look at the gate: the usual case, small enough to be inlined.
    #[inline]
    pub(super) fn admit_at_once(&self) -> Option<Admission> {
        let gate = self.gate();
        let at_once = gate.lets_all_pass() && !self.judges_slow_calls();
        at_once.then_some(Admission { gate, started: NEVER })
    }

    /// Whether this success changes nothing: the usual case, small enough to be inlined.
    #[inline]
    pub(super) fn is_unmoved_by_success(&self, admission: Admission) -> bool {
        !admission.is_timed() && self.gate().is_clean()
    }

    /// Tells how an admitted call ended. The result of a call that was admitted in an earlier state changes nothing.
    #[inline]
    #[must_use = "the caller reports it"]
    pub(super) fn record(&self, admission: Admission, sample: Sample, now: impl FnOnce() -> u64) -> Option<Transition> {
        let failed = match sample {
            Sample::Success => false,
            Sample::Failure => true,
            Sample::CutShort => return self.record_cut_short(admission, now),
            Sample::CallerFault | Sample::Cancelled => {
                if admission.is_probe() {
                    self.give_back(admission, sample == Sample::CallerFault);
                }
                return None;
            }
        };
        if self.time.is_some() || admission.is_timed() {
            self.record_timed(admission, failed, now())
        } else if !failed && self.gate().is_clean() {
            None
        } else {
            self.record_counted(admission, failed, now)
        }
    }

    /// What an operator sees.
    pub(super) fn snapshot(&self, now: u64) -> Snapshot {
        let mut machine = self.lock();
        self.advance(&mut machine, now);
        let not_permitted = self.refused.load(Ordering::Relaxed);
        Snapshot { not_permitted, ..machine.snapshot(now) }
    }

    /// What the page shows.
    #[cfg(feature = "dashboard")]
    pub(super) fn look(&self, now: u64) -> (Snapshot, super::view::Judging) {
        let mut machine = self.lock();
        self.advance(&mut machine, now);
        let not_permitted = self.refused.load(Ordering::Relaxed);
        (Snapshot { not_permitted, ..machine.snapshot(now) }, machine.judging())
    }

    /// Refuses every call until another of these is called.
    #[must_use = "the caller reports it"]
    pub(super) fn force_open(&self) -> Option<Transition> {
        self.change(Machine::force_open)
    }

    /// Refuses every call until the time is over, then lets probes decide.
    #[must_use = "the caller reports it"]
    pub(super) fn force_open_for(&self, time: Duration, now: u64) -> Option<Transition> {
        self.change(|machine| machine.force_open_for(time, now))
    }

    /// Lets every call pass and records none.
    #[must_use = "the caller reports it"]
    pub(super) fn disable(&self) -> Option<Transition> {
        self.change(Machine::disable)
    }

    /// Lets every call pass, records, and reports when the circuit would have opened.
    #[must_use = "the caller reports it"]
    pub(super) fn observe(&self) -> Option<Transition> {
        self.change(Machine::observe)
    }

    /// Closes the circuit and forgets all calls.
    #[must_use = "the caller reports it"]
    pub(super) fn reset(&self) -> Option<Transition> {
        self.change(Machine::reset)
    }

    /// Goes on with these settings. State, probes and the waiting time stay; `true` if the window has to begin anew.
    #[cfg(feature = "config")]
    pub(super) fn configure(&self, settings: Arc<Settings>, now: u64) -> bool {
        let mut machine = self.lock();
        self.advance(&mut machine, now);
        self.slow_from.store(settings.slow_call.map_or(NEVER, nanos), Ordering::Relaxed);
        let begins_anew = machine.configure(settings);
        self.publish(&machine);
        begins_anew
    }

    /// The mode that was last put in force.
    #[cfg(feature = "config")]
    pub(super) fn mode(&self) -> u8 {
        self.lock().mode()
    }

    /// Puts a mode in force, and answers the one that was.
    #[cfg(feature = "config")]
    pub(super) fn replace_mode(&self, mode: u8) -> u8 {
        self.lock().replace_mode(mode)
    }

    /// Begins anew, unless the circuit is doing anything but rest in this state.
    #[must_use]
    pub(super) fn forget(&self, resting: CircuitState) -> bool {
        let mut machine = self.lock();
        let rests = machine.state() == resting;
        if rests {
            machine.forget();
            self.publish(&machine);
        }
        rests
    }

    #[inline]
    fn judges_slow_calls(&self) -> bool {
        self.slow_from() != NEVER
    }

    #[inline]
    fn slow_from(&self) -> u64 {
        self.slow_from.load(Ordering::Relaxed)
    }

    #[inline]
    fn gate(&self) -> Gate {
        Gate::from_word(self.gate.load(Ordering::Acquire))
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Machine> {
        lock(&self.machine)
    }

    #[cold]
    fn ask_machine(&self, now: u64) -> Result<(Admission, Option<Transition>), Refusal> {
        let mut machine = self.lock();
        let (answer, transition) = machine.admit(now);
        if transition.is_some() {
            self.publish(&machine);
        }
        if answer == Ruling::Refuse {
            return Err(self.refuse(machine.wait(now), transition));
        }
        let started = if self.judges_slow_calls() { now } else { NEVER };
        Ok((Admission { gate: gate(&machine), started }, transition))
    }

    /// Out of line, so that the usual case stays small where it is inlined.
    #[inline(never)]
    fn record_counted(&self, admission: Admission, failed: bool, now: impl FnOnce() -> u64) -> Option<Transition> {
        let call = Judged { failed, slow: false };
        self.in_generation(admission, |machine| {
            #[cfg(feature = "config")]
            if machine.counts_time() {
                let now = now();
                machine.advance(0, now);
                return machine.record(call, || now);
            }
            machine.record(call, now)
        })
    }

    /// The same where the time matters. A fast success is over here, in both kinds of window, if it changes nothing.
    fn record_timed(&self, admission: Admission, failed: bool, now: u64) -> Option<Transition> {
        let slow = admission.is_timed() && now.saturating_sub(admission.started) >= self.slow_from();
        if !failed && !slow {
            let counted = self.time.as_ref().is_some_and(|time| time.add(admission.generation(), now));
            let done = counted || self.gate().is_clean();
            if done {
                return None;
            }
        }
        self.record_timed_locked(admission, Judged { failed, slow }, now)
    }

    /// A success that comes as late would be slow. Of what was faster nothing is known.
    #[cold]
    fn record_cut_short(&self, admission: Admission, now: impl FnOnce() -> u64) -> Option<Transition> {
        if admission.is_timed() {
            let now = now();
            if now.saturating_sub(admission.started) >= self.slow_from() {
                return self.record_timed_locked(admission, Judged { failed: false, slow: true }, now);
            }
        }
        if admission.is_probe() {
            self.give_back(admission, false);
        }
        None
    }

    #[inline(never)]
    fn record_timed_locked(&self, admission: Admission, call: Judged, now: u64) -> Option<Transition> {
        self.in_generation(admission, |machine| {
            self.advance(machine, now);
            machine.record(call, || now)
        })
    }

    /// Runs `change` under the lock, unless the generation is over.
    #[inline]
    fn in_generation(
        &self,
        admission: Admission,
        change: impl FnOnce(&mut Machine) -> Option<Transition>,
    ) -> Option<Transition> {
        let mut machine = self.lock();
        if machine.generation() != admission.generation() {
            return None;
        }
        let transition = change(&mut machine);
        self.publish(&machine);
        transition
    }

    #[cold]
    fn give_back(&self, admission: Admission, caller_fault: bool) {
        let mut machine = self.lock();
        if machine.generation() == admission.generation() {
            machine.give_back(caller_fault);
        }
    }

    fn change(&self, how: impl FnOnce(&mut Machine) -> Option<Transition>) -> Option<Transition> {
        let mut machine = self.lock();
        let transition = how(&mut machine);
        self.publish(&machine);
        transition
    }

    /// Brings a time window up to now.
    fn advance(&self, machine: &mut Machine, now: u64) {
        let successes = self.time.as_ref().map_or(0, |time| time.drain(machine.generation()));
        machine.advance(successes, now);
    }

    /// Tells the callers that take no lock. It runs before the lock is released, so that a success either finds
    /// the window clean, which orders it before a racing failure, or waits for the lock.
    #[inline]
    fn publish(&self, machine: &Machine) {
        let (old, new) = (self.gate(), gate(machine));
        if old.generation() != new.generation() {
            self.begin(machine);
        }
        if let Some(time) = &self.time {
            time.stay_quiet_until(machine.quiet_until());
        }
        if old != new {
            self.gate.store(new.word(), Ordering::Release);
        }
    }

    /// The part of publishing that only a new state needs.
    #[cold]
    fn begin(&self, machine: &Machine) {
        self.refused.store(0, Ordering::Relaxed);
        if machine.state().is_open() {
            self.reopen_at.store(machine.deadline(), Ordering::Relaxed);
        }
        if let Some(time) = &self.time {
            // What was counted goes with its state.
            let _ = time.drain(machine.generation());
        }
    }

    #[inline]
    fn refuse(&self, wait: u64, transition: Option<Transition>) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refusal { wait, transition }
    }
}

fn gate(machine: &Machine) -> Gate {
    Gate::new(machine.state(), machine.generation(), machine.is_clean())
}
