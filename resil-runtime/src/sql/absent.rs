//! In the place of this folder where no database is built in: what its errors and events hold cannot be there.

use crate::{Classify, Verdict};
use std::error::Error as StdError;
use std::fmt;

/// Never there. With the feature `sqlite` or `postgres`, the error or the event itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent<const WHICH: u8> {}

pub(crate) type OnceError = Absent<0>;
pub(crate) type LedgerError = Absent<1>;
pub(crate) type LedgerEvent = Absent<2>;
pub(crate) type OutboxError = Absent<3>;
pub(crate) type OutboxEvent = Absent<4>;

impl<const WHICH: u8> fmt::Display for Absent<WHICH> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl<const WHICH: u8> Classify for Absent<WHICH> {
    fn verdict(&self) -> Verdict {
        match *self {}
    }
}

#[cfg(feature = "serde")]
impl<const WHICH: u8> serde::Serialize for Absent<WHICH> {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

#[cfg(feature = "axum")]
impl<const WHICH: u8> Absent<WHICH> {
    pub(crate) fn answer(self) -> axum::response::Response {
        match self {}
    }
}

/// No operation is written.
pub(crate) fn declared() -> impl Iterator<Item = crate::registry::Intents> {
    std::iter::empty()
}

/// No error is a database's.
pub(crate) fn verdict(_: &(dyn StdError + 'static)) -> Option<Verdict> {
    None
}
