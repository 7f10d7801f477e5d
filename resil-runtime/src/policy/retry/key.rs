use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// One key for one intent, the same in every attempt: the partner applies the first request and replays its answer to
/// the others.
///
/// Make it once, *outside* the retried function, and pass it in:
///
/// ```
/// use resil::IdempotencyKey;
///
/// let order = IdempotencyKey::derived("order", 42); // the same after a restart
/// assert_eq!(order, IdempotencyKey::derived("order", 42));
/// assert_ne!(order, IdempotencyKey::derived("refund", 42));
/// let anonymous = IdempotencyKey::random();
/// ```
///
/// What a client has sent is a [`RequestKey`](crate::RequestKey), and becomes one of these with its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

/// The namespace of derived keys. Changing it would change every key in flight.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f2c_1d0a_5b7e_4c38_9a41_e3d7_08b6_2f95);
/// The same of steps.
const STEPS: Uuid = Uuid::from_u128(0xb0a1_7c52_94e3_4d0f_8a67_1f2e_c95d_3b48);
pub(super) const LONGEST: usize = 255;

impl IdempotencyKey {
    /// A key of its own: a random UUID.
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string().into())
    }

    /// The key of one operation on one thing: always the same UUID (version 5) for the same two values, so that a
    /// process that died asks again under the key it had. Neither value can be read from it.
    pub fn derived(operation: &str, id: impl fmt::Display) -> Self {
        let name = format!("{}:{operation}:{id}", operation.len());
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string().into())
    }

    /// A key of ours that was stored as text, as it was.
    ///
    /// A text that a client has sent is no such key: read it as a [`RequestKey`](crate::RequestKey).
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 255 bytes, or has anything but visible ASCII characters, which a header cannot carry.
    ///
    /// ```
    /// # use resil::IdempotencyKey;
    /// let key = IdempotencyKey::random();
    /// assert_eq!(IdempotencyKey::from_stored(key.as_str()), Ok(key));
    /// ```
    pub fn from_stored(text: &str) -> Result<Self, InvalidKey> {
        valid(text, |char| char.is_ascii_graphic())?;
        Ok(Self(text.into()))
    }

    pub(crate) fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.to_string().into())
    }

    /// The key of one step of the operation, for a call that sends more than one request: always the same for the same
    /// two, and different from every other key. Neither can be read from it.
    ///
    /// ```
    /// # use resil::IdempotencyKey;
    /// let key = IdempotencyKey::derived("order", 42);
    /// assert_eq!(key.step("capture"), key.step("capture"));
    /// assert_ne!(key.step("capture"), key);
    /// ```
    #[must_use]
    pub fn step(&self, step: &str) -> Self {
        let name = format!("{}:{}:{step}", self.0.len(), self.0);
        Self(Uuid::new_v5(&STEPS, name.as_bytes()).to_string().into())
    }

    /// The key under which the running call may be repeated, for clients that have no adapter yet: send it along, with
    /// one request of the call.
    pub fn current() -> Option<Self> {
        let keyed = crate::context::keyed()?;
        crate::context::keyed::account_for();
        Some(keyed.key().clone())
    }

    /// The key as it travels in the `Idempotency-Key` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for IdempotencyKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// As its text.
#[cfg(feature = "serde")]
impl serde::Serialize for IdempotencyKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Refuses a text of the wrong length, and one with a character that is not allowed.
pub(super) fn valid(text: &str, is_allowed: impl Fn(char) -> bool) -> Result<(), InvalidKey> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(InvalidKey::Length(text.len()));
    }
    match text.char_indices().find(|(_, char)| !is_allowed(*char)) {
        Some((at, _)) => Err(InvalidKey::Character { at }),
        None => Ok(()),
    }
}

/// Why a text is not a key. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidKey {
    /// Empty, or longer than 255 bytes.
    Length(usize),
    /// A character that it cannot have: control characters, and in a key of ours all but visible ASCII.
    Character {
        /// Its byte position.
        at: usize,
    },
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(0) => f.write_str("an idempotency key must not be empty"),
            Self::Length(length) => {
                write!(f, "an idempotency key of {length} bytes is too long: at most {LONGEST}")
            }
            Self::Character { at } => write!(f, "byte {at} of the idempotency key is a character that it cannot have"),
        }
    }
}

impl std::error::Error for InvalidKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_key_is_the_same_forever() {
        assert_eq!(IdempotencyKey::derived("order", 42).as_str(), "52509d95-21b4-5217-a836-5c5192a605ec");
    }

    #[test]
    fn a_step_is_the_same_forever_and_runs_into_no_other() {
        let key = |text: &str| IdempotencyKey::from_stored(text).unwrap();
        assert_eq!(key("order-42").step("capture").as_str(), "3de7e97f-abf6-5817-8dab-4d6d35af02dd");
        assert_ne!(key("a").step("b:c"), key("a:b").step("c"));
        assert_ne!(key("a").step("1:b"), key("a").step("b"));
        let long = key(&"k".repeat(255)).step(&"s".repeat(1_000));
        assert_eq!(IdempotencyKey::from_stored(long.as_str()), Ok(long));
    }

    #[test]
    fn operation_and_id_do_not_run_into_each_other() {
        assert_ne!(IdempotencyKey::derived("a:b", "c"), IdempotencyKey::derived("a", "b:c"));
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused() {
        assert_eq!(IdempotencyKey::from_stored(""), Err(InvalidKey::Length(0)));
        assert_eq!(IdempotencyKey::from_stored("a\r\nb"), Err(InvalidKey::Character { at: 1 }));
        assert_eq!(IdempotencyKey::from_stored(&"k".repeat(256)), Err(InvalidKey::Length(256)));
        assert!(IdempotencyKey::from_stored(&"k".repeat(255)).is_ok());
    }
}
