use super::key::valid;
use super::{IdempotencyKey, InvalidKey};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// A key that came from outside: what a client has put into `Idempotency-Key`, or a text of theirs. 1 to 255 bytes without
/// control characters.
///
/// Clients make up their keys by themselves, and two of them may send the same. So it is of use together with who owns it:
///
/// ```
/// use resil::RequestKey;
///
/// let key: RequestKey = "1".parse()?; // with the feature `axum` it is an extractor
/// assert_ne!(key.of("alice"), key.of("bob"));
/// assert_eq!(key.of("alice"), key.of("alice")); // `#[transactional(.., once = key.of(&user.id))]`
/// # Ok::<(), resil::InvalidKey>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey(Arc<str>);

/// The namespaces of the keys that are made of a client's. Changing one would change every key in flight.
const OWNED: Uuid = Uuid::from_u128(0x91c5_3e0b_7d42_4a86_b3f9_04e1_6a58_c2d7);
const GLOBAL: Uuid = Uuid::from_u128(0x4d7a_e816_2fb0_4593_8c1e_d962_7b35_0fa4);

impl RequestKey {
    /// The key of this owner: whoever has signed in, or the tenant, anything that prints what tells one from the other. Always
    /// the same UUID for the same two, and another one for any other two; neither can be read from it.
    ///
    /// Where keys are unique within a part of an owner, name that too: `key.of(&tenant.id).step(&user.name)`.
    pub fn of(&self, owner: impl fmt::Display) -> IdempotencyKey {
        let owner = owner.to_string();
        // With the length in front, no two pairs have the same text.
        let name = format!("{}:{owner}:{}", owner.len(), self.0);
        IdempotencyKey::from_uuid(Uuid::new_v5(&OWNED, name.as_bytes()))
    }

    /// The key for whoever sends it: the second client that sends the same one is taken for the first. Say why nobody else can
    /// have it; the reason is for those who read the code, and changes nothing.
    ///
    /// ```
    /// # use resil::RequestKey;
    /// let key: RequestKey = "a5b1".parse()?;
    /// let key = key.global("our gateway makes a random key for each order");
    /// # Ok::<(), resil::InvalidKey>(())
    /// ```
    pub fn global(&self, why: &'static str) -> IdempotencyKey {
        _ = why;
        IdempotencyKey::from_uuid(Uuid::new_v5(&GLOBAL, self.0.as_bytes()))
    }

    /// The key as the client has sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestKey {
    type Err = InvalidKey;

    fn from_str(key: &str) -> Result<Self, InvalidKey> {
        valid(key, |char| !char.is_control())?;
        Ok(Self(key.into()))
    }
}

/// As its text.
#[cfg(feature = "serde")]
impl serde::Serialize for RequestKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> RequestKey {
        text.parse().unwrap()
    }

    #[test]
    fn an_owned_key_is_the_same_forever() {
        assert_eq!(key("1").of("alice").as_str(), "5e165121-e0c8-5fb1-994b-97619d773e97");
        assert_eq!(key("1").global("").as_str(), "452923a5-49af-5dad-938a-116a3411bfd1");
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        for hostile in ["'; DROP TABLE orders; --", "$1", "주문-7", "\u{202e}", " ", &"x".repeat(255)] {
            assert_eq!(key(hostile).as_str(), hostile);
        }
        assert_eq!("".parse::<RequestKey>(), Err(InvalidKey::Length(0)));
        assert_eq!("x".repeat(256).parse::<RequestKey>(), Err(InvalidKey::Length(256)));
        assert_eq!("a\0b".parse::<RequestKey>(), Err(InvalidKey::Character { at: 1 }));
        assert_eq!("é\r\n".parse::<RequestKey>(), Err(InvalidKey::Character { at: 2 }));
    }

    proptest! {
        /// Few characters, those that a joint is made of among them: many pairs have the same text side by side.
        #[test]
        fn owner_and_key_do_not_run_into_each_other(
            one in ("[0-2:a]{0,4}", "[0-2:a]{1,4}"),
            other in ("[0-2:a]{0,4}", "[0-2:a]{1,4}"),
        ) {
            let of = |(owner, text): &(String, String)| key(text).of(owner);
            prop_assert_eq!(of(&one) == of(&other), one == other);
            prop_assert_ne!(of(&one), key(&other.1).global(""));
            prop_assert_ne!(of(&one), IdempotencyKey::derived(&other.0, &other.1));
        }

        #[test]
        fn where_the_joint_is_matters(text in "[0-9:]{2,8}", one in 0_usize..8, other in 0_usize..8) {
            let split = |at: usize| text.split_at(at % text.len());
            let ((owner, first), (other_owner, second)) = (split(one), split(other));
            prop_assert_eq!(key(first).of(owner) == key(second).of(other_owner), owner == other_owner);
        }
    }
}
