//! Our own books of several intents of one operation, in one transaction. Each part comes after its own fence: whatever ends the
//! transaction half way, no part is committed without its move, and no move without its part.

use super::books::{BEGAN, ToBook};
use super::gathering::{Gathering, Together, Waiting};
use super::point::point;
use super::size::Size;
use super::written::Part;
use crate::sync::{Mutex, lock};
use crate::{Backend, Classify as _, Effect, Error, Tx, clock};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

/// So long all parts may take together, and no longer than a part of the lease.
const BOUND: Duration = Duration::from_secs(1);
const OF_LEASE: u32 = 4;

pub(super) fn bound(lease: Duration) -> Duration {
    BOUND.min(lease / OF_LEASE)
}

/// What has become of what was to be written.
pub(super) enum Booked {
    Written,
    Lost,
    /// The transaction was ended, and nobody knows how.
    Unknown,
    /// Nothing was done, perhaps because of another one: to be written by itself, and others wait for it while this is kept.
    ByItself(Option<Turn>),
}

/// While it is kept, others gather.
pub(super) struct Turn(#[expect(dead_code, reason = "seen when it is dropped")] oneshot::Sender<()>);

pub(super) type Bookings<DB> = Gathering<OneOperation<DB>>;

/// What writes the books of one operation: all parts are the same function.
pub(super) struct OneOperation<DB> {
    size: Mutex<Size>,
    database: PhantomData<fn() -> DB>,
}

impl<DB: Backend> OneOperation<DB> {
    pub(super) fn new() -> Self {
        Self { size: Mutex::new(Size::new()), database: PhantomData }
    }

    /// One was written by itself, and its part took so long.
    pub(super) fn written_alone(&self, took: Duration) {
        lock(&self.size).written(1, took);
    }
}

impl<DB: Backend> Together for OneOperation<DB> {
    type Member = Arc<ToBook<DB>>;
    type Told = Booked;

    fn most(&self) -> usize {
        lock(&self.size).most()
    }

    fn at_once(&self) -> usize {
        DB::WRITERS
    }

    async fn run(&self, mut group: Vec<Waiting<Arc<ToBook<DB>>, Booked>>) {
        let Some(first) = group.first().map(|one| Arc::clone(&one.member)) else { return };
        let bound = bound(first.ledger.lease());
        if group.len() == 1
            && let Some(one) = group.pop()
        {
            let (turn, ended) = oneshot::channel();
            one.tell(Booked::ByItself(Some(Turn(turn))));
            // Where each goes by itself, none waits for another.
            if self.most() > 1 {
                _ = timeout(bound, ended).await;
            }
            return;
        }
        let members: Vec<_> = group.iter().map(|one| Arc::clone(&one.member)).collect();
        let mut parts = Parts::default();
        let end = write(&members, &mut parts, bound).await;
        match end {
            End::Committed => lock(&self.size).written(members.len(), parts.took),
            End::Undone | End::Unknown => lock(&self.size).failed(),
        }
        for (number, one) in group.into_iter().enumerate() {
            let is_lost = parts.lost.contains(&number);
            one.tell(match end {
                End::Undone => Booked::ByItself(None),
                End::Unknown if number >= parts.begun => Booked::ByItself(None),
                _ if is_lost => Booked::Lost,
                End::Unknown => Booked::Unknown,
                End::Committed => Booked::Written,
            });
        }
    }
}

/// How a transaction with several parts has ended.
#[derive(Clone, Copy)]
enum End {
    Committed,
    /// Nothing of it was done.
    Undone,
    /// One of its parts has ended it, or the commit was not answered.
    Unknown,
}

#[derive(Default)]
struct Parts {
    begun: usize,
    /// Those whose lease was lost.
    lost: Vec<usize>,
    took: Duration,
}

async fn write<DB: Backend>(members: &[Arc<ToBook<DB>>], parts: &mut Parts, bound: Duration) -> End {
    let Some(first) = members.first() else { return End::Undone };
    // Why it fails, each finds out by itself.
    let Ok(mut tx) = first.ledger.db().begin(BEGAN).await else { return End::Undone };
    let began = clock::instant();
    let ended = timeout_at(clock::after(began, bound), all(members, &mut tx, parts, bound)).await;
    parts.took = began.elapsed();
    match ended {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            tx.roll_back().await;
            return End::Unknown;
        }
        Ok(Err(_)) | Err(_) => {
            tx.roll_back().await;
            return End::Undone;
        }
    }
    let written = || (0..members.len()).filter(|number| !parts.lost.contains(number)).map(|number| &members[number]);
    written().for_each(|one| point("before commit", one.written.state()));
    let committed: Result<(), Error> = tx.end(Ok(())).await;
    written().for_each(|one| point("after commit", one.written.state()));
    match committed.map_err(|error| error.verdict().effect) {
        Ok(()) => End::Committed,
        Err(Effect::Unknown) => End::Unknown,
        Err(Effect::None) => End::Undone,
    }
}

/// A part has failed, or the database.
struct Failed;

impl From<Error> for Failed {
    fn from(_: Error) -> Self {
        Self
    }
}

/// `false` if one of the parts has ended the transaction.
async fn all<DB: Backend>(
    members: &[Arc<ToBook<DB>>],
    tx: &mut Tx<DB>,
    parts: &mut Parts,
    bound: Duration,
) -> Result<bool, Failed> {
    for (number, one) in members.iter().enumerate() {
        match one.written.within_open(tx, number == 0).await? {
            Part::Begins => {}
            Part::Ended => return Ok(false),
            Part::Lost => {
                parts.lost.push(number);
                continue;
            }
        }
        parts.begun = number + 1;
        one.users_part(tx, bound).await.map_err(|_| Failed)?;
    }
    Ok(true)
}
