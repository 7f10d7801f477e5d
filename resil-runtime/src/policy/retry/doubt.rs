//! A call under an idempotency key: what it may say at its end, and whether its key ever left.

use super::{Attempts, IdempotencyKey};
use crate::context::Keyed;
use crate::context::Record;
use crate::context::keyed::{Seen, Uses};
use crate::registry::{Registry, events};
use crate::{Classify, Effect, Error, Failure, Kind, Site, Verdict};
use std::fmt::Display;
use std::sync::Arc;

/// What a keyed call knows beyond its attempts.
#[derive(Debug)]
pub(super) struct KeyedCall {
    key: IdempotencyKey,
    uses: Arc<Uses>,
    /// Of the attempt under way.
    seen: Arc<Seen>,
    /// The key never left, and a test wants to know.
    stayed: Option<Error>,
}

impl KeyedCall {
    pub(super) fn new(key: IdempotencyKey) -> Self {
        Self { key, uses: Arc::default(), seen: Arc::default(), stayed: None }
    }

    pub(super) fn attempt(&self, record: &Record, made: u32) -> Keyed {
        Keyed::new(self.key.clone(), record, made, Arc::clone(&self.uses), Arc::clone(&self.seen))
    }

    /// Whether that was the last one, because its key never left.
    pub(super) fn attempt_ended(&mut self, site: &'static Site, is_success: bool) -> bool {
        let seen = std::mem::take(&mut self.seen);
        if seen.key_stayed(is_success) {
            self.stayed = key_stayed(site);
        }
        self.stayed.is_some()
    }
}

/// An event, and an error where a test is strict.
#[cold]
fn key_stayed(site: &'static Site) -> Option<Error> {
    events::key_not_sent(site);
    Registry::with(|states| {
        states.is_strict().then(|| {
            crate::registry::misconfigured(format!(
                "{site} called a partner under an idempotency key that it did not send: send with `.checked()`, put \
                 the key in a header yourself, or write `.unkeyed()` where none is wanted"
            ))
        })
    })
}

impl Attempts<'_> {
    /// The outcome of a keyed call. An error that claims no effect, at the end of a call that may have had one, is
    /// replaced by [`Error::InDoubt`]. `why` is the text of the error, where it has one.
    ///
    /// # Errors
    ///
    /// The call's own, or [`Error::InDoubt`].
    pub fn conclude<T, E>(&mut self, outcome: Result<T, E>, why: impl FnOnce(&E) -> Option<String>) -> Result<T, E>
    where
        E: Classify + RepresentsDoubt,
    {
        if let Some(stayed) = self.keyed.as_mut().and_then(|keyed| keyed.stayed.take()) {
            return Err(E::represent_doubt(stayed));
        }
        outcome.map_err(|error| {
            let verdict = error.verdict();
            if verdict.effect != Effect::None || !self.may_have_acted() {
                return error;
            }
            let why = why(&error);
            E::represent_doubt(self.in_doubt(verdict, why))
        })
    }

    #[cold]
    fn in_doubt(&self, last: Verdict, why: Option<String>) -> Error {
        let kind = if last.kind == Kind::Refused { Kind::Permanent } else { last.kind };
        let verdict = Verdict { kind, effect: Effect::Unknown, ..last };
        let site = self.retry.site;
        events::in_doubt(site, &verdict);
        Error::InDoubt { site, verdict: Box::new(verdict), why: why.map(|why| shortened(why).into()) }
    }
}

/// An error's text can hold whatever the partner has sent.
fn shortened(mut text: String) -> String {
    const LONGEST: usize = 500;
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// An error type that can say that a keyed call is in doubt; implemented for everything with `From<resil::Error>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the outcome is in doubt: `From<resil::Error>` is missing",
    label = "a first attempt may have been applied, and the last one refused",
    note = "a retry under an idempotency key answers `resil::Error::InDoubt` then, so that nobody takes the refusal for \
            the whole truth",
    note = "if it is your own enum, add a variant `Policy(resil::Error)`, marked `#[classify(delegate)]`, and\n\
            `impl From<resil::Error> for MyError {{ fn from(error: resil::Error) -> Self {{ Self::Policy(error) }} }}`",
    note = "if it is another crate's type, return `resil::http::Error` (feature `http`) or `anyhow::Error` (feature \
            `anyhow`)"
)]
pub trait RepresentsDoubt: Sized {
    /// The doubt as this type.
    fn represent_doubt(error: Error) -> Self;
}

impl<E: From<Error>> RepresentsDoubt for E {
    fn represent_doubt(error: Error) -> Self {
        Self::from(error)
    }
}

impl<E> RepresentsDoubt for Failure<E> {
    fn represent_doubt(error: Error) -> Self {
        Self::Policy(error)
    }
}

/// The text of an error, if it has one. *Found before [`Untold`], since it is no trait's.*
#[derive(Debug)]
pub struct Told<'a, E>(pub &'a E);

impl<E: Display> Told<'_, E> {
    /// What it says.
    pub fn resil_text(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// The same for an error without a text.
pub trait Untold {
    /// Nothing.
    fn resil_text(&self) -> Option<String> {
        None
    }
}

impl<E> Untold for Told<'_, E> {}
