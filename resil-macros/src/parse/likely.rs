//! What to type instead of a value that could not be read: the user's own value where it can be guessed, else one
//! that the argument usually has.

use quote::ToTokens;
use syn::{Expr, ExprLit, Lit, Path};

/// A value that the argument of this name usually has.
pub(super) fn usual(name: &str) -> &'static str {
    match name {
        "attempts" => "3",
        "applied" => "mark_paid",
        "threads" => "4",
        "max_concurrent" | "min_calls" | "queue" => "20",
        "base" | "max_wait" => "\"100ms\"",
        "budget" | "name" => "\"payment\"",
        "compensate" => "cancel_payment",
        "connect" | "slow_call" => "\"2s\"",
        "crate" => "::resil",
        "db" => "Postgres",
        "factor" | "open_factor" => "2.0",
        "failure_if" => "is_still_pending",
        "failure_rate" | "slow_rate" => "0.5",
        "half_open_calls" => "5",
        "half_open_max_wait" => "\"60s\"",
        "idempotency_key" => "key",
        "jitter" => "\"full\"",
        "key" => "tenant.id",
        "max" => "\"10s\"",
        "max_keys" => "1000",
        "in_doubt" => "manual",
        "keep" => "\"24h\"",
        "op" => "\"order.place\"",
        "open_for" => "\"30s\"",
        "open_max" => "\"5m\"",
        "permits" => "10",
        "retry_status" => "[429]",
        "stale" => "\"10m\"",
        "tx" => "self.db",
        "undone" => "mark_failed",
        "verify" => "payment_status",
        "version" => "1",
        "window" => "100",
        _ => "\"5s\"",
    }
}

/// `30`, `30s`, `"30"`, `"30 sec"`: a number, and what was most likely its unit.
pub(super) fn duration(written: &Expr, unit_if_none: &str) -> Option<String> {
    let text = text(written);
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" => unit_if_none,
        "us" | "micros" => "us",
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    number.parse().ok().filter(|number: &f64| *number > 0.0).map(|_| format!("\"{number}{unit}\""))
}

/// `"3"`, `3x`: a number of at least one.
pub(super) fn count(written: &Expr) -> Option<String> {
    text(written).parse().ok().filter(|count: &u32| *count > 0).map(|count| count.to_string())
}

/// `50`, `"50%"`: a percentage; `"0.5"`: a fraction.
pub(super) fn rate(written: &Expr) -> Option<String> {
    let number: f64 = text(written).trim_end_matches('%').trim().parse().ok()?;
    let rate = if (2.0..=100.0).contains(&number) { number / 100.0 } else { number };
    (rate > 0.0 && rate <= 1.0).then(|| format!("{rate:?}"))
}

/// `"2"`: a number of at least one.
pub(super) fn factor(written: &Expr) -> Option<String> {
    let factor: f64 = text(written).parse().ok()?;
    (factor >= 1.0 && factor.is_finite()).then(|| format!("{factor:?}"))
}

/// `"path"`: a path that was put in quotes.
pub(super) fn path(written: &Expr) -> Option<String> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = written else { return None };
    text.parse::<Path>().ok().map(|_| text.value())
}

/// The text of a value, without quotes. A sign stays: nobody knows what `-1` was meant to be.
fn text(written: &Expr) -> String {
    match written {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value().trim().to_owned(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => format!("{}{}", number.base10_digits(), number.suffix()),
        other => other.to_token_stream().to_string(),
    }
}
