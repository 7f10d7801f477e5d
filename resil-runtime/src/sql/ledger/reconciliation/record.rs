use std::fmt;

/// What the partner's book says about one call of ours, known by its idempotency key. `A` is what the operation stores.
///
/// ```
/// use resil::ledger::Record;
///
/// let record = Record::done("0b6e…").amount(5_000).arguments((7_i64, 5_000_u64));
/// # _ = record;
/// let cancelled: Record<(i64, u64)> = Record::undone("77aa…");
/// ```
#[must_use = "a record is one of those that `reconcile` is given"]
#[derive(Clone)]
pub struct Record<A> {
    pub(super) key: String,
    pub(super) is_done: bool,
    pub(super) amount: Option<String>,
    pub(super) arguments: Option<A>,
}

impl<A> Record<A> {
    /// It stands in the partner's book. The key is the one that our call carried.
    pub fn done(key: impl Into<String>) -> Self {
        Self { key: key.into(), is_done: true, amount: None, arguments: None }
    }

    /// It was cancelled. Leave out attempts that the partner declined. Of several records with one key it is this that counts, so a payment
    /// and its cancellation may come as two.
    pub fn undone(key: impl Into<String>) -> Self {
        Self { is_done: false, ..Self::done(key) }
    }

    /// How much. It is compared as text with the operation's amount, so write it in the same way.
    pub fn amount(mut self, amount: impl fmt::Display) -> Self {
        self.amount = Some(amount.to_string());
        self
    }

    /// What the operation would have stored, if the partner's record tells it: then what is only there can be brought
    /// into our own books, or cancelled. Without it, it is left to an operator.
    pub fn arguments(mut self, arguments: A) -> Self {
        self.arguments = Some(arguments);
        self
    }
}

/// Without what the operation stores, which is the user's.
impl<A> fmt::Debug for Record<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("is_done", &self.is_done)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}
