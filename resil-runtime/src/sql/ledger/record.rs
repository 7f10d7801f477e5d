use super::error::LedgerError;
use super::intent::{Intent, IntentId};
use super::keys;
use super::operation::Operation;
use super::store::{self, Recorded};
use crate::sql::db::sorted;
use crate::{Backend, Error, IdempotencyKey, Stored as _, Tx};
use uuid::Uuid;

/// Tells the arguments of one intent from those of another. Changing it would make every recorded one another.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x91d4_6a0e_27c3_4f58_b1e9_03ad_7c52_8e64);
const LONGEST_SUBJECT: usize = 255;

/// Records an intent in the caller's transaction: if it rolls back, there is none. Nothing is called yet.
///
/// `subject` says what it is about, such as the order that is paid. There is one intent of an operation about one subject,
/// whose key is derived from both, and from the name of the [installation](super::Opening::installation) if the database has
/// one: recording it again with the same arguments answers the same intent. Without a subject each is a new one.
///
/// # Errors
///
/// [`Error::Ledger`] if there is an intent about this subject with other arguments, if the subject is empty, longer than
/// 255 bytes or has control characters, or if the arguments cannot be stored. [`Error::Transaction`] if the database fails.
pub async fn record<DB: Backend, O: Operation<DB>>(
    tx: &mut Tx<DB>,
    subject: Option<String>,
    arguments: &O::Arguments,
) -> Result<Intent<O>, Error> {
    let op = O::NAME;
    let amount = O::amount(arguments);
    let (id, key) = match &subject {
        Some(subject) => {
            let subject = valid(op, subject)?;
            let installation = keys::installation(tx).await?;
            // The name that it goes by here is the same in every installation.
            (IntentId::of(&IdempotencyKey::derived(op, subject)), keys::key(installation.as_deref(), op, subject))
        }
        None => {
            let key = IdempotencyKey::random();
            (IntentId::of(&key), key)
        }
    };
    let unstorable = |why| Error::from(LedgerError::Unstorable { op, why });
    let text = arguments.encode().map_err(unstorable)?;
    O::Arguments::decode(&text).map_err(unstorable)?;
    // The text of a map may be another each time.
    let fingerprint = fingerprint(&text);
    let intent = Recorded {
        id,
        key: &key,
        op,
        version: O::VERSION,
        subject: subject.as_deref().unwrap_or_default(),
        arguments: &text,
        fingerprint: &fingerprint,
        settle: O::settings().settle,
        amount: amount.as_deref(),
    };
    match store::record(tx, &intent).await? {
        Some((id, known)) if known.is_empty() => Err(LedgerError::OnlyThere { op, id }.into()),
        Some((_, known)) if known != fingerprint => Err(LedgerError::OtherArguments { op }.into()),
        Some((id, _)) => Ok(id.into()),
        None => Ok(id.into()),
    }
}

/// What tells these arguments from others.
pub(super) fn fingerprint(arguments: &str) -> String {
    Uuid::new_v5(&FINGERPRINTS, sorted(arguments).as_bytes()).to_string()
}

fn valid<'a>(op: &'static str, subject: &'a str) -> Result<&'a str, LedgerError> {
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
        return Err(LedgerError::SubjectLength { op, length: subject.len() });
    }
    match subject.char_indices().find(|(_, char)| char.is_control()) {
        Some((at, _)) => Err(LedgerError::SubjectCharacter { op, at }),
        None => Ok(subject),
    }
}
