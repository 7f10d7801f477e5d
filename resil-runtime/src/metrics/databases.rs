//! What databases hold and what waits in them, as it was seen last: nothing here asks one.

use crate::registry::{Backlogs, Held, databases, registry};
use crate::sync::{Mutex, lock};
use metrics::{counter, gauge};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

pub(super) fn publish() {
    of_connections();
    let Backlogs { ledger, outbox } = registry().backlogs();
    for one in ledger.intents {
        gauge!("resil_ledger_intents", "operation" => one.operation, "state" => one.state).set(number(one.number));
        gauge!("resil_ledger_oldest_seconds", "operation" => one.operation, "state" => one.state).set(age(one.oldest));
    }
    gauge!("resil_ledger_seen_timestamp_seconds").set(moment(ledger.seen));
    gauge!("resil_outbox_waiting").set(number(outbox.waiting));
    gauge!("resil_outbox_oldest_seconds").set(age(outbox.oldest));
    gauge!("resil_outbox_set_aside").set(number(outbox.set_aside));
    gauge!("resil_outbox_seen_timestamp_seconds").set(moment(outbox.seen));
}

/// What was held of databases that are gone, by place.
static GONE: Mutex<BTreeMap<String, (u64, Duration)>> = Mutex::new(BTreeMap::new());

/// Of a database that goes.
pub(crate) fn keep(held: impl Iterator<Item = Held>) {
    let mut gone = lock(&GONE);
    for Held { place, ended, total, .. } in held {
        let all = gone.entry(place).or_default();
        *all = (all.0 + ended, all.1 + total);
    }
}

/// By place, of all databases together.
fn of_connections() {
    let gone = lock(&GONE).clone();
    let gone = gone.into_iter().map(|(place, (ended, total))| (place, (0, ended, total)));
    let mut places: BTreeMap<String, (u32, u64, Duration)> = gone.collect();
    for place in crate::sql::opening() {
        places.entry(place.to_string()).or_default();
    }
    for Held { place, now, ended, total } in databases().iter().flat_map(|database| database.held()) {
        let all = places.entry(place).or_default();
        *all = (all.0 + now, all.1 + ended, all.2 + total);
    }
    for (place, (now, ended, total)) in places {
        gauge!("resil_connections_held", "place" => place.clone()).set(now);
        counter!("resil_connections_released_total", "place" => place.clone()).absolute(ended);
        counter!("resil_connections_held_seconds_total", "place" => place).absolute(total.as_secs());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a look does not count so far")]
fn number(number: u64) -> f64 {
    number as f64
}

fn age(oldest: Option<Duration>) -> f64 {
    oldest.unwrap_or_default().as_secs_f64()
}

/// Zero if it never was.
fn moment(seen: Option<SystemTime>) -> f64 {
    let since = seen.and_then(|seen| seen.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.unwrap_or_default().as_secs_f64()
}
