use super::values::{Count, Factor, Function, Name, Rate, Time, WindowOf};
use super::{Arguments, Given};
use crate::diagnostics::Errors;
use crate::model::CircuitBreaker;
use darling::FromMeta;
use proc_macro2::Span;
use syn::{Lit, Path};

#[derive(FromMeta)]
pub(crate) struct CircuitBreakerArguments {
    name: Option<Name>,
    window: Option<WindowOf>,
    min_calls: Option<Count>,
    failure_rate: Option<Rate>,
    slow_call: Option<Time>,
    slow_rate: Option<Rate>,
    open_for: Option<Time>,
    open_factor: Option<Factor>,
    open_max: Option<Time>,
    half_open_calls: Option<Count>,
    half_open_max_wait: Option<Time>,
    failure_if: Option<Function>,
    #[darling(rename = "crate")]
    runtime: Option<Function>,
}

impl Arguments for CircuitBreakerArguments {
    type Model = CircuitBreaker;
    const KNOWN: &'static [&'static str] = &[
        "name",
        "window",
        "min_calls",
        "failure_rate",
        "slow_call",
        "slow_rate",
        "open_for",
        "open_factor",
        "open_max",
        "half_open_calls",
        "half_open_max_wait",
        "failure_if",
        "crate",
    ];
    const EXAMPLE: &'static str = "circuit_breaker(name = \"payment\", failure_rate = 0.5)";

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Str(_)).then_some("name")
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, _span: Span, _given: &Given, _errors: &mut Errors) -> Option<CircuitBreaker> {
        Some(CircuitBreaker {
            name: self.name.map(|name| name.0),
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
