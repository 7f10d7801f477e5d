//! What of a rate limit can be set from outside.

use super::{Gcra, Limiter, Lost, Rate, RateLimit, Settings};
use crate::clock;
use crate::registry::in_force::{Adjustable, Key, Put, Subject, Takes, Value, Values, no_bound, no_flaws, no_limit};
use crate::sync::Ordering;
use std::time::Duration;

const LOST: [&str; 2] = [Lost::Share.as_str(), Lost::Refuse.as_str()];

pub(crate) static RATE_LIMIT: Adjustable = Adjustable {
    name: "rate_limit",
    words: "rate limit",
    has_names: true,
    is_stateless: false,
    // The place of each is what a handle marks as said.
    keys: &[
        Key::new("rate", Takes::Quota, "\"100/s\"").always_said(),
        Key::new("burst", Takes::Count(1, u32::MAX), "20"),
        Key::new("max_wait", Takes::Wait, "\"200ms\""),
        Key::new("follow_max", Takes::Wait, "\"60s\""),
        Key::new("lost", Takes::OneOf(&LOST), "\"refuse\"")
            .fixed_by("it shares its rate with no other process; only an attribute with `fleet` does"),
    ],
    judge: no_flaws,
    beyond: no_bound,
    bound: no_limit,
};

pub(super) fn subject(handle: &RateLimit) -> Subject {
    let RateLimit { name, site, settings, said, .. } = *handle;
    let usual = Settings { fleet: settings.fleet.map(|_| Lost::Share), ..Settings::new(settings.rate) };
    let (mut usual, values) = (values(usual), values(settings));
    usual[0] = None;
    let subject = Subject::new(&RATE_LIMIT, name, site, said.and(0), values, usual);
    if settings.fleet.is_some() { subject } else { subject.with_fixed(&["lost"]) }
}

fn values(settings: Settings) -> [Option<Value>; 5] {
    let Settings { rate: Rate { calls, per }, burst, max_wait, follow_max, fleet } = settings;
    [
        Some(Value::Quota(calls, per)),
        burst.map(Value::Count),
        Some(Value::Time(max_wait)),
        Some(Value::Time(follow_max)),
        fleet.map(|lost| Value::Word(lost.as_str())),
    ]
}

impl Limiter {
    /// Tokens stay, and so does what is owed. Who waits finds the new rate.
    pub(super) fn put(&self, values: &Values) -> Put {
        let plan = &*self.plan;
        let first = &plan.settings;
        let rate = values.quota("rate").map_or(first.rate, |(calls, per)| Rate::new(calls, per));
        let burst = values.count("burst").unwrap_or(rate.calls);
        let or = |found: Option<Duration>, first| Some(found.unwrap_or(first));
        plan.max_wait.set(or(values.time("max_wait"), first.max_wait));
        plan.follow_max.set(or(values.time("follow_max"), first.follow_max));
        plan.burst.store(burst, Ordering::Relaxed);
        let wakes = match &self.lease {
            Some(lease) => {
                let refuses = values.word("lost") == Some(Lost::Refuse.as_str());
                lease.change(rate, burst, if refuses { Lost::Refuse } else { Lost::Share })
            }
            None => self.bucket().change(&plan.gcra, Gcra::new(rate.interval(), burst), clock::now()),
        };
        Put { wakes, ..Put::default() }
    }
}
