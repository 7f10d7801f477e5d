//! The whole registry as plain text, for an operator to print.

use super::Registry;
use crate::{KeyUsage, Usage};
use std::fmt;

/// Tables of the circuit breakers, semaphores and retry budgets, then every call site with its policies.
impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breakers = self.circuit_breakers().into_iter().map(|breaker| {
            let label = escaped(breaker.label());
            let Ok(now) = breaker.snapshot() else { return vec![label, "misconfigured".to_owned()] };
            let retry_after = now.retry_after.map_or_else(String::new, |time| format!("{time:.1?}"));
            let numbers = [now.calls, now.failures, now.slow, now.not_permitted].map(|number| number.to_string());
            [vec![label, format!("{:?}", now.state)], numbers.to_vec(), vec![retry_after]].concat()
        });
        table(f, &["circuit breaker", "state", "calls", "failures", "slow", "refused", "retry after"], breakers)?;
        let keyed = self.keyed_circuit_breakers();
        let keyed = keyed.iter().map(|one| keys(one.label(), one.usage().ok()));
        table(f, &["keyed circuit breaker", "keys", "of", "not closed"], keyed)?;
        let semaphores = self.semaphores();
        let semaphores = semaphores.iter().map(|one| in_use(one.label(), one.usage().ok()));
        table(f, &["semaphore", "limit", "in use", "waiting"], semaphores)?;
        let keyed = self.keyed_semaphores();
        let keyed = keyed.iter().map(|one| keys(one.label(), one.usage().ok()));
        table(f, &["keyed semaphore", "keys", "of", "in use"], keyed)?;
        let bulkheads = self.bulkheads();
        let bulkheads = bulkheads.iter().map(|one| in_use(one.label(), one.usage().ok()));
        table(f, &["bulkhead", "limit", "in use", "waiting"], bulkheads)?;
        let budgets = self.retry_budgets().into_iter();
        let budgets = budgets.map(|one| vec![escaped(one.name), one.tokens.to_string(), one.size.to_string()]);
        table(f, &["retry budget", "tokens", "of"], budgets)?;
        f.write_str("call sites")?;
        self.call_sites().into_iter().try_for_each(|call_site| write!(f, "\n{call_site}"))
    }
}

fn in_use(label: &str, now: Option<Usage>) -> Vec<String> {
    let Some(Usage { limit, in_use, waiting }) = now else { return vec![escaped(label), "misconfigured".to_owned()] };
    vec![escaped(label), limit.to_string(), in_use.to_string(), waiting.to_string()]
}

fn keys(label: &str, now: Option<KeyUsage>) -> Vec<String> {
    let Some(KeyUsage { max_keys, keys, busy }) = now else { return vec![escaped(label), "misconfigured".to_owned()] };
    vec![escaped(label), keys.to_string(), max_keys.to_string(), busy.to_string()]
}

/// A name is data: it must not end a line, or say more to a terminal than its letters.
fn escaped(label: &str) -> String {
    label.escape_debug().to_string()
}

/// Columns as wide as what stands in them; nothing at all without a row.
fn table(f: &mut fmt::Formatter<'_>, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> fmt::Result {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let header = header.iter().map(|&title| title.to_owned()).collect::<Vec<_>>();
    let lines = || std::iter::once(&header).chain(&rows);
    let width = |column: usize| {
        lines().filter_map(|line: &Vec<String>| line.get(column)).map(|cell: &String| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect();
    for line in lines() {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(f)
}
