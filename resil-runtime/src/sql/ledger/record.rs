use super::error::LedgerError;
use super::intent::{Intent, IntentId};
use super::keys;
use super::operation::Operation;
use super::recording::{self, KnownIntent, Recorded};
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
/// whose key is derived from both, and from the name of the [installation](super::Opening::installation) if the database has
/// one: recording it again with the same arguments answers the same intent, the last one where
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
    let intent = New::<DB, O>::of(subject.as_deref(), arguments)?;
    let Some(subject) = &subject else {
        let key = IdempotencyKey::random();
        let name = IntentName { id: IntentId::of(&key), key };
        return match intent.record(tx, &name).await? {
            Some(known) => intent.same(&known),
            None => Ok(name.id.into()),
        };
    };
    let names = Names::of::<DB, O>(tx, subject).await?;
    let first = names.number(0);
    match intent.record(tx, &first).await? {
        None => Ok(first.id.into()),
        Some(known) if known.again > 0 => intent.same(&names.number(known.again).known(tx).await?),
        Some(known) => intent.same(&known),
    }
}

/// What an intent goes by, here and with the partner.
pub(super) struct IntentName {
    pub(super) id: IntentId,
    pub(super) key: IdempotencyKey,
}

impl IntentName {
    /// The intent of this name, which is there.
    pub(super) async fn known<DB: Backend>(&self, tx: &mut Tx<DB>) -> Result<KnownIntent, Error> {
        recording::recorded(tx, self.id, &self.key).await
    }
}

/// The names of all intents about one subject.
pub(super) struct Names {
    /// The same in every installation.
    here: IdempotencyKey,
    there: IdempotencyKey,
}

impl Names {
    pub(super) async fn of<DB: Backend, O: Operation<DB>>(tx: &mut Tx<DB>, subject: &str) -> Result<Self, Error> {
        let subject = valid(O::NAME, subject)?;
        let installation = keys::installation(tx).await?;
        let there = keys::key(installation.as_deref(), O::NAME, subject);
        Ok(Self { here: IdempotencyKey::derived(O::NAME, subject), there })
    }

    /// The first one, or that which was recorded again as the so manieth.
    pub(super) fn number(&self, again: u32) -> IntentName {
        let of = |key: &IdempotencyKey| if again == 0 { key.clone() } else { key.step(&format!("again {again}")) };
        IntentName { id: IntentId::of(&of(&self.here)), key: of(&self.there) }
    }
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

    /// Records it under this name, unless there is one of it or with its key.
    pub(super) async fn record(&self, tx: &mut Tx<DB>, name: &IntentName) -> Result<Option<KnownIntent>, Error> {
        let intent = Recorded {
            id: name.id,
            key: &name.key,
            op: O::NAME,
            version: O::VERSION,
            subject: self.subject,
            arguments: &self.arguments,
            fingerprint: &self.fingerprint,
            settle: O::settings().settle,
            amount: self.amount.as_deref(),
        };
        recording::record(tx, &intent).await
    }

    /// The one that is there, if it is the same.
    pub(super) fn same(&self, known: &KnownIntent) -> Result<Intent<O>, Error> {
        match &*known.fingerprint {
            "" => Err(LedgerError::OnlyThere { op: O::NAME, id: known.id }.into()),
            other if other != self.fingerprint => Err(LedgerError::OtherArguments { op: O::NAME }.into()),
            _ => Ok(known.id.into()),
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
