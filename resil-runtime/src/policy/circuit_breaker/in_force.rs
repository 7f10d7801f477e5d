//! What of a circuit breaker can be set from outside.

use super::{Breaker, Cause, CircuitBreaker, CircuitState, Settings, Transition, Window};
use crate::Site;
use crate::clock;
use crate::registry::in_force::Said;
use crate::registry::in_force::{Adjustable, Flaw, Key, Put, Subject, Takes, Value, Values, no_bound, no_limit};

/// A circuit keeps the place of the one in force.
const MODES: [&str; 4] = ["normal", "observe", "disabled", "forced_open"];

pub(crate) static CIRCUIT_BREAKER: Adjustable = Adjustable {
    name: "circuit_breaker",
    words: "circuit breaker",
    has_names: true,
    is_stateless: false,
    // The place of each is what a handle marks as said.
    keys: &[
        Key::new("window", Takes::Window(super::settings::MAX_WINDOW_CALLS), "100"),
        Key::new("min_calls", Takes::Count(1, u32::MAX), "20"),
        Key::new("failure_rate", Takes::Rate, "0.5"),
        Key::new("slow_call", Takes::Time, "\"2s\""),
        Key::new("slow_rate", Takes::Rate, "0.5"),
        Key::new("open_for", Takes::Time, "\"30s\""),
        Key::new("open_factor", Takes::Factor, "2.0"),
        Key::new("open_max", Takes::Time, "\"10m\""),
        Key::new("half_open_calls", Takes::Count(1, u32::MAX), "5"),
        Key::new("half_open_max_wait", Takes::Time, "\"60s\""),
        Key::new("mode", Takes::OneOf(&MODES), "\"observe\""),
    ],
    judge,
    beyond: no_bound,
    bound: no_limit,
};

pub(super) fn subject(handle: &CircuitBreaker) -> Subject {
    let CircuitBreaker { name, site, settings, said, .. } = handle;
    Subject::new(&CIRCUIT_BREAKER, *name, site, *said, values(settings), values(&Settings::new()))
}

pub(super) fn of_settings(settings: &Settings) -> Subject {
    let usual = values(&Settings::new());
    Subject::new(&CIRCUIT_BREAKER, None, &Site::UNKNOWN, Said::NOTHING, values(settings), usual)
}

fn values(settings: &Settings) -> [Option<Value>; 11] {
    let window = match settings.window {
        Window::Calls(calls) => Value::Count(calls),
        Window::Time(time) => Value::Time(time),
    };
    [
        Some(window),
        Some(Value::Count(settings.min_calls)),
        Some(Value::Number(settings.failure_rate)),
        settings.slow_call.map(Value::Time),
        Some(Value::Number(settings.slow_rate)),
        Some(Value::Time(settings.open_for)),
        Some(Value::Number(settings.open_factor)),
        Some(Value::Time(settings.open_max)),
        Some(Value::Count(settings.half_open_calls)),
        Some(Value::Time(settings.half_open_max_wait)),
        Some(Value::Word(MODES[0])),
    ]
}

fn settings(values: &Values) -> Settings {
    let usual = Settings::new();
    let window = match values.get("window") {
        Some(Value::Count(calls)) => Window::Calls(*calls),
        Some(Value::Time(time)) => Window::Time(*time),
        _ => usual.window,
    };
    Settings {
        window,
        min_calls: values.count("min_calls").unwrap_or(usual.min_calls),
        failure_rate: values.number("failure_rate").unwrap_or(usual.failure_rate),
        slow_call: values.time("slow_call"),
        slow_rate: values.number("slow_rate").unwrap_or(usual.slow_rate),
        open_for: values.time("open_for").unwrap_or(usual.open_for),
        open_factor: values.number("open_factor").unwrap_or(usual.open_factor),
        open_max: values.time("open_max").unwrap_or(usual.open_max),
        half_open_calls: values.count("half_open_calls").unwrap_or(usual.half_open_calls),
        half_open_max_wait: values.time("half_open_max_wait").unwrap_or(usual.half_open_max_wait),
    }
}

fn judge(found: &Values) -> Vec<Flaw> {
    let settings = settings(found);
    let mut flaws: Vec<_> = settings.problems().into_iter().map(|(keys, message)| Flaw { keys, message }).collect();
    let usual = values(&Settings::new());
    let is_usual = |key: usize, name| found.get(name) == usual[key].as_ref();
    if settings.slow_call.is_none() && !is_usual(4, "slow_rate") {
        let message = "`slow_rate` does nothing without `slow_call`: write `slow_call = \"2s\"` as well".to_owned();
        flaws.push(Flaw { keys: &["slow_rate"], message });
    }
    if settings.open_factor <= 1.0 && !is_usual(7, "open_max") {
        let message = "`open_max` does nothing without `open_factor`: write `open_factor = 2.0` as well".to_owned();
        flaws.push(Flaw { keys: &["open_max"], message });
    }
    flaws
}

impl Breaker {
    /// The state in which nothing of it would be lost.
    pub(super) fn resting(&self) -> CircuitState {
        match self.circuit.mode() {
            1 => CircuitState::Observing,
            2 => CircuitState::Disabled,
            _ => CircuitState::Closed,
        }
    }

    /// An operator's transitions stay as they are unless the mode in force changes.
    pub(super) fn put(&self, values: &Values) -> Put {
        let begins_anew = self.circuit.configure(settings(values).shared(), clock::now());
        let mode = values.word("mode").unwrap_or(MODES[0]);
        let place = (0..).zip(MODES).find(|(_, known)| *known == mode).map_or(0, |(place, _)| place);
        let last = self.circuit.replace_mode(place);
        let transition = if place == last { None } else { self.switch(mode) };
        let transitions = transition.into_iter().map(|transition| (self.label, transition)).collect();
        Put { begins_anew, transitions, wakes: false }
    }

    /// Whatever it was doing, its calls are forgotten, and it goes on as its mode has it.
    pub(super) fn close(&self) -> Put {
        let (from, to) = (self.resting(), self.resting());
        let changed = match to {
            CircuitState::Observing => self.circuit.observe(),
            CircuitState::Disabled => self.circuit.disable(),
            _ => self.circuit.reset(),
        };
        let transition = changed.unwrap_or(Transition { from, to, cause: Cause::Manual });
        Put { transitions: vec![(self.label, transition)], ..Put::default() }
    }

    fn switch(&self, mode: &'static str) -> Option<Transition> {
        let state = self.circuit.snapshot(clock::now()).state;
        match mode {
            "observe" if state != CircuitState::Observing => self.circuit.observe(),
            "disabled" if state != CircuitState::Disabled => self.circuit.disable(),
            "forced_open" if state != CircuitState::ForcedOpen => self.circuit.force_open(),
            // Nobody knows how the partner is by now: probes decide.
            "normal" if state == CircuitState::ForcedOpen => {
                self.circuit.force_open_for(std::time::Duration::ZERO, clock::now())
            }
            "normal" if matches!(state, CircuitState::Observing | CircuitState::Disabled) => self.circuit.reset(),
            _ => None,
        }
    }
}
