//! Which key a request goes out under, and what makes one database's keys like no other's.

use crate::sql::db::Row;
use crate::{Backend, Db, Error, IdempotencyKey, Tx};
use uuid::Uuid;

/// What the keys need: the key that a cancellation left with before cancellations had keys of their own, the name of the
/// installation, and that one key is one intent.
///
/// A cancellation that was only ever put off has not left.
pub(crate) const KEYS: &str = "
    ALTER TABLE resil_intents ADD COLUMN {if not exists} cancel_key TEXT;
    {then}
    UPDATE resil_intents SET cancel_key = key
        WHERE replace(history, ' COMPENSATING', '') <> history
            AND NOT (state = 'COMPENSATING' AND attempts = 0 AND doubt_until IS NOT NULL);
    {then}
    CREATE UNIQUE INDEX resil_intents_key ON resil_intents (key);
    CREATE TABLE resil_installation (
        number BIGINT PRIMARY KEY CHECK (number = 1),
        name TEXT NOT NULL
    );
";

const READ: &str = "SELECT name FROM resil_installation";

/// The name that is there stays.
const KEEP: &str = "
    INSERT INTO resil_installation (number, name) VALUES (1, $1)
    ON CONFLICT (number) DO UPDATE SET name = resil_installation.name
    RETURNING name";

/// The namespace of an installation's keys. Changing it would change every key in flight.
const INSTALLATIONS: Uuid = Uuid::from_u128(0x2d8e_5b71_90c4_4f1a_8d36_ab07_14e9_6c52);

/// The key of an operation on a subject. Two installations have two keys for it, so that they can share one account with
/// a partner.
pub(super) fn key(installation: Option<&str>, op: &str, subject: &str) -> IdempotencyKey {
    match installation {
        None => IdempotencyKey::derived(op, subject),
        Some(name) => {
            let name = format!("{}:{name}:{}:{op}:{subject}", name.len(), op.len());
            IdempotencyKey::from_uuid(Uuid::new_v5(&INSTALLATIONS, name.as_bytes()))
        }
    }
}

/// The key that a cancellation goes out under, unless it left under another one before.
pub(super) fn cancellation(original: &IdempotencyKey) -> IdempotencyKey {
    original.step("compensate")
}

fn name(rows: Vec<Row>) -> Option<String> {
    rows.into_iter().find_map(|mut row| row.text(0))
}

/// The installation that this database is of, as this transaction sees it.
pub(super) async fn installation<DB: Backend>(tx: &mut Tx<DB>) -> Result<Option<String>, Error> {
    Ok(name(tx.statement(READ, &[]).await?))
}

/// The installation that this database is of.
pub(super) async fn known_installation<DB: Backend>(db: &Db<DB>) -> Result<Option<String>, Error> {
    Ok(name(db.statement(READ, &[]).await?))
}

/// Makes it the database of this installation; answers whose it is.
pub(super) async fn keep_installation<DB: Backend>(db: &Db<DB>, wanted: &str) -> Result<Option<String>, Error> {
    Ok(name(db.statement(KEEP, &[wanted.into()]).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_forever_and_run_into_no_other() {
        assert_eq!(key(None, "order", "42"), IdempotencyKey::derived("order", 42));
        let shop = key(Some("shop"), "order", "42");
        assert_eq!(shop.as_str(), "6ca02196-9880-5136-8a46-4dc5f4bb8d5e");
        assert_ne!(shop, key(None, "order", "42"));
        assert_ne!(shop, key(Some("shop-2"), "order", "42"));
        assert_ne!(key(Some("a"), "b:c", "d"), key(Some("a"), "b", "c:d"));
        assert_ne!(key(Some("a:1"), "b", "c"), key(Some("a"), "1:b", "c"));
        assert_eq!(cancellation(&shop), shop.step("compensate"));
    }
}
