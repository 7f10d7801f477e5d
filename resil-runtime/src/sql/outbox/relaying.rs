//! A relay that runs.

use super::event;
use super::handlers::{Handler, Handlers};
use super::lane::{Lanes, Ran};
use super::relay::{Relay, Relayed};
use super::store::{self, AtMost, Claimed, Delivered, HeldMessage, Wanted};
use super::work::{Part, Taken};
use crate::context::in_callers_span;
use crate::sql::worker::{Joined, Lease, Stop, Worker};
use crate::{Backend, Classify as _, Db, Effect, Error, clock};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// So many bytes of a lane are read at once, besides its head, and no more than its share of what may be read.
const PAGE: usize = 1 << 20;

/// So much of what was recorded is given its place before a claim, or twice what is claimed: so no claim waits for all of it.
const SETTLED: usize = 128;
/// So much before a look, once a minute.
const SETTLED_FOR_LOOK: i64 = 1000;

/// A claim whose answer was lost may be done later than it is given back, but not as late as this.
const LATEST: Duration = Duration::from_secs(60);

pub(super) struct Relaying<'a, DB: Backend> {
    relay: &'a Relay<DB>,
    handlers: Handlers,
    taken: Taken,
    /// When it started, by the database's clock, once that was asked.
    started: Option<i64>,
    stop: watch::Sender<Stop>,
    wakes: watch::Receiver<()>,
    /// What was delivered and could not be deleted, and whether it may have been all the same.
    undeleted: Vec<(Delivered, bool)>,
    /// The tokens of claims without an answer, and until when they may still be done.
    unanswered: Vec<(i64, Instant)>,
    pub(super) done: Relayed,
}

impl<'a, DB: Backend> Relaying<'a, DB> {
    pub(super) fn new(relay: &'a Relay<DB>) -> Self {
        Self {
            relay,
            handlers: relay.handlers.fresh(),
            taken: Taken::default(),
            started: None,
            stop: watch::Sender::new(Stop::No),
            wakes: relay.db.woken(),
            undeleted: Vec::new(),
            unanswered: Vec::new(),
            done: Relayed::default(),
        }
    }

    /// How many more messages this handler may be given.
    fn room_of(&self, handler: &Handler) -> usize {
        handler.health().room(self.relay.polling.concurrency).saturating_sub(self.taken.of(handler))
    }

