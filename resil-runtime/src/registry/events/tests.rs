//! Every line, as a subscriber reads it that writes JSON.

use super::*;
use crate::sync::{Mutex, lock};
use crate::{Effect, Kind};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};

/// What a field was given as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
    Float(f64),
    Bool(bool),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Line {
    pub(crate) message: String,
    pub(crate) fields: BTreeMap<&'static str, Value>,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        assert_eq!(field.name(), "message", "a field is text, a number or a boolean");
        self.message = format!("{value:?}");
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), Value::Text(value.to_owned()));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.insert(field.name(), Value::Number(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.insert(field.name(), Value::Float(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.insert(field.name(), Value::Bool(value));
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "resil"
    }
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        lock(&self.0).push(line);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The lines that are written meanwhile.
pub(crate) fn lines(of: impl FnOnce()) -> Vec<Line> {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), of);
    std::mem::take(&mut *lock(&lines.0))
}

/// Each line is in the table of `docs/operation.md` with the fields it has, and these are of one kind by their name.
pub(crate) fn are_documented(lines: &[Line], count: usize) {
    assert_eq!(lines.len(), count, "{lines:?}");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operation.md"))
        .unwrap_or_else(|error| panic!("{error}"));
    let head =
        |message: &str| message.replace('`', "").split([':', '(']).next().map(str::trim).unwrap_or_default().to_owned();
    let table =
        page.lines().skip_while(|line| *line != "## Events").skip(1).take_while(|line| !line.starts_with("## "));
    let rows = table.filter_map(|row| match &row.split('|').map(str::trim).collect::<Vec<_>>()[..] {
        [_, message, _, fields, _] => Some((head(message), fields.replace(['`', ' '], ""))),
        _ => None,
    });
    let rows: BTreeMap<_, _> = rows.collect();
    for line in lines {
        let row = rows.get(&head(&line.message)).unwrap_or_else(|| panic!("not in the table: {}", line.message));
        let fields: Vec<_> = line.fields.keys().copied().filter(|field| *field != "left_out").collect();
        let mut documented: Vec<_> = row.split(',').filter(|field| !field.is_empty()).collect();
        documented.sort_unstable();
        assert_eq!(fields, documented, "{}", line.message);
        for (field, value) in &line.fields {
            let is_right = match *field {
                field if field.ends_with("_seconds") => matches!(value, Value::Float(_)),
                "limit" | "attempt" | "attempts" | "status" | "max_keys" | "count" | "version" | "records"
                | "differences" | "left_out" => {
                    matches!(value, Value::Number(_))
                }
                "refused" | "attempted" | "cut_short" | "begins_anew" => matches!(value, Value::Bool(_)),
                _ => matches!(value, Value::Text(text) if !text.contains(['\n', '"']) && !text.contains("Some(")),
            };
            assert!(is_right, "{}: {field} = {value:?}", line.message);
        }
    }
}

const NAME: &str = "gateway";
static SITE: Site = Site { function: "shop::pay", file: "src/shop.rs", line: 12 };

fn began() -> Began {
    Began { holds: crate::Holds::Transaction, site: SITE }
}

#[test]
fn every_line_is_documented_and_its_fields_are_plain_text_and_numbers() {
    let change = |from, to, cause| Transition { from, to, cause };
    let anna = Arc::from("anna");
    let (second, verdict) = (Duration::from_secs(1), Verdict::status(503));
    let failed = Event::Finished {
        site: &SITE,
        attempts: 3,
        waited: second,
        elapsed: second,
        outcome: crate::Outcome::Failed(verdict),
        error: Some("busy".into()),
    };
    let written = lines(|| {
        transition(NAME, change(CircuitState::Closed, CircuitState::ForcedOpen, Cause::Manual), Some(&anna));
        transition(NAME, change(CircuitState::HalfOpen, CircuitState::Closed, Cause::Manual), Some(&anna));
        transition(NAME, change(CircuitState::Observing, CircuitState::Observing, Cause::SlowRate), None);
        transition(NAME, change(CircuitState::Closed, CircuitState::Closed, Cause::Manual), Some(&anna));
        refused(NAME, Some(second));
        full(NAME, 2, second);
        keys_full("semaphore", NAME, 10);
        bulkhead_full(NAME, 2, second);
        panicked(NAME);
        retry(&SITE, 1, second, &verdict);
        fell_back(&SITE, &verdict);
        gave_up(&SITE, 3, Why::NoAttemptsLeft, &verdict);
        finished(failed);
        in_doubt(&SITE, &verdict);
        key_not_sent(&SITE);
        timed_out(&SITE, Phase::Read, second);
        deadline(&SITE, second, true, false);
        called_inside(&SITE, Location::caller(), began(), true);
        allowed_inside(&SITE, Location::caller(), "a\nreason");
        dialled_outside(&SITE);
        connect_unenforced(&SITE);
        rate_limited(NAME, Some(second));
        rate_paused(NAME, second);
        rate_store_lost(NAME, Lost::Share);
        rate_store_back(NAME);
        rate_differs(NAME);
        #[cfg(feature = "reqwest")]
        harmless("a search");
        #[cfg(feature = "config")]
        settings_refused(&std::io::Error::other("resil.toml:3\n"));
    });
    are_documented(&written, 26 + usize::from(cfg!(feature = "reqwest")) + usize::from(cfg!(feature = "config")));
    assert_eq!(written[0].fields["breaker"], Value::Text("gateway".to_owned()));
    assert_eq!((verdict.kind, verdict.effect), (Kind::Transient, Effect::Unknown));
    let retrying = &written[9].fields;
    assert_eq!((&retrying["status"], &retrying["delay_seconds"]), (&Value::Number(503), &Value::Float(1.0)));
    assert_eq!(retrying["site"], Value::Text("shop::pay (src/shop.rs:12)".to_owned()));
}

#[cfg(feature = "testing")]
#[test]
fn in_a_storm_the_lines_are_bounded_and_subscribers_hear_all() {
    let _scope = crate::testing::isolated();
    let mut events = crate::registry().subscribe();
    let written = lines(|| (0..500).for_each(|_| gave_up(&SITE, 1, Why::BudgetSpent, &Verdict::transient())));
    assert_eq!(written.len(), 10);
    assert_eq!(std::iter::from_fn(|| events.try_next()).count(), 500);
}
