use super::difference::{Difference, DifferenceKind};
use serde_json::json;
use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

/// What a comparison with the partner's books has found: a value, a text with `Display`, and [JSON](Self::to_json).
#[must_use = "somebody should look at what differs"]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciliation {
    /// The operation.
    pub op: String,
    /// When the intents were recorded that were looked for in the partner's records.
    pub period: Range<SystemTime>,
    /// How many records the partner has given, each key once.
    pub records: u64,
    /// How many of them say the same as our own books.
    pub agree: u64,
    /// How many belong to intents that are still under way.
    pub open: u64,
    /// How many belong to intents that wait for an operator already.
    pub manual: u64,
    /// How many belong to intents of other operations.
    pub other: u64,
    /// Whether nothing was mended, because so much differs that the records are more likely wrong than the books: more than
    /// a hundred, and a tenth of what was compared. Look at them, and compare shorter periods if they are right.
    pub held_back: bool,
    pub(super) found: [u64; 4],
    pub(super) differences: Vec<Difference>,
}

/// So many differences are kept one by one. All are counted and mended.
const KEPT: usize = 1_000;

impl Reconciliation {
    #[cfg(test)]
    pub(crate) fn that_found(only_there: u64, held_back: bool) -> Self {
        Self {
            op: "pay".to_owned(),
            period: SystemTime::UNIX_EPOCH..SystemTime::UNIX_EPOCH,
            records: only_there,
            agree: 0,
            open: 0,
            manual: 0,
            other: 0,
            held_back,
            found: [only_there, 0, 0, 0],
            differences: Vec::new(),
        }
    }

    /// How many differences there were of this kind.
    pub fn count(&self, kind: DifferenceKind) -> u64 {
        self.found[kind.index()]
    }

    /// How many differences there were of all kinds.
    pub fn all(&self) -> u64 {
        self.found.iter().sum()
    }

    /// Whether there was none of any kind.
    pub fn agrees(&self) -> bool {
        self.all() == 0
    }

    /// The differences, those that the partner's records show first; the first thousand of them.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    pub(super) fn add(&mut self, difference: Difference) {
        self.found[difference.kind.index()] += 1;
        if self.differences.len() < KEPT {
            self.differences.push(difference);
        }
    }

    /// The same as a JSON object.
    ///
    /// ```json
    /// {"op": "payment.confirm", "from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z",
    ///  "records": 1000, "agree": 998, "open": 1, "manual": 0, "other": 0,
    ///  "only_there": 1, "only_here": 0, "amount": 0, "state": 0, "held_back": false,
    ///  "differences": [{"kind": "only there", "id": "..", "subject": "", "key": "..", "here": null, "amount_here": null,
    ///                   "there": "done", "amount_there": "5000", "mend": "verify"}]}
    /// ```
    pub fn to_json(&self) -> String {
        self.as_value().to_string()
    }

    fn as_value(&self) -> serde_json::Value {
        let differences: Vec<_> = self
            .differences
            .iter()
            .map(|one| {
                json!({
                    "kind": one.kind.text(), "id": one.id.to_string(), "subject": one.subject, "key": one.key,
                    "here": one.here.map(crate::ledger::State::text), "amount_here": one.amount_here,
                    "there": one.there.map(there), "amount_there": one.amount_there, "mend": one.mend.text(),
                })
            })
            .collect();
        let [from, to] = [self.period.start, self.period.end].map(written);
        json!({
            "op": self.op, "from": from, "to": to, "records": self.records, "agree": self.agree, "open": self.open,
            "manual": self.manual, "other": self.other, "only_there": self.count(DifferenceKind::OnlyThere),
            "only_here": self.count(DifferenceKind::OnlyHere), "amount": self.count(DifferenceKind::Amount),
            "state": self.count(DifferenceKind::State), "held_back": self.held_back, "differences": differences,
        })
    }
}

/// As [`Reconciliation::to_json`].
impl serde::Serialize for Reconciliation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_value().serialize(serializer)
    }
}

fn there(is_done: bool) -> &'static str {
    if is_done { "done" } else { "undone" }
}

/// RFC 3339, to the second. What lies outside of its years is cut off.
fn written(time: SystemTime) -> String {
    // The last second of the year 9999.
    const LAST: u64 = 253_402_300_799;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs().min(LAST));
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = [self.period.start, self.period.end].map(written);
        writeln!(f, "{} from {from} to {to}", self.op.escape_debug())?;
        let Self { records, agree, open, manual, other, .. } = self;
        writeln!(
            f,
            "{records} records: {agree} agree, {open} under way, {manual} with an operator, {other} of other operations"
        )?;
        let counts: Vec<_> = DifferenceKind::ALL.iter().map(|kind| format!("{} {kind}", self.count(*kind))).collect();
        writeln!(f, "differences: {}", counts.join(", "))?;
        if self.held_back {
            writeln!(f, "nothing was mended: so much differs that the records are more likely wrong than the books")?;
        }
        for one in &self.differences {
            let about = if one.subject.is_empty() { format!("key {}", one.key) } else { one.subject.clone() };
            let amount = |amount: &Option<String>| {
                amount.as_deref().map(|amount| format!(" {}", amount.escape_debug())).unwrap_or_default()
            };
            let here = one.here.map_or("nothing", crate::sql::ledger::State::text);
            let there = one.there.map_or("nothing", there);
            writeln!(
                f,
                "{:<10}  {}  here {here}{}, there {there}{}  {}  {}",
                one.kind,
                one.id,
                amount(&one.amount_here),
                amount(&one.amount_there),
                about.escape_debug(),
                one.mend,
            )?;
        }
        let more = self.all() - self.differences.len() as u64;
        if more > 0 { writeln!(f, "and {more} more") } else { Ok(()) }
    }
}
