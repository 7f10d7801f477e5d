use crate::Site;
use crate::clock::{self, Nanos};
use crate::registry::{Row, Shared, Written};
use crate::sync::{AtomicU64, Ordering};

/// Keeps retries from multiplying the load of a partner that is down: a bucket of 100 tokens. A retry takes one, a
/// success returns a fifth of one, ten a second flow in.
///
/// One word: the tokens in thousandths below, the millisecond of the last inflow above. The inflow is computed only
/// when a retry is taken, and a full bucket is never written, so a healthy service pays one load a call.
#[derive(Debug)]
pub(crate) struct Budget {
    name: Option<&'static str>,
    word: AtomicU64,
}

const TOKEN: u64 = 1_000;
const FULL: u64 = 100 * TOKEN;
const PER_SUCCESS: u64 = TOKEN / 5;
const PER_MILLISECOND: u64 = 10 * TOKEN / 1_000;
const TOKEN_BITS: u32 = 20;

fn tokens(word: u64) -> u64 {
    word & ((1 << TOKEN_BITS) - 1)
}

/// The tokens after the inflow up to `now`.
fn level(word: u64, now_ms: u64) -> u64 {
    let elapsed = now_ms.saturating_sub(word >> TOKEN_BITS);
    tokens(word).saturating_add(elapsed.saturating_mul(PER_MILLISECOND)).min(FULL)
}

/// The bucket after the inflow up to `now`, less one token; `None` if there is not one.
fn less_one(word: u64, now_ms: u64) -> Option<u64> {
    let last = now_ms.max(word >> TOKEN_BITS);
    level(word, now_ms).checked_sub(TOKEN).map(|level| (last << TOKEN_BITS) | level)
}

fn plus_success(word: u64) -> Option<u64> {
    let level = tokens(word);
    (level < FULL).then(|| word - level + (level + PER_SUCCESS).min(FULL))
}

/// The retry budget of one name at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RetryBudget {
    /// The name that retries share it by: `budget = ".."`.
    pub name: &'static str,
    /// How many retries it pays for now, first attempts aside. Ten a second flow in, and five successes add one.
    pub tokens: u32,
    /// How many it pays for at most.
    pub size: u32,
}

impl RetryBudget {
    pub(crate) fn read(name: &'static str, budget: &Budget, now: Nanos) -> Self {
        let whole = |level: u64| u32::try_from(level / TOKEN).unwrap_or(u32::MAX);
        Self { name, tokens: whole(budget.level(now)), size: whole(FULL) }
    }
}

impl Budget {
    pub(crate) fn full(name: Option<&'static str>) -> Self {
        Self { name, word: AtomicU64::new(FULL) }
    }

    fn level(&self, now: Nanos) -> u64 {
        level(self.word.load(Ordering::Relaxed), now / 1_000_000)
    }

    #[cfg(feature = "dashboard")]
    pub(super) fn view(&self, name: &'static str) -> crate::registry::View {
        use crate::registry::{Level, View};
        let now = RetryBudget::read(name, self, clock::now());
        let level = match now.tokens {
            0 => Level::Wrong,
            few if few < now.size / 5 => Level::Watch,
            _ => Level::Well,
        };
        View::new("retry_budget", level, "budget", &now)
    }

    /// Takes a token for a retry; false when there is none.
    pub(crate) fn take(&self, now: Nanos) -> bool {
        let now_ms = now / 1_000_000;
        self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| less_one(word, now_ms)).is_ok()
    }

    /// Returns a fifth of a token for a success.
    #[inline]
    pub(crate) fn reward(&self) {
        if tokens(self.word.load(Ordering::Relaxed)) < FULL {
            _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, plus_success);
        }
    }
}

impl Shared for Budget {
    fn written(&self) -> Written {
        Written { kind: "retry budget", name: self.name, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    fn label(&self) -> &'static str {
        self.name.unwrap_or_default()
    }

    fn row(&self) -> Option<Row> {
        let RetryBudget { tokens, size, .. } = RetryBudget::read(self.name?, self, clock::now());
        Some(Row { table: "retry budget", cells: vec![("tokens", tokens.to_string()), ("of", size.to_string())] })
    }

    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<crate::registry::View> {
        Some(self.view(self.name?))
    }
}

#[cfg(all(test, not(resil_loom)))]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn drained() -> Budget {
        let budget = Budget::full(None);
        assert_eq!((0..200).filter(|_| budget.take(0)).count(), 100);
        budget
    }

    #[test]
    fn a_full_bucket_pays_for_a_hundred_retries() {
        drained();
    }

    #[test]
    fn ten_tokens_a_second_flow_in() {
        let budget = drained();
        assert_eq!((0..200).filter(|_| budget.take(SECOND)).count(), 10);
        assert_eq!((0..200).filter(|_| budget.take(3 * SECOND / 2)).count(), 5);
    }

    #[test]
    fn five_successes_pay_for_one_retry() {
        let budget = drained();
        (0..4).for_each(|_| budget.reward());
        assert!(!budget.take(0));
        budget.reward();
        assert!(budget.take(0));
        assert!(!budget.take(0));
    }

    #[test]
    fn a_day_of_inflow_and_any_number_of_successes_never_overfill_it() {
        let budget = drained();
        (0..10_000).for_each(|_| budget.reward());
        assert_eq!((0..200).filter(|_| budget.take(86_400 * SECOND)).count(), 100);
    }

    #[test]
    fn a_clock_that_steps_back_adds_nothing() {
        let budget = drained();
        assert!(budget.take(SECOND));
        assert_eq!((0..200).filter(|_| budget.take(0)).count(), 9);
    }
}
