use super::arguments::arguments;
use super::keyed::keyed;
use super::values::{Count, Factor, Function, Name, Rate, Time, Value, WindowOf};
use super::{Arguments, Given};
use crate::diagnostics::Errors;
use crate::model::CircuitBreaker;
use proc_macro2::Span;
use syn::{Lit, Path};

arguments! {
    CircuitBreakerArguments {
        name = "name": Name,
        key = "key": Value,
        max_keys = "max_keys": Count,
        window = "window": WindowOf,
        min_calls = "min_calls": Count,
        failure_rate = "failure_rate": Rate,
        slow_call = "slow_call": Time,
        slow_rate = "slow_rate": Rate,
        open_for = "open_for": Time,
        open_factor = "open_factor": Factor,
        open_max = "open_max": Time,
        half_open_calls = "half_open_calls": Count,
        half_open_max_wait = "half_open_max_wait": Time,
        failure_if = "failure_if": Function,
        runtime = "crate": Function,
    }
}

impl Arguments for CircuitBreakerArguments {
    type Model = CircuitBreaker;
    const EXAMPLE: &'static str = "circuit_breaker(name = \"payment\", failure_rate = 0.5)";

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Str(_)).then_some("name")
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, _span: Span, given: &Given, errors: &mut Errors) -> Option<CircuitBreaker> {
        Some(CircuitBreaker {
            name: self.name.map(|name| name.0),
            keyed: keyed(self.key, self.max_keys, given, errors),
            window: self.window.map(|window| window.0),
            min_calls: self.min_calls.map(|count| count.0),
            failure_rate: self.failure_rate.map(|rate| rate.0),
            slow_call: self.slow_call.map(|time| time.0),
            slow_rate: self.slow_rate.map(|rate| rate.0),
            open_for: self.open_for.map(|time| time.0),
            open_factor: self.open_factor.map(|factor| factor.0),
            open_max: self.open_max.map(|time| time.0),
            half_open_calls: self.half_open_calls.map(|count| count.0),
            half_open_max_wait: self.half_open_max_wait.map(|time| time.0),
            failure_if: self.failure_if.map(|path| path.0),
        })
    }
}