    /// Those of a topic, or of all, that may be delivered beside others; and one that is to be alone.
    fn wanted<'t>(&self, topic: Option<&'t str>, handler: &Handler) -> Vec<Wanted<'t>> {
        let most = self.room_of(handler);
        if most == 0 {
            return Vec::new();
        }
        let share = handler.topic.as_ref().map_or_else(String::new, |topic| format!("on {topic}"));
        // One message at a time, whatever it is.
        let is_out = handler.health().is_out();
        let (of_alone, most_alone) = if is_out { (share.clone(), most) } else { ("alone".to_owned(), 1) };
        let mut wanted = vec![Wanted { topic, share, most, alone: false }];
        if !self.taken.has_alone() {
            wanted.push(Wanted { topic, share: of_alone, most: most_alone, alone: true });
        }
        wanted
    }

    /// What is due, and since when its leases are ours at the latest.
    async fn due(&mut self, most: usize, token: i64) -> Result<(Instant, Vec<Claimed>), Error> {
        let db = &self.relay.db;
        let started = match self.started {
            Some(started) => started,
            None => {
                db.ready().await?;
                self.settle().await?;
                *self.started.insert(store::now(db).await?)
            }
        };
        let most_settled = i64::try_from(most.saturating_mul(2).max(SETTLED)).unwrap_or(i64::MAX);
        loop {
            let settled = if DB::SETTLES_IN { store::settle_in(db, most_settled).await? } else { 0 };
            let (asked, due) = self.claimed(most, started, token).await?;
            // What is due may be behind what was recorded before it.
            if settled == 0 || !due.is_empty() {
                return Ok((asked, due));
            }
        }
    }

    /// Before a look, which finds nothing without a place: all of it, or the first page where each claim goes on with it.
    async fn settle(&self) -> Result<(), Error> {
        let db = &self.relay.db;
        if DB::SETTLES_IN {
            store::settle_in(db, SETTLED_FOR_LOOK).await.map(drop)
        } else {
            store::settle_in_all(db).await
        }
    }

    async fn claimed(&self, most: usize, started: i64, token: i64) -> Result<(Instant, Vec<Claimed>), Error> {
        let db = &self.relay.db;
        let bytes = self.relay.memory.saturating_sub(self.taken.bytes());
        let bounds = AtMost { lease: self.relay.patience.lease, most, bytes, started };
        let found = match self.handlers.any() {
            // All others are its own, too, so they have to be found one by one.
            Some(_) if self.handlers.know_topics() => store::topics(db).await?,
            Some(any) => {
                return leased(db, &self.wanted(None, any), bounds, token).await;
            }
            None => Vec::new(),
        };
        let known = self.handlers.iter().filter_map(|handler| Some((handler.topic.as_deref()?, handler)));
        let others = found.iter().filter_map(|(topic, _)| {
            let handler = self.handlers.of(topic)?;
            handler.topic.is_none().then_some((&**topic, handler))
        });
        let wanted: Vec<_> =
            known.chain(others).flat_map(|(topic, handler)| self.wanted(Some(topic), handler)).collect();
        leased(db, &wanted, bounds, token).await
    }

    /// Gives back what was claimed without our knowledge: nobody delivers it, and without us it would be taken for what its
    /// process died of.
    async fn give_back_unanswered(&mut self) -> Result<(), Error> {
        for at in (0..self.unanswered.len()).rev() {
            let (token, until) = self.unanswered[at];
            let is_over = clock::instant() >= until;
            store::unanswered(&self.relay.db, token).await?;
            if is_over {
                self.unanswered.swap_remove(at);
            }
        }
        Ok(())
    }

    /// What comes next in the lanes of these heads, before those are delivered. After a death it is one by one.
    async fn followers(&self, heads: &mut [(Claimed, Part)]) -> HashMap<String, Vec<Claimed>> {
        let mut with_followers: Vec<_> =
            heads.iter_mut().filter(|(head, _)| head.has_followers() && !head.is_alone && head.deaths == 0).collect();
        if with_followers.is_empty() {
            return HashMap::new();
        }
        let share = self.relay.memory.saturating_sub(self.taken.bytes()) / with_followers.len();
        let wanted =
            with_followers.iter_mut().map(|(head, part)| (&*head, part.more(PAGE.min(share), self.relay.memory)));
        let wanted: Vec<_> = wanted.collect();
        // What cannot be read now is read with the next lease.
        let followers = store::followers(&self.relay.db, wanted.into_iter()).await.unwrap_or_default();
        for (head, part) in with_followers {
            let read = followers.get(&head.lane).map_or(0, |all| all.iter().map(|one| one.message.payload.len()).sum());
            part.keeps(head.message.payload.len().saturating_add(read));
        }
        followers
    }

    /// Tells of what nobody here is for.
    async fn look_for_others(&self) {
        if self.handlers.any().is_some() {
            return;
        }
        for (topic, waits) in store::topics(&self.relay.db).await.unwrap_or_default() {
            if self.handlers.of(&topic).is_none() && !waits.is_zero() {
                event::left_to_others(&topic, waits);
            }
        }
    }

    /// Deletes what was delivered, by all lanes that have ended by now in one statement. If that fails, it is tried again: what
    /// was delivered is not delivered again for the database's sake, while nobody else has it.
    async fn delivered(&mut self, delivered: Vec<Delivered>) {
        self.undeleted.extend(delivered.into_iter().map(|one| (one, false)));
        if self.undeleted.is_empty() {
            return;
        }
        match store::delivered(&self.relay.db, self.undeleted.iter().map(|(one, _)| one)).await {
            Ok(deleted) => {
                for (one, may_be_deleted) in self.undeleted.drain(..) {
                    if may_be_deleted || deleted.contains(&one.id) {
                        self.done.delivered += 1;
                    } else {
                        self.done.lost += 1;
                        event::lost(one.id, &one.topic);
                    }
                }
            }
            Err(error) => {
                let is_unknown = error.verdict().effect == Effect::Unknown;
                self.undeleted.iter_mut().for_each(|(_, may_be_deleted)| *may_be_deleted |= is_unknown);
                event::unreachable(&error);
            }
        }
    }
}

