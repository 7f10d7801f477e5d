use super::error::LedgerError;
use super::intent::{Intent, IntentId};
use super::operation::Operation;
use super::store::{self, Known, Recorded};
use crate::sql::db::sorted;
use crate::{Backend, Error, IdempotencyKey, Stored as _, Tx};
use std::marker::PhantomData;
use uuid::Uuid;

/// Tells the arguments of one intent from those of another. Changing it would make every recorded one another.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x91d4_6a0e_27c3_4f58_b1e9_03ad_7c52_8e64);
const LONGEST_SUBJECT: usize = 255;

/// Records an intent in the caller's transaction: if it rolls back, there is none. Nothing is called yet.
///
/// `subject` says what it is about, such as the order that is paid. There is one intent of an operation about one subject,
/// whose key is derived from both: recording it again with the same arguments answers the same intent, the last one where
/// [`record_again`](super::record_again) has made others. Without a subject each is a new one.
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
    let key = match &subject {
        Some(subject) => key_about::<DB, O>(subject)?,
        None => IdempotencyKey::random(),
    };
    let intent = New::<DB, O>::of(subject.as_deref(), arguments)?;
    let Some(mut known) = intent.record(tx, &key).await? else { return Ok(IntentId::of(&key).into()) };
    let mut id = IntentId::of(&key);
    if known.again > 0 {
        id = IntentId::of(&key_again(&key, known.again));
        known = store::recorded(tx, id).await?;
    }
    intent.same(id, &known)
}

/// The key of the first intent about a subject.
pub(super) fn key_about<DB: Backend, O: Operation<DB>>(subject: &str) -> Result<IdempotencyKey, LedgerError> {
    Ok(IdempotencyKey::derived(O::NAME, valid(O::NAME, subject)?))
}

/// The key of one that was recorded again.
pub(super) fn key_again(first: &IdempotencyKey, number: u32) -> IdempotencyKey {
    first.step(&format!("again {number}"))
}

/// What an intent is recorded with.
pub(super) struct New<'a, DB, O> {
    subject: &'a str,
    arguments: String,
    fingerprint: String,
    amount: Option<String>,
    operation: PhantomData<fn() -> (DB, O)>,
}

impl<'a, DB: Backend, O: Operation<DB>> New<'a, DB, O> {
    pub(super) fn of(subject: Option<&'a str>, arguments: &O::Arguments) -> Result<Self, Error> {
        let unstorable = |why| Error::from(LedgerError::Unstorable { op: O::NAME, why });
        let text = arguments.encode().map_err(unstorable)?;
        O::Arguments::decode(&text).map_err(unstorable)?;
        // The text of a map may be another each time.
        let fingerprint = fingerprint(&text);
        let (subject, amount) = (subject.unwrap_or_default(), O::amount(arguments));
        Ok(Self { subject, arguments: text, fingerprint, amount, operation: PhantomData })
    }

    /// Records it under this key, unless there is one with it.
    pub(super) async fn record(&self, tx: &mut Tx<DB>, key: &IdempotencyKey) -> Result<Option<Known>, Error> {
        let intent = Recorded {
            key,
            op: O::NAME,
            version: O::VERSION,
            subject: self.subject,
            arguments: &self.arguments,
            fingerprint: &self.fingerprint,
            settle: O::settings().settle,
            amount: self.amount.as_deref(),
        };
        store::record(tx, &intent).await
    }

    /// The one that is there, if it is the same.
    pub(super) fn same(&self, id: IntentId, known: &Known) -> Result<Intent<O>, Error> {
        match &*known.fingerprint {
            "" => Err(LedgerError::OnlyThere { op: O::NAME, id }.into()),
            other if other != self.fingerprint => Err(LedgerError::OtherArguments { op: O::NAME }.into()),
            _ => Ok(id.into()),
        }
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
