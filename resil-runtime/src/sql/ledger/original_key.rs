use crate::IdempotencyKey;
use std::fmt;

/// The key that the call went out under: it names the payment, for the partner's lookup. What
/// [`verify`](super::Operation::verify) and [`compensate`](super::Operation::compensate) are given.
///
/// It is no [`IdempotencyKey`], and nothing takes it for one: a partner that replays its answer to a key would answer a
/// cancellation under this one with the payment, and cancel nothing.
///
/// ```
/// use resil::ledger::OriginalKey;
///
/// fn lookup(original: &OriginalKey) -> String {
///     format!("https://partner.example/payments/{original}")
/// }
/// ```
///
/// ```compile_fail
/// # use resil::ledger::OriginalKey;
/// fn as_a_key(original: &OriginalKey) -> &resil::IdempotencyKey {
///     original
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginalKey(IdempotencyKey);

impl OriginalKey {
    pub(super) fn of(key: &IdempotencyKey) -> Self {
        Self(key.clone())
    }

    /// Its text, as the partner got it in the `Idempotency-Key` header.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for OriginalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As its text.
#[cfg(feature = "serde")]
impl serde::Serialize for OriginalKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// What the functions beside a `#[durable]` function take for the key of the call.
#[diagnostic::on_unimplemented(
    message = "the key of the call comes as `&OriginalKey`, and this function takes `&{Self}`; write `original: &OriginalKey`",
    label = "nothing but the call goes out under its key",
    note = "`compensate` has a key of its own, which comes after it: `original: &OriginalKey, key: &IdempotencyKey`"
)]
pub trait TakesOriginal {
    #[doc(hidden)]
    fn taken(original: &OriginalKey) -> &Self;
}

impl TakesOriginal for OriginalKey {
    fn taken(original: &OriginalKey) -> &Self {
        original
    }
}

/// For expansions: as the function wants it, if it wants the right thing.
pub fn original<T: TakesOriginal>(original: &OriginalKey) -> &T {
    T::taken(original)
}
