use super::arguments::arguments;
use super::values::{Function, Range, Time, bound};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::{Kind, Setting, Timeout};
use proc_macro2::Span;
use std::time::Duration;
use syn::{Expr, Path};

arguments! {
    TimeoutArguments [attempt: Option<Setting<Duration>>] {
        connect = "connect": Time,
        read = "read": Time,
        allow = "allow": Range,
        runtime = "crate": Function,
    }
}

impl Arguments for TimeoutArguments {
    type Model = Timeout;
    const EXAMPLE: &'static str = "timeout(\"10s\", connect = \"2s\", read = \"5s\")";

    fn positional(&mut self, value: &Expr, errors: &mut Errors) -> bool {
        self.attempt = bound(value, Kind::Timeout, errors);
        true
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Timeout> {
        if self.attempt.is_none() && self.connect.is_none() && self.read.is_none() {
            if !given.unread {
                errors.push(diagnostics::no_bound(span, Kind::Timeout, Self::EXAMPLE));
            }
            return None;
        }
        Some(Timeout {
            attempt: self.attempt,
            connect: self.connect.map(|time| time.0),
            read: self.read.map(|time| time.0),
            any_range: self.allow.is_some(),
        })
    }
}
