//! A call under an idempotency key: what it may say at its end, and whether its key ever left.

use super::Attempts;
use crate::registry::{Registry, States, events, misconfigured};
use crate::{Classify, Effect, Error, Failure, Kind, Site, Verdict};
use std::fmt::Display;

/// What a strict test is told.
fn key_stayed(site: &'static Site) -> Error {
    misconfigured(format!(
        "{site} called a partner under an idempotency key, and no request was seen to carry it: send with `.checked()`; \
         where you send the key by other means, say so by `resil::sent()` before; or write `.unkeyed().checked()` where \
         none is wanted"
    ))
}

impl Attempts<'_> {
    /// Whether that was the last attempt, because its key never left and a test is strict.
    pub(super) fn keyed_attempt_ended(&mut self, is_success: bool) -> bool {
        if self.sent().end_attempt().is_some_and(|seen| seen.key_stayed(is_success)) {
            events::key_not_sent(self.retry.site);
            self.key_stayed |= Registry::with(States::is_strict);
        }
        self.key_stayed
    }

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
        if outcome.is_ok() {
            self.keyed_attempt_ended(true);
        }
        // A panic unwinds on, whatever became of the key.
        if self.key_stayed && !outcome.as_ref().is_err_and(E::is_panic) {
            return Err(E::represent_doubt(key_stayed(self.retry.site)));
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

    /// Whether it is a panic that was caught.
    fn is_panic(&self) -> bool {
        false
    }
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

    fn is_panic(&self) -> bool {
        matches!(self, Self::Panic(_))
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
