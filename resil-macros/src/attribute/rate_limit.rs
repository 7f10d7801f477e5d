//! `#[rate_limit("100/s")]`: at most so many calls begin in a span of time.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::{Errors, text};
use crate::expand::{Call, Context, Keyed, Layer, Needs};
use crate::function::Function;
use crate::read::{
    Constant, Count, Expression, Given, Name, PathTo, Setting, Value, Wait, Word, above_zero, arguments, count,
    likely_count, literal, new_or_of, set, ungrouped, wanted,
};
use crate::tokens::{Local, code, code_at};
use darling::FromMeta;
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::time::Duration;
use syn::spanned::Spanned;
use syn::{Expr, Lit, LitStr, Meta, MetaNameValue, UnOp};

const RATE_LIMIT: Local = Local("rate_limit");
const TURN: Local = Local("turn");

arguments! {
    [rate: Setting<Rate>]
    name: Name = "partner",
    key: Expression = tenant.id,
    max_keys: Count = 1000,
    settings: PathTo = PARTNER,
    burst: Count = 20,
    max_wait: Wait = "200ms",
    cost: Cost = order.items,
    follow: Word,
    follow_max: Wait = "60s",
    fleet: Word,
    lost: Lost = "share",
}

/// So many calls in so much time.
#[derive(Clone, Copy)]
struct Rate {
    calls: u32,
    per: Duration,
}

impl Rate {
    /// `"100/s"`, `"1000/m"`, `"5/2s"`.
    fn read(lit: &Lit) -> Option<Self> {
        let Lit::Str(rate) = lit else { return None };
        let text = rate.value();
        let (calls, per) = text.split_once('/')?;
        let (calls, per) = (calls.trim(), per.trim());
        let one = if per.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "1" };
        let per = above_zero(&Lit::Str(LitStr::new(&format!("{one}{per}"), rate.span())))?;
        let calls = Some(calls).filter(|calls| calls.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        Some(Self { calls, per })
    }

    /// What is wrong with it.
    fn problem(self) -> Option<&'static str> {
        match self {
            Self { calls: 0, .. } => {
                Some("a rate of no calls would let nothing through; write `#[rate_limit(\"100/s\")]`")
            }
            Self { calls, per } if per.as_nanos() < calls.into() => Some(
                "more than 10⁹ calls a second are not counted; write `#[rate_limit(\"1000000000/s\")]` or less, or no rate limit",
            ),
            _ => None,
        }
    }
}

/// `100`, `"100"`, `"100 per second"`, `"100/sec"`: what was most likely meant.
fn likely_rate(written: &Expr) -> Option<String> {
    let text = match literal(written)? {
        Lit::Str(text) => text.value(),
        Lit::Int(number) => number.to_string(),
        _ => return None,
    };
    let text = text.trim();
    let (calls, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let calls: u32 = calls.parse().ok().filter(|calls| *calls > 0)?;
    let unit = unit.trim_start_matches(|c: char| c == '/' || c.is_whitespace()).trim_start_matches("per").trim();
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "second" | "seconds" | "rps" | "ps" => "s",
        "m" | "min" | "minute" | "minutes" | "rpm" => "m",
        "h" | "hr" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    Some(format!("\"{calls}/{unit}\""))
}

/// What people call a rate that stands alone.
const NAMES: [&str; 6] = ["calls", "limit", "per_second", "quota", "rate", "rps"];

/// How many tokens a call costs: a number above zero, or an expression of the parameters.
struct Cost(Expr);

impl Value for Cost {
    const WANTS: &'static str = "how many tokens the call costs, 1 or more, or an expression of type `u32`";

    fn meant(written: &Expr, usual: &str) -> Option<String> {
        likely_count(written, usual)
    }
}

impl FromMeta for Cost {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        let is_negative = |expr: &Expr| matches!(expr, Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)));
        let is_wrong = literal(expr).is_some_and(|lit| count(lit).is_none()) || is_negative(ungrouped(expr));
        wanted((!is_wrong).then(|| Self(expr.clone())))
    }
}

/// `lost = "share"` or `lost = "refuse"`.
#[derive(Clone, Copy)]
enum Lost {
    Share,
    Refuse,
}

impl Value for Lost {
    const WANTS: &'static str = "\"share\", to go on with the last share of the rate, or \"refuse\"";
}

impl FromMeta for Lost {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        let Some(Lit::Str(text)) = literal(expr) else { return wanted(None) };
        wanted(match text.value().as_str() {
            "share" => Some(Self::Share),
            "refuse" => Some(Self::Refuse),
            _ => None,
        })
    }
}

pub(crate) struct RateLimit {
    rate: Option<Setting<Rate>>,
    keyed: Option<Keyed>,
    /// All others.
    with: Arguments,
}

