//! Delivers a lane: its messages one after the other, as long as the lease of its head lasts.

use super::event;
use super::handlers::{Handler, Handlers};
use super::store::{self, Claimed, Delivered, FailedDelivery, HeldMessage};
use super::work::{Part, Patience};
use crate::sql::worker::{Boxed, Ended, Lease, Leased, Stop, Trouble, dropped};
use crate::{Backend, Db, Kind, clock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// What has become of a lane.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) part: Part,
    /// What is to be deleted.
    pub(super) delivered: Vec<Delivered>,
    /// Whether the last one that was tried has failed.
    pub(super) has_failed: bool,
    pub(super) is_set_aside: bool,
    pub(super) is_lost: bool,
    /// It was cut off before it could end: as if it had not been claimed.
    pub(super) given_back: Option<HeldMessage>,
}

impl Ran {
    fn of(part: Part) -> Self {
        Self { part, delivered: Vec::new(), has_failed: false, is_set_aside: false, is_lost: false, given_back: None }
    }
}

/// A lane has its share of time, and then waits for its next turn. So not much is delivered again if the process dies.
const SHARE: Duration = Duration::from_millis(100);

/// What the lanes of a relay share.
#[derive(Clone)]
pub(super) struct Lanes<DB: Backend> {
    pub(super) db: Db<DB>,
    pub(super) handlers: Handlers,
    pub(super) patience: Patience,
    /// When the relay started, by the database's clock.
    pub(super) started: i64,
    pub(super) stop: watch::Receiver<Stop>,
}

/// Why a message was not delivered.
struct Problem {
    why: String,
    /// Whether it counts against the message; it may, where something is delivered meanwhile.
    counts: Blame,
    /// For how long at least to wait, if anybody knows.
    wait: Option<Duration>,
    is_unreadable: bool,
}

#[derive(PartialEq)]
enum Blame {
    Always,
    UnlessOut,
    Never,
}

enum Delivery {
    Done,
    Failed(Problem),
    Lost,
    CutOff,
}

impl<DB: Backend> Lanes<DB> {
    /// Delivers the head and some of what follows it, until one fails, its share of time is over, or the relay is to stop.
    pub(super) async fn run(mut self, mut head: Claimed, followers: Vec<Claimed>, lease: Lease, part: Part) -> Ran {
        let (mut ran, under) = (Ran::of(part), HeldMessage::of(&head));
        if let Some(why) = self.used_up(&head) {
            // This one was none.
            head.message.attempt = head.message.attempt.saturating_sub(1);
            ran.is_set_aside = self.put_off(&head, under, why).await;
            ran.has_failed = true;
            return ran;
        }
        let lane = head.message.ordering.is_some().then(|| head.lane.clone());
        if head.deaths > 0 && head.has_followers() {
            // If it fails, the next death is told in the same way.
            _ = store::suspect(&self.db, &head).await;
        }
        let began = clock::instant();
        for next in std::iter::once(head).chain(followers) {
            let is_first = ran.delivered.is_empty();
            let has_time = began.elapsed() < SHARE && lease.left() >= self.patience.longest();
            let Some(handler) = self.handlers.of(&next.message.topic).cloned() else { break };
            if !is_first && (!has_time || *self.stop.borrow() > Stop::No || handler.health().is_out()) {
                break;
            }
            match self.deliver(&handler, &next, &lease).await {
                Delivery::Done => {
                    handler.health().delivered();
                    let (id, topic, epoch) = (next.message.id, next.message.topic, next.epoch);
                    ran.delivered.push(Delivered { id, topic, epoch, under, lane: lane.clone() });
                }
                Delivery::Failed(problem) => {
                    ran.has_failed = true;
                    let problem = Problem { counts: self.judged(&handler, &problem), ..problem };
                    ran.is_set_aside = self.put_off(&next, under, problem).await;
                    break;
                }
                Delivery::Lost => {
                    event::lost(next.message.id, &next.message.topic);
                    ran.is_lost = true;
                    break;
                }
                Delivery::CutOff => {
                    ran.given_back = is_first.then_some(under);
                    break;
                }
            }
        }
        ran
    }

