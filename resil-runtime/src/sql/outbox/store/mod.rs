//! The messages in the database.
//!
//! All messages of one ordering key are a *lane*; one without a key has a lane to itself. Only the first of a lane, its
//! head, is ever leased, so a lease is one of the whole lane.

mod claim;
mod end;
mod operator;
mod table;

pub(super) use claim::{
    AtMost, Claimed, Wanted, claim, followers, heal, now, settle_in, settle_in_all, suspect, token, topics,
};
#[cfg(feature = "sqlite")]
pub(crate) use claim::{CLAIM_ANY, CLAIM_TOPICS};
#[cfg(feature = "postgres")]
pub(crate) use claim::{CLAIM_ANY_BESIDE, CLAIM_TOPICS_BESIDE};
pub(super) use end::{Delivered, FailedDelivery, HeldMessage, delivered, failed, given_back, unanswered};
pub(super) use operator::{backlog, discard, redeliver, redeliver_all, set_aside, waiting};
#[cfg(feature = "sqlite")]
pub(crate) use table::RECORD;
#[cfg(feature = "postgres")]
pub(crate) use table::RECORD_IN_TURN;
pub(crate) use table::{PLACES, SCHEDULED, TABLE};
pub(super) use table::{Recorded, record};
