//! `#[timeout("10s", connect = "2s", read = "5s")]`: bounds one attempt, its connecting and its silences.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::Errors;
use crate::expand::{Context, Layer, Needs};
use crate::function::Function;
use crate::read::{Argument, Given, PathTo, Setting, Time, Value, arguments, bound, new_or_of, set, wanted};
use crate::tokens::{Local, code, hygienic};
use darling::FromMeta;
use proc_macro2::{Ident, TokenStream};
use std::time::Duration;
use syn::{Expr, Meta};

const TIMEOUT: Local = Local("timeout");

arguments! {
    [attempt: Setting<Duration>]
    settings: PathTo = PARTNER,
    connect: Time = "2s",
    read: Time = "5s",
    allow: Range,
}

/// `allow(range)`: the phases are meant to be outside the recommended range.
struct Range;

impl Value for Range {
    const WANTS: &'static str = "what to be silent about, in parentheses";

    fn line(name: &Ident, _: &str) -> String {
        format!("{name}(range)")
    }
}

impl FromMeta for Range {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        let allowed = if let Meta::List(list) = meta { list.parse_args().ok() } else { None };
        wanted(allowed.filter(|allowed: &Ident| allowed == "range")).map(|_| Self)
    }
}

pub(crate) struct Timeout {
    pub(super) attempt: Option<Setting<Duration>>,
    settings: Option<Argument<PathTo>>,
    pub(super) connect: Option<Argument<Time>>,
    pub(super) read: Option<Argument<Time>>,
    any_range: bool,
}

impl Attribute for Timeout {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "timeout(\"10s\", connect = \"2s\", read = \"5s\")";
    const HANDLE: Option<Handle> = Some(Handle { local: TIMEOUT, type_name: "Timeout" });
    const STANDS_ALONE: bool = true;

    fn alone(arguments: &mut Arguments, value: &Expr, errors: &mut Errors) {
        arguments.attempt = bound(value, "timeout", errors);
    }

    fn new(arguments: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let Arguments { attempt, settings, connect, read, allow } = arguments;
        if attempt.is_none() && settings.is_none() && connect.is_none() && read.is_none() {
            if !given.unread {
                let example = Self::EXAMPLE;
                errors.at(given.span, format!("`#[timeout]` without a bound waits forever; write `#[{example}]`"));
            }
            return None;
        }
        Some(Self { attempt, settings, connect, read, any_range: allow.is_some() })
    }
}

impl Layer for Timeout {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
        needs.bounds = Some(code!(#TIMEOUT.apply));
    }

    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {
        if self.attempt.is_some() || self.settings.is_some() || cx.needs.deadline.is_some() {
            return;
        }
        let Some(Argument { key, value: phase, .. }) = self.read.as_ref().or(self.connect.as_ref()) else { return };
        let limit = phase.known().map_or_else(|| "..".to_owned(), |limit| format!("\"{limit:?}\""));
        errors.at(
            phase.span(),
            format!(
                "`{key}` bounds one phase and nothing bounds the whole: a partner that answers byte by byte would hold this call forever; add `#[deadline(\"30s\")]`, or write `#[timeout(\"10s\", {key} = {limit})]`"
            ),
        );
    }

    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let runtime = cx.runtime;
        let attempt = self.attempt.as_ref().map(|limit| ("attempt", limit));
        let bounds = new_or_of(attempt, self.settings.as_ref(), &code!(#runtime::policy::timeout::Settings), "attempt");
        let whole = bounds.unwrap_or_else(|| code!(phases()));
        let [connect, read] = [&self.connect, &self.read].map(|phase| set(phase.as_ref()));
        Some(code!(#whole #connect #read))
    }

    /// A warning for each phase outside its recommended range. Stable Rust has none for macros, but it warns of the
    /// use of what is deprecated, and prints the note.
    fn first(&self, _: &Context<'_>) -> Option<TokenStream> {
        let phases = [(&self.connect, 1, 5), (&self.read, 5, 30)];
        let warn = |(phase, least, most): (&Option<Argument<Time>>, _, _)| warning(phase.as_ref()?, least, most);
        (!self.any_range).then(|| phases.into_iter().filter_map(warn).collect())
    }
}

fn warning(Argument { key, value, .. }: &Argument<Time>, least: u64, most: u64) -> Option<TokenStream> {
    let Setting::Known(limit, written) = **value else { return None };
    if (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&limit) {
        return None;
    }
    let why = match least {
        1 => "connecting is quick or it fails",
        _ => "a shorter one cuts off slow answers, a longer one holds the caller",
    };
    let note = format!(
        "`{key} = \"{limit:?}\"` is outside the recommended {least} to {most} s: {why}; if that is intended, write `allow(range)` beside it"
    );
    let name = Ident::new(&format!("{key}_outside_its_range"), hygienic().located_at(written));
    Some(code! {
        #[deprecated(note = #note)]
        const #name: () = ();
        let () = #name;
    })
}

impl Timeout {
    /// The bounds that were written, in words.
    pub(super) fn bounds(&self) -> impl Iterator<Item = (&'static str, &Setting<Duration>)> {
        let phase = |phase: &'static str, bound| Option::map(bound, |bound: &Argument<Time>| (phase, &*bound.value));
        let attempt = self.attempt.as_ref().map(|bound| ("an attempt bound", bound));
        let phases = [phase("`connect`", self.connect.as_ref()), phase("`read`", self.read.as_ref())];
        attempt.into_iter().chain(phases.into_iter().flatten())
    }
}
