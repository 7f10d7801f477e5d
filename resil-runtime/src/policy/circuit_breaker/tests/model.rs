//! The real breaker against the naive one.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{Admission, Circuit, CircuitState, Sample, Settings, Window};
use super::naive::{Call, Naive};
use super::support::valid;

#[derive(Clone, Debug)]
enum Input {
    /// A call begins.
    Begin,
    /// One of the running calls ends, in any order.
    End(usize, Sample),
    /// Calls that succeed at once.
    Successes(usize),
    Wait(u64),
    Look,
    Control(Control),
}

#[derive(Clone, Copy, Debug)]
enum Control {
    ForceOpen,
    ForceOpenFor(u64),
    Disable,
    Observe,
    Reset,
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        6 => Just(Sample::Success),
        // A panic is recorded as a failure too.
        5 => Just(Sample::Failure),
        1 => Just(Sample::CallerFault),
        1 => Just(Sample::Cancelled),
        2 => Just(Sample::CutShort),
    ]
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        1 => Just(Control::ForceOpen),
        1 => (1..200_u64).prop_map(Control::ForceOpenFor),
        1 => Just(Control::Disable),
        4 => Just(Control::Observe),
        4 => Just(Control::Reset),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Input>> {
    let step = prop_oneof![
        20 => Just(Input::Begin),
        20 => (any::<prop::sample::Index>(), sample()).prop_map(|(index, sample)| Input::End(index.index(8), sample)),
        6 => (1..12_usize).prop_map(Input::Successes),
        8 => (0..30_u64).prop_map(Input::Wait),
        2 => (30..300_u64).prop_map(Input::Wait),
        2 => Just(Input::Look),
        1 => control().prop_map(Input::Control),
    ];
    prop::collection::vec(step, 0..300)
}

prop_compose! {
    fn settings()(
        window in prop_oneof![
            (1..9_u32).prop_map(Window::Calls),
            (1..30_u64).prop_map(|width| Window::Time(Duration::from_nanos(width * 10))),
        ],
        min_calls in 1..8_u32,
        failure_rate in prop_oneof![Just(0.5), Just(1.0), 0.05..0.95],
        slow_call in prop::option::of((1..40_u64).prop_map(Duration::from_nanos)),
        slow_rate in prop_oneof![Just(0.5), Just(1.0), 0.05..0.95],
        open_factor in prop_oneof![Just(1.0), Just(1.5), Just(2.0)],
        half_open_calls in 1..5_u32,
        max_wait in 20..200_u64,
    ) -> Settings {
        let capped = match window {
            Window::Calls(size) => min_calls.min(size),
            Window::Time(_) => min_calls,
        };
        Settings {
            window,
            min_calls: capped,
            failure_rate,
            slow_call,
            slow_rate,
            open_for: Duration::from_nanos(64),
            open_factor,
            open_max: Duration::from_nanos(300),
            half_open_calls,
            half_open_max_wait: Duration::from_nanos(max_wait),
        }
    }
}

struct Both {
    real: Circuit,
    naive: Naive,
    running: Vec<(Admission, Call)>,
    now: u64,
}

impl Both {
    fn new(settings: Settings, now: u64) -> Self {
        Self { real: Circuit::new(valid(settings)), naive: Naive::new(settings), running: Vec::new(), now }
    }

    fn run(&mut self, step: &Input) {
        match *step {
            Input::Begin => self.begin(),
            Input::End(index, sample) if !self.running.is_empty() => {
                self.end(index % self.running.len(), sample);
            }
            Input::End(..) => {}
            Input::Successes(number) => {
                for _ in 0..number {
                    let running = self.running.len();
                    self.begin();
                    if self.running.len() > running {
                        self.end(running, Sample::Success);
                    }
                }
            }
            Input::Wait(time) => self.now += time,
            Input::Look => assert_eq!(self.real.snapshot(self.now), self.naive.snapshot(self.now)),
            Input::Control(control) => self.control(control),
        }
    }

    fn begin(&mut self) {
        let (call, expected) = self.naive.admit(self.now);
        let (admission, transition) = match self.real.admit(|| self.now) {
            Ok((admission, transition)) => (Some(admission), transition),
            Err(refusal) => {
                let expected = self.naive.snapshot(self.now).retry_after;
                assert_eq!(refusal.retry_after(), expected);
                (None, refusal.transition)
            }
        };
        assert_eq!(transition, expected);
        assert_eq!(admission.map(Admission::is_probe), call.map(|call| call.is_probe));
        assert_eq!(
            admission.map(Admission::generation).map(|generation| generation as usize),
            call.map(|call| call.state_number)
        );
        self.running.extend(admission.zip(call));
    }

    fn end(&mut self, index: usize, sample: Sample) {
        let (admission, call) = self.running.swap_remove(index);
        let expected = self.naive.record(call, sample, self.now);
        assert_eq!(self.real.record(admission, sample, || self.now), expected);
    }

    fn control(&mut self, control: Control) {
        let (real, now, never) = (&self.real, self.now, u64::MAX);
        let (state, open_for, transition) = match control {
            Control::ForceOpen => (CircuitState::ForcedOpen, never, real.force_open()),
            Control::ForceOpenFor(time) => {
                let transition = real.force_open_for(Duration::from_nanos(time), now);
                (CircuitState::ForcedOpen, time, transition)
            }
            Control::Disable => (CircuitState::Disabled, never, real.disable()),
            Control::Observe => (CircuitState::Observing, never, real.observe()),
            Control::Reset => (CircuitState::Closed, never, real.reset()),
        };
        assert_eq!(transition, self.naive.force(state, open_for, now));
    }
}

proptest! {


    #[test]
    fn the_breaker_does_what_the_naive_one_does(
        settings in settings(),
        start in 0..1_000_000_u64,
        steps in steps(),
    ) {
        let mut both = Both::new(settings, start);
        for step in &steps {
            both.run(step);
        }
        both.run(&Input::Look);
    }
}
