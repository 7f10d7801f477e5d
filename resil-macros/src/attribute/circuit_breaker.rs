//! `#[circuit_breaker(name = "payment")]`: stops calling a partner that fails too often, and probes until it is back.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::Errors;
use crate::expand::{Call, Context, Keyed, Layer, Needs, pointless};
use crate::function::Function;
use crate::read::{
    Count, Expression, Factor, Given, Name, PathTo, Rate, Setting, Time, Value, above_zero, arguments, count,
    likely_duration, literal, set, wanted,
};
use crate::tokens::{Local, VERDICT, code};
use darling::FromMeta;
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::time::Duration;
use syn::{Expr, Lit};

const CIRCUIT_BREAKER: Local = Local("circuit_breaker");
const PASS: Local = Local("pass");

/// The largest window that the runtime keeps.
const MOST_CALLS: u32 = 65_536;

/// `open_for`, where it is not written.
const OPEN_FOR: Duration = Duration::from_secs(30);

arguments! {
    name: Name = "payment",
    key: Expression = tenant.id,
    max_keys: Count = 1000,
    settings: PathTo = PARTNER,
    window: Window = 100,
    min_calls: Count = 20,
    failure_rate: Rate = 0.5,
    slow_call: Time = "2s",
    slow_rate: Rate = 0.5,
    open_for: Time = "30s",
    open_factor: Factor = 2.0,
    open_max: Time = "5m",
    half_open_calls: Count = 5,
    half_open_max_wait: Time = "60s",
    failure_if: PathTo = is_still_pending,
}

/// `window = 100` or `window = "60s"`.
enum Window {
    Calls(Setting<u32>),
    Time(Setting<Duration>),
}

impl Value for Window {
    const WANTS: &'static str = "a number of calls from 1 to 65536, or a duration with its unit";

    fn meant(written: &Expr, usual: &str) -> Option<String> {
        let has_quotes_or_unit = match literal(written)? {
            Lit::Str(_) => true,
            Lit::Int(number) => !number.suffix().is_empty(),
            Lit::Float(number) => !number.suffix().is_empty(),
            _ => false,
        };
        has_quotes_or_unit.then(|| likely_duration(written, usual)).flatten()
    }
}

impl FromMeta for Window {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        wanted(match literal(expr) {
            Some(Lit::Str(_)) => Setting::of(expr, above_zero).map(Self::Time),
            _ => Setting::of(expr, |lit| count(lit).filter(|calls| *calls <= MOST_CALLS)).map(Self::Calls),
        })
    }
}

pub(crate) struct CircuitBreaker {
    keyed: Option<Keyed>,
    /// All others.
    with: Arguments,
}

impl Attribute for CircuitBreaker {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "circuit_breaker(name = \"payment\", failure_rate = 0.5)";
    const HANDLE: Option<Handle> = Some(Handle { local: CIRCUIT_BREAKER, type_name: "CircuitBreaker" });
    const IN_FUNCTION: &'static [&'static str] = &["key", "failure_if"];

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Str(_)).then_some("name")
    }

    fn new(mut with: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let keyed = Keyed::of(with.key.take(), with.max_keys.take(), given, errors);
        Some(Self { keyed, with })
    }
}

impl Layer for CircuitBreaker {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
        needs.judges = true;
        needs.breaker = self.with.name.as_ref().map(ToTokens::to_token_stream);
    }

    fn check(&self, _: &Context<'_>, errors: &mut Errors) {
        self.min_calls_fit_the_window(errors);
        if self.with.settings.is_some() {
            // What belongs together can be in there; the runtime sees it whole.
            return;
        }
        if let (Some(rate), None) = (&self.with.slow_rate, &self.with.slow_call) {
            pointless(rate.span(), &rate.key, "slow_call", "\"2s\"", errors);
        }
        if let (Some(max), None) = (&self.with.open_max, &self.with.open_factor) {
            pointless(max.span(), &max.key, "open_factor", "2.0", errors);
        }
        self.open_max_is_above_open_for(errors);
    }

    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let (with, runtime) = (&self.with, cx.runtime);
        let new = match &with.name {
            Some(name) => code!(named(#name)),
            None => code!(unnamed()),
        };
        let window = with.window.as_ref().map(|window| match &window.value {
            Window::Calls(calls) => code!(.window(#runtime::Window::Calls(#calls))),
            Window::Time(time) => code!(.window(#runtime::Window::Time(#time))),
        });
        let settings = [
            // First, so that what is written beside it counts.
            set(with.settings.as_ref()),
            window,
            set(with.min_calls.as_ref()),
            set(with.failure_rate.as_ref()),
            set(with.slow_call.as_ref()),
            set(with.slow_rate.as_ref()),
            set(with.open_for.as_ref()),
            set(with.open_factor.as_ref()),
            set(with.open_max.as_ref()),
            set(with.half_open_calls.as_ref()),
            set(with.half_open_max_wait.as_ref()),
        ];
        let settings = settings.into_iter().flatten();
        Some(code!(#new #(#settings)*))
    }

    fn keyed(&self) -> Option<&Keyed> {
        self.keyed.as_ref()
    }

    fn admits(&self) -> bool {
        true
    }

    /// Takes a place with the breaker, and records what came of it.
    fn around(&self, inside: Call, exit: &TokenStream, cx: &Context<'_>) -> Call {
        let key = self.keyed.as_ref().map(Keyed::reference);
        let admit = cx.admitted(PASS, &code!(#CIRCUIT_BREAKER.admit(#key)), exit);
        let verdict = cx.verdict();
        let recorded = cx.failure_if(VERDICT.to_token_stream(), self.with.failure_if.as_deref());
        inside.between(admit, code!(let #VERDICT = #verdict; #PASS.record(#recorded);)).judged()
    }
}

impl CircuitBreaker {
    fn min_calls_fit_the_window(&self, errors: &mut Errors) {
        let (Some(min_calls), Some(window)) = (&self.with.min_calls, &self.with.window) else { return };
        let Window::Calls(window) = &window.value else { return };
        if let (Some(calls), Some(size)) = (min_calls.known(), window.known())
            && calls > size
        {
            errors.at(
                min_calls.span(),
                format!(
                    "a window of {size} calls never holds {calls}, so the circuit would never open; write `min_calls = {size}` or less"
                ),
            );
        }
    }

    fn open_max_is_above_open_for(&self, errors: &mut Errors) {
        let (Some(max), Some(_)) = (&self.with.open_max, &self.with.open_factor) else { return };
        let open_for = self.with.open_for.as_ref().map_or(Some(OPEN_FOR), |open_for| open_for.known());
        if let (Some(most), Some(least)) = (max.known(), open_for)
            && most < least
        {
            errors.at(
                max.span(),
                format!(
                    "`open_max` of {most:?} is below `open_for` of {least:?}, where the growth begins; write `open_max = \"{least:?}\"` or more"
                ),
            );
        }
    }
}
