//! Delivers a lane: its messages one after the other, as long as the lease of its head lasts.

use super::Handler;
use super::event;
use super::store::{self, Claimed, Delivered};
use super::work::Patience;
use crate::sql::worker::{Boxed, Ended, Lease, Leased, Trouble};
use crate::sync::{AtomicBool, Ordering};
use crate::{Backend, Db, Kind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What has become of a lane.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// What is to be deleted.
    pub(super) delivered: Vec<Delivered>,
    /// Whether the last one that was tried has failed, and what may pass.
    pub(super) failed: Option<Passes>,
    pub(super) is_set_aside: bool,
}

/// Whether waiting helps.
pub(super) type Passes = bool;

/// Delivers the head and some of what follows it, until one fails, the lease leaves no time for another, or the relay is to
/// stop.
pub(super) async fn run<DB: Backend>(
    db: Db<DB>,
    handler: Handler,
    patience: Patience,
    head: Claimed,
    lease: Lease,
    stop: Arc<AtomicBool>,
) -> Ran {
    let mut ran = Ran::default();
    // Read with the head, before it is delivered: what cannot be read now is read with the next lease.
    let followers =
        if head.has_followers() { store::followers(&db, &head).await.unwrap_or_default() } else { Vec::new() };
    let (id, epoch) = (head.message.id, head.epoch);
    for next in std::iter::once(head).chain(followers) {
        let is_first = ran.delivered.is_empty();
        if !is_first && (lease.left() < patience.longest() || stop.load(Ordering::Relaxed)) {
            break;
        }
        match deliver(&handler, &next, &lease, patience).await {
            Ok(()) => {
                let (next, of_next) = (next.message.id, next.epoch);
                ran.delivered.push(Delivered { id: next, epoch: of_next, head: id, head_epoch: epoch });
            }
            Err(problem) => {
                ran.failed = Some(problem.passes);
                ran.is_set_aside = put_off(&db, &next, problem, patience).await;
                break;
            }
        }
    }
    ran
}

/// Why a message was not delivered.
struct Problem {
    why: String,
    passes: Passes,
    /// For how long at least, if anybody knows.
    wait: Option<Duration>,
}

async fn deliver(handler: &Handler, next: &Claimed, lease: &Lease, patience: Patience) -> Result<(), Problem> {
    let handler = handler.clone();
    let message = next.message.clone();
    let key = message.id.key();
    // The handler itself may panic, before there is a future.
    let running: Boxed<'_, ()> = Box::pin(async move { handler(message).await.map_err(Trouble::from) });
    let does_not_pass = |why| Err(Problem { why, passes: false, wait: None });
    match timeout(patience.longest(), Leased::new(running, Some(&key), lease)).await {
        Ok(Ended::With(Ok(()))) => Ok(()),
        Ok(Ended::With(Err(failed))) => {
            let verdict = failed.verdict();
            let passes = failed.passes() || verdict.kind == Kind::Refused;
            Err(Problem { why: failed.text().to_owned(), passes, wait: verdict.retry_after })
        }
        Ok(Ended::Panicked(text)) => does_not_pass(format!("the handler panicked: {text}")),
        Ok(Ended::Unreadable(why)) => does_not_pass(why),
        Ok(Ended::Lost) => {
            Err(Problem { why: "this process was silent for too long".to_owned(), passes: true, wait: None })
        }
        // A timeout, as of any partner.
        Err(_) => Err(Problem { why: format!("no end within {:?}", patience.longest()), passes: true, wait: None }),
    }
}

/// Writes down when a message is to be tried again, or sets it aside.
async fn put_off<DB: Backend>(db: &Db<DB>, next: &Claimed, problem: Problem, patience: Patience) -> bool {
    let Problem { why, passes, wait } = problem;
    let is_enough = !passes && next.spent.saturating_add(1) >= patience.attempts;
    let wait = (!is_enough).then(|| patience.wait(next.message.attempt, wait));
    match store::failed(db, next, !passes, wait, &why).await {
        Ok(true) => {}
        // Somebody else has the lane.
        Ok(false) => return false,
        // It is tried again when the lease is over.
        Err(error) => {
            event::unreachable(&error);
            return false;
        }
    }
    let message = &next.message;
    if is_enough {
        event::set_aside(message, &why);
    } else {
        event::failed(message, &why);
    }
    is_enough
}