impl Attribute for RateLimit {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "rate_limit(\"100/s\")";
    const HANDLE: Option<Handle> = Some(Handle { local: RATE_LIMIT, type_name: "RateLimit" });
    const IN_FUNCTION: &'static [&'static str] = &["key", "cost"];
    const STANDS_ALONE: bool = true;

    fn alone(arguments: &mut Arguments, value: &Expr, errors: &mut Errors) {
        arguments.rate = Setting::of(value, Rate::read);
        let known = arguments.rate.as_ref().map(|rate| rate.known().and_then(Rate::problem));
        let instead = || likely_rate(value).unwrap_or_else(|| "\"100/s\"".to_owned());
        let unreadable =
            || format!("a rate is so many calls in some time, with its unit; write `#[rate_limit({})]`", instead());
        if let Some(problem) = known.map_or_else(|| Some(unreadable()), |problem| problem.map(str::to_owned)) {
            errors.on(value, problem);
        }
    }

    fn named(meta: &Meta) -> Option<String> {
        let Meta::NameValue(MetaNameValue { path, value, .. }) = meta else { return None };
        let is_rate = NAMES.iter().any(|name| path.is_ident(name));
        is_rate.then(|| match literal(value) {
            Some(lit) if Rate::read(lit).is_some() => text(value),
            Some(_) => likely_rate(value).unwrap_or_else(|| "\"100/s\"".to_owned()),
            None => text(value),
        })
    }

    fn new(mut with: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let rate = with.rate.take();
        let is_known = rate.is_some() || with.settings.is_some();
        if !is_known && !given.unread {
            let message = "a rate limit needs to know how many calls may begin in which time";
            errors.at(given.span, format!("{message}; write `#[{}]`", Self::EXAMPLE));
        }
        if let (Some(lost), None) = (&with.lost, &with.fleet)
            && !given.has("fleet")
        {
            errors.at(lost.at, "`lost` does nothing without `fleet`; add `fleet`");
        }
        if let (Some(fleet), None) = (&with.fleet, &with.name)
            && !given.has("name")
        {
            errors.at(
                fleet.at,
                "`fleet` shares the rate with what has its name in other processes; add `name = \"partner\"`",
            );
        }
        let keyed = Keyed::of(with.key.take(), with.max_keys.take(), given, errors);
        is_known.then_some(Self { rate, keyed, with })
    }
}

impl Layer for RateLimit {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
        needs.judges |= self.with.follow.is_some();
        needs.follows = Some(code!(#TURN.follow));
    }

    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let (with, runtime) = (&self.with, cx.runtime);
        let rate = self.rate.as_ref().map(|rate| match rate {
            Setting::Known(Rate { calls, per }, _) => {
                let (calls, per) = (calls.constant(), per.constant());
                code!(#runtime::policy::rate_limit::Rate::new(#calls, #per))
            }
            Setting::Constant(rate) => rate.to_token_stream(),
        });
        let rate = rate.as_ref().map(|rate| ("rate", rate));
        let new = new_or_of(rate, with.settings.as_ref(), &code!(#runtime::policy::rate_limit::Settings), "new");
        let (name, burst) = (set(with.name.as_ref()), set(with.burst.as_ref()));
        let waits = [&with.max_wait, &with.follow_max].map(|wait| set(wait.as_ref()));
        let fleet = with.fleet.as_ref().map(|_| {
            let lost = match with.lost.as_ref().map_or(Lost::Share, |lost| lost.value) {
                Lost::Share => code!(Share),
                Lost::Refuse => code!(Refuse),
            };
            code!(.fleet(#runtime::policy::rate_limit::Lost::#lost))
        });
        Some(code!(#new #name #burst #(#waits)* #fleet))
    }

    fn keyed(&self) -> Option<&Keyed> {
        self.keyed.as_ref()
    }

    fn admits(&self) -> bool {
        true
    }

    /// Takes a token, and lets the limit hear of what the partner asks for.
    fn around(&self, inside: Call, exit: &TokenStream, cx: &Context<'_>) -> Call {
        let within = &cx.needs.deadline;
        let key = self.keyed.as_ref().map(Keyed::reference);
        let cost = self.with.cost.as_ref().map(|cost| {
            let cost = &cost.value.0;
            code_at!(cost.span()=> .cost(#cost))
        });
        let acquire = code!(#RATE_LIMIT.acquire(#key) #cost #within);
        let (first, acquire) = if key.is_some() || cost.is_some() {
            // A statement of its own, so that no temporary of the user's lives across the wait.
            (Some(code!(let #TURN = #acquire;)), TURN.to_token_stream())
        } else {
            (None, acquire)
        };
        let take = cx.admitted(TURN, &code!(#acquire.await), exit);
        if self.with.follow.is_none() {
            return inside.after(code!(#first #take));
        }
        let verdict = inside.verdict(cx);
        inside.between(code!(#first #take), code!(#TURN.heed(#verdict);))
    }
}
