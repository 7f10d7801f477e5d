//! Request IDs: what two clients cannot both have.

use crate::IdempotencyKey;
use crate::ledger::IntentId;
use crate::outbox::MessageId;
use uuid::Uuid;

/// What `once` takes for a request ID: a key that says whose it is, or an ID that is unique everywhere.
///
/// That is an [`IdempotencyKey`], which a client's [`RequestKey`](crate::RequestKey) becomes with its owner; a
/// [`MessageId`], an [`IntentId`] and a UUID.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whose request it is: of two clients with the same one, the second would get the answer of the first",
    label = "two clients may have the same",
    note = "a key that a client has sent, `key: RequestKey`, belongs to whoever has signed in; write `once = key.of(&user.id)`",
    note = "where nobody else can have it, say why: `once = key.global(\"our gateway makes a random key for each order\")`",
    note = "a text of a client's is such a key: `let key: RequestKey = text.parse()?`",
    note = "for an ID of your own write `once = IdempotencyKey::derived(\"order\", id)`"
)]
pub trait RequestId {
    /// Its text, of at most 255 bytes.
    #[doc(hidden)]
    fn text(&self) -> String;
}

impl RequestId for IdempotencyKey {
    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

macro_rules! uuids {
    ($($id:ty),*) => {
        $(impl RequestId for $id {
            fn text(&self) -> String {
                self.to_string()
            }
        })*
    };
}
uuids!(MessageId, IntentId, Uuid);

impl<T: RequestId + ?Sized> RequestId for &T {
    fn text(&self) -> String {
        (**self).text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_claimed_as_it_is_written() {
        let text = "7c1e0d52-3fa9-4b86-a0c4-92d15e8f6b37";
        assert_eq!(text.parse::<Uuid>().unwrap().text(), text);
        assert_eq!(text.parse::<MessageId>().unwrap().text(), text);
        assert_eq!((&&text.parse::<IntentId>().unwrap()).text(), text);
        assert_eq!(IdempotencyKey::from_stored(text).unwrap().text(), text);
    }
}