    /// Whether all its attempts were used before, by processes that did not live to tell.
    fn used_up(&self, head: &Claimed) -> Option<Problem> {
        let why = match head.deaths {
            _ if head.spent <= self.patience.attempts => return None,
            0 => "no attempts are left".to_owned(),
            1 => "its process ended, or was silent for too long, while it was delivered".to_owned(),
            times => format!("its process ended, or was silent for too long, {times} times while it was delivered"),
        };
        Some(Problem { why, counts: Blame::Always, wait: None, is_unreadable: false })
    }

    async fn deliver(&mut self, handler: &Handler, next: &Claimed, lease: &Lease) -> Delivery {
        let (handle, message) = (handler.clone(), next.message.clone());
        let key = message.id.key();
        let longest = self.patience.longest();
        // The handler itself may panic, before there is a future.
        let running: Boxed<'_, ()> = Box::pin(async move { handle.handle(message).await.map_err(Trouble::from) });
        let mut leased = Leased::new(running, Some(&key), lease);
        let ended = tokio::select! {
            biased;
            ended = timeout(longest, &mut leased) => Some(ended),
            _ = self.stop.wait_for(|stop| *stop == Stop::CutsOff) => None,
        };
        // What the handler leaves behind may panic as well.
        let left = dropped(leased);
        let fails = |why: String, counts: Blame| Problem { why, counts, wait: None, is_unreadable: false };
        let mut problem = match ended {
            Some(Ok(Ended::With(Ok(())))) => return Delivery::Done,
            Some(Ok(Ended::Lost)) => return Delivery::Lost,
            None if left.is_ok() => return Delivery::CutOff,
            Some(Ok(Ended::With(Err(failed)))) => {
                let verdict = failed.verdict();
                let counts = match verdict.kind {
                    Kind::Refused => Blame::Never,
                    _ if failed.passes() || verdict.is_unclassified() => Blame::UnlessOut,
                    _ => Blame::Always,
                };
                let is_unreadable = next.message.unreadable.is_set() && counts == Blame::Always;
                let (why, wait) = (failed.text().to_owned(), verdict.retry_after);
                Problem { why, counts, wait, is_unreadable }
            }
            Some(Ok(Ended::Panicked(text))) => fails(format!("the handler panicked: {text}"), Blame::Always),
            Some(Ok(Ended::Unreadable(why))) => fails(why, Blame::Always),
            Some(Err(_)) => fails(format!("no end within {longest:?}"), Blame::Always),
            None => fails(String::new(), Blame::Always),
        };
        if let Err(text) = left {
            let why = if problem.why.is_empty() { "it was cut off".to_owned() } else { problem.why };
            problem = fails(format!("{why}, and then a destructor panicked: {text}"), Blame::Always);
        }
        Delivery::Failed(problem)
    }

    /// Whether it counts, now that it is known how the handler is doing.
    fn judged(&self, handler: &Handler, problem: &Problem) -> Blame {
        if problem.counts == Blame::Always {
            return Blame::Always;
        }
        let is_out = handler.health().failed(&self.patience);
        if problem.counts == Blame::UnlessOut && !is_out { Blame::Always } else { Blame::Never }
    }

    /// Writes down when a message is to be tried again, or sets it aside.
    async fn put_off(&self, next: &Claimed, under: HeldMessage, problem: Problem) -> bool {
        let Patience { attempts, give_up, .. } = self.patience;
        let counts = problem.counts == Blame::Always;
        let is_over = !counts && give_up.is_some_and(|give_up| next.tried >= give_up);
        let is_enough = (counts && next.spent >= attempts) || is_over;
        let wait = (!is_enough).then(|| self.patience.wait(next.message.attempt, problem.wait));
        let newer = (problem.is_unreadable && !is_enough).then_some(self.started);
        let why = problem.why;
        match store::failed(&self.db, next, under, FailedDelivery { counts, wait, newer, why: &why }).await {
            Ok(true) => {}
            // Somebody else has the lane.
            Ok(false) => {
                event::lost(next.message.id, &next.message.topic);
                return false;
            }
            // It is tried again when the lease is over.
            Err(error) => {
                event::unreachable(&error);
                return false;
            }
        }
        if is_enough {
            event::set_aside(&next.message, &why);
        } else {
            event::failed(&next.message, &why);
        }
        is_enough
    }
}