/// Whatever was asked before, the leases begin with this question.
async fn leased<DB: Backend>(
    db: &Db<DB>,
    wanted: &[Wanted<'_>],
    bounds: AtMost,
    token: i64,
) -> Result<(Instant, Vec<Claimed>), Error> {
    let asked = clock::instant();
    let due = if wanted.is_empty() { Vec::new() } else { store::claim(db, wanted, bounds, token).await? };
    Ok((asked, due))
}

/// What was under way was cut off, with the tasks that it was in. What of it did not end is given back, once none of it can go
/// on; if the runtime is gone, too, another relay finds it when its lease is over.
impl<DB: Backend> Drop for Relaying<'_, DB> {
    fn drop(&mut self) {
        if self.taken.is_empty() && self.unanswered.is_empty() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (db, taken, unanswered) =
                (self.relay.db.clone(), self.taken.clone(), std::mem::take(&mut self.unanswered));
            runtime.spawn(async move {
                for (token, _) in unanswered {
                    _ = store::unanswered(&db, token).await;
                }
                let cut_off = taken.cut_off().await;
                _ = store::given_back(&db, &cut_off).await;
            });
        }
    }
}

impl<DB: Backend> Worker for Relaying<'_, DB> {
    type Ran = Ran;

    async fn look(&mut self) {
        self.relay.db.forget_isolation();
        // If one fails, so does the next claim, which tells of it.
        _ = self.settle().await;
        _ = store::heal(&self.relay.db).await;
        self.look_for_others().await;
    }

    async fn claim(&mut self, most: usize, running: &mut JoinSet<Ran>) -> Result<usize, Error> {
        if self.taken.bytes() >= self.relay.memory {
            return Ok(0);
        }
        self.delivered(Vec::new()).await;
        self.give_back_unanswered().await?;
        let token = store::token();
        self.unanswered.push((token, clock::after(clock::instant(), LATEST)));
        let due = self.due(most, token).await;
        // Dropped meanwhile, it is without an answer, too.
        if due.as_ref().err().is_none_or(|error| error.verdict().effect != Effect::Unknown) {
            self.unanswered.pop();
        }
        let (asked, due) = due?;
        let claimed = due.len();
        let mut heads = Vec::with_capacity(claimed);
        for head in due {
            // What is claimed has a handler.
            let Some(handler) = self.handlers.of(&head.message.topic) else { continue };
            let part = self.taken.part(handler, &head);
            heads.push((head, part));
        }
        let mut followers = self.followers(&mut heads).await;
        let Relay { db, patience, .. } = self.relay;
        for (head, part) in heads {
            let lanes = Lanes {
                db: db.clone(),
                handlers: self.handlers.clone(),
                patience: *patience,
                started: self.started.unwrap_or_default(),
                stop: self.stop.subscribe(),
            };
            let followers = followers.remove(&head.lane).unwrap_or_default();
            running.spawn(in_callers_span(lanes.run(head, followers, Lease::asked_for(asked, patience.lease), part)));
        }
        Ok(claimed)
    }

    async fn sample(&mut self) {
        let db = &self.relay.db;
        // If it fails, so does the next claim, which tells of it.
        if let Ok(waiting) = store::waiting(db).await {
            db.seen().messages(waiting);
        }
    }

    async fn ended(&mut self, ended: Vec<Joined<Ran>>) {
        let (mut delivered, mut given_back): (Vec<_>, Vec<HeldMessage>) = (Vec::new(), Vec::new());
        for one in ended {
            let Ok(mut ran) = one else {
                self.done.failed += 1;
                continue;
            };
            ran.part.has_ended();
            self.done.failed += u64::from(ran.has_failed);
            self.done.set_aside += u64::from(ran.is_set_aside);
            self.done.lost += u64::from(ran.is_lost);
            delivered.extend(ran.delivered);
            given_back.extend(ran.given_back);
        }
        self.delivered(delivered).await;
        if !given_back.is_empty()
            && let Err(error) = store::given_back(&self.relay.db, &given_back).await
        {
            event::unreachable(&error);
        }
    }

    fn unreachable(&self, error: &Error) {
        event::unreachable(error);
    }

    fn stop(&self) -> watch::Sender<Stop> {
        self.stop.clone()
    }

    /// What the handlers have room for together. Whose handler is away takes no more than one.
    fn room(&self, concurrency: usize) -> usize {
        let rooms = self.handlers.iter().map(|handler| handler.health().room(concurrency));
        rooms.fold(0_usize, usize::saturating_add).min(concurrency)
    }

    fn rests(&self) -> Option<Duration> {
        self.handlers.iter().filter_map(|handler| handler.health().out_for()).min()
    }

    async fn woken(&mut self) {
        // It lives as long as the database does.
        _ = self.wakes.changed().await;
    }
}
