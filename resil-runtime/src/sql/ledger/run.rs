//! Drives one intent from step to step, in line and in the reconciler alike. Before each step, what is about to happen is
//! written down; a connection is held by the writing alone.

use super::books::{ToBook, Unwritten};
use super::erased::Erased;
use super::event;
use super::gathering::Joined;
use super::inner::Inner;
use super::machine::{Action, Fact, Millis, Move, Now, Position, Then};
use super::moves::Written;
use super::original_key::OriginalKey;
use super::point::point;
use super::reading::Reading;
use super::settings::Settings;
use super::state::State;
use super::store::{self, Claimed};
use super::together::{self, Booked};
use super::written::{Stands, ToWrite};
use crate::context::CallersSpan;
use crate::sql::worker::{Boxed, Ended, Failed, Lease, Leased};
use crate::{Backend, Classify as _, Effect, Error, IdempotencyKey, Verdict, clock};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// However long a function of the user's waits, nobody waits longer for it.
const LONGEST: Duration = Duration::from_secs(300);

/// So long is tried to write down what is known, when the database cannot be reached. After that the lease has expired,
/// and it is found out anew.
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// How a drive ended.
pub(super) enum Drive {
    /// It rests where this says, or waits for its time.
    Rested(Box<Claimed>),
    /// Somebody else has it.
    Lost,
}

/// What a step has come to.
enum Finding {
    Fact(Fact),
    /// This is to be written down.
    To(Move),
    /// It is written down already, together with our own books.
    Written(Move),
    Lost,
}

/// One intent under a lease.
pub(super) struct Work<DB: Backend> {
    ledger: Arc<Inner<DB>>,
    operation: Arc<dyn Erased<DB>>,
    held: Claimed,
    lease: Lease,
    read: Reading,
}

impl<DB: Backend> Work<DB> {
    /// Takes up an intent that was claimed by a statement sent at this moment.
    pub(super) fn new(ledger: Arc<Inner<DB>>, operation: Arc<dyn Erased<DB>>, held: Claimed, asked: Instant) -> Self {
        let lease = Lease::asked_for(asked, ledger.lease());
        let read = Reading::new(held.now, asked);
        Self { ledger, operation, held, lease, read }
    }

    fn now(&self) -> Now {
        self.read.now()
    }

    pub(super) async fn run(mut self) -> Result<Drive, Error> {
        let settings = self.operation.settings();
        loop {
            let began = self.now();
            let found = match self.held.position.next(&settings, began) {
                Action::Rest => return Ok(Drive::Rested(Box::new(self.held))),
                Action::Go(to) => Finding::To(to),
                Action::Call => self.call().await,
                Action::Check => self.check().await,
                Action::Cancel => self.cancel().await?,
                Action::Apply | Action::Reject => self.write_books().await?,
            };
            let to = match found {
                Finding::Lost => return Ok(Drive::Lost),
                Finding::To(to) => to,
                Finding::Fact(fact) => {
                    self.tell_of_ours(&fact);
                    let now = Now { early: began.early, late: self.now().late };
                    self.held.position.after(fact, &settings, now, || 1.0 - fastrand::f64())
                }
                Finding::Written(to) => {
                    self.moved(to);
                    return Ok(Drive::Rested(Box::new(self.held)));
                }
            };
            let to = self.with_one_receipt(to, &settings);
            let then = to.then;
            if !self.write(to).await? {
                return Ok(Drive::Lost);
            }
            if then != Then::GoOn {
                return Ok(Drive::Rested(Box::new(self.held)));
            }
        }
    }

    /// A mistake of ours holds up every intent of the operation.
    fn tell_of_ours(&self, fact: &Fact) {
        if let Some(failed) = fact.failed().filter(|failed| failed.is_ours()) {
            event::held_up(self.held.id, self.operation.name(), failed.text());
        }
    }

    /// What our own books have written down stays what it was.
    fn with_one_receipt(&self, to: Move, settings: &Settings) -> Move {
        let known = self.held.receipt.as_ref().filter(|_| self.held.position.is_done_here);
        match (known, &to.receipt) {
            (Some(known), Some(other)) if known != other => {
                self.held.position.after(Fact::OtherReceipt, settings, self.now(), || 1.0)
            }
            _ => to,
        }
    }

    async fn call(&self) -> Finding {
        let Claimed { arguments, key, position, .. } = &self.held;
        // No request leaves with a key that is too old.
        let until = position.key_until(&self.operation.settings()).unwrap_or(Millis::MAX);
        let left = u64::try_from(until.saturating_sub(self.now().late)).unwrap_or(0);
        let bound = LONGEST.min(Duration::from_millis(left));
        self.reach(self.operation.call(self.ledger.given(), arguments, key), Some(key), bound, Fact::Called).await
    }

    async fn check(&self) -> Finding {
        let Claimed { arguments, key, .. } = &self.held;
        let original = OriginalKey::of(key);
        let check = self.operation.verify(self.ledger.given(), arguments, &original);
        self.reach(check, None, LONGEST, Fact::Checked).await
    }

    /// Cancels with the partner; what comes of it here is written at once.
    async fn cancel(&mut self) -> Result<Finding, Error> {
        let Claimed { arguments, key, receipt, .. } = &self.held;
        let (original, key) = (OriginalKey::of(key), self.held.cancellation_key());
        let cancel = self.operation.compensate(self.ledger.given(), arguments, &original, &key, receipt.as_deref());
        match self.reached(cancel, Some(&key), LONGEST).await {
            Ended::With(Ok(())) => self.write_books().await,
            Ended::With(Err(failed)) => Ok(Finding::Fact(Fact::NotCancelled(failed))),
            other => Ok(fact_of(other)),
        }
    }

    async fn reach<T>(
        &self,
        running: Boxed<'_, T>,
        key: Option<&IdempotencyKey>,
        bound: Duration,
        fact: impl FnOnce(Result<T, Failed>) -> Fact,
    ) -> Finding {
        match self.reached(running, key, bound).await {
            Ended::With(outcome) => Finding::Fact(fact(outcome)),
            other => fact_of(other),
        }
    }

    /// Runs a function of the user's that reaches the partner, under this key. The lease is extended meanwhile; no
    /// connection is held.
    async fn reached<T>(&self, running: Boxed<'_, T>, key: Option<&IdempotencyKey>, bound: Duration) -> Ended<T> {
        let step = Leased::new(running, key, &self.lease);
        tokio::select! {
            biased;
            () = self.until_lost() => Ended::Lost,
            ended = tokio::time::timeout(bound, step) => ended.unwrap_or_else(|_| Ended::too_long(bound)),
        }
    }

    /// Extends the lease for as long as this can be done; returns when it is lost.
    async fn until_lost(&self) {
        loop {
            tokio::time::sleep(self.lease.length() / 3).await;
            let asked = clock::instant();
            let hold = store::hold(self.ledger.db(), &self.held, self.lease.length());
            match tokio::time::timeout_at(self.lease.ends(), hold).await {
                Ok(Ok(true)) => self.lease.extended(asked),
                Ok(Ok(false)) | Err(_) => return,
                // The database cannot be reached: until the lease ends, nobody else can have taken the intent.
                Ok(Err(_)) if self.lease.is_over() => return,
                Ok(Err(_)) => {}
            }
        }
    }

    /// Writes a move down before anything else happens, with those of others. `false` if the lease was lost.
    async fn write(&mut self, to: Move) -> Result<bool, Error> {
        let until = clock::after(clock::instant(), PATIENCE);
        let from = self.held.position.state;
        let written = Arc::new(ToWrite::new(&self.held, to, self.lease.length()));
        point("before", written.state());
        let mut next = match self.ledger.moves().join(Arc::clone(&written)).await {
            Joined::Told(told) => told,
            Joined::Alone(_lead) => Written::alone(&written, self.ledger.db()).await,
            Joined::Gone => Written::Unknown,
        };
        let (mut may_be_written, mut is_told) = (false, false);
        loop {
            match next {
                Written::Stands(Stands { now, history, called }, asked) => {
                    self.lease.extended(asked);
                    self.held.position.called = called;
                    (self.held.now, self.held.history, self.read) = (now, history, Reading::new(now, asked));
                    break;
                }
                Written::Lost if may_be_written => match self.reread_written(&written, from).await? {
                    Some(now) => {
                        self.held.history = now.history;
                        break;
                    }
                    None => return Ok(false),
                },
                Written::Lost => return Ok(false),
                Written::NotYet => {}
                Written::Unknown => may_be_written = true,
                Written::Failed(error) if clock::instant() >= until => return Err(error),
                Written::Failed(error) => {
                    if !is_told {
                        event::unreachable(&error);
                        is_told = true;
                    }
                    may_be_written |= error.verdict().effect == Effect::Unknown;
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            }
            next = Written::alone(&written, self.ledger.db()).await;
        }
        point("after", written.state());
        self.moved(written.to_move());
        Ok(true)
    }

    /// The intent, if an earlier try, whose answer was lost, has written it.
    async fn reread_written(&self, written: &ToWrite, from: State) -> Result<Option<Claimed>, Error> {
        let now = store::read(self.ledger.db(), self.held.id).await?;
        let is_ours = |now: &Claimed| now.epoch == self.held.epoch && now.position.state == written.state();
        Ok(now.filter(is_ours).filter(|_| from != written.state()))
    }

    /// What is written down is so.
    fn moved(&mut self, to: Move) {
        let Move { to: state, attempts, panics, put_off, begins, doubt_until, receipt, why, keeps_why, .. } = to;
        let since = if begins { Some(self.held.now) } else { self.held.position.since };
        let position = Position { state, attempts, panics, put_off, since, doubt_until, ..self.held.position };
        let from = std::mem::replace(&mut self.held.position, position).state;
        self.held.receipt = receipt.or(self.held.receipt.take());
        if from != state {
            event::moved(self.held.id, self.operation.name(), from, state);
        }
        if !keeps_why {
            self.held.why = why;
        }
    }

    /// Writes our own books, and in the same transaction that they are written; with others, unless it was tried before.
    async fn write_books(&mut self) -> Result<Finding, Error> {
        let written = ToWrite::new(&self.held, self.held.position.done(), self.lease.length());
        let (ledger, operation, held) = (Arc::clone(&self.ledger), Arc::clone(&self.operation), self.held.clone());
        let book = Arc::new(ToBook { ledger, operation, held, written, span: CallersSpan::current() });
        let bookings = self.ledger.bookings(self.operation.name(), self.operation.version());
        let is_first = self.held.position.attempts <= 1 && self.held.position.put_off == 0;
        let alone = async || {
            let ended = book.alone().await;
            ended.map(|took| bookings.iter().for_each(|all| all.together().written_alone(took)))
        };
        let joined = match bookings.filter(|_| is_first) {
            Some(bookings) => bookings.join(Arc::clone(&book)).await,
            None => Joined::Told(Booked::ByItself(None)),
        };
        let ended = match joined {
            Joined::Told(Booked::Written) => Ok(()),
            Joined::Told(Booked::Lost) => Err(Unwritten::Lost),
            Joined::Told(Booked::Unknown) | Joined::Gone => Err(Unwritten::Unknown),
            Joined::Told(Booked::ByItself(_turn)) => alone().await,
            Joined::Alone(lead) => lead.during(together::bound(self.ledger.lease()), alone()).await,
        };
        Ok(match ended {
            Ok(()) => Finding::Written(book.written.to_move()),
            Err(Unwritten::Fact(fact)) => Finding::Fact(fact),
            Err(Unwritten::Lost) => Finding::Lost,
            Err(Unwritten::Unknown) => self.reread(&book).await?,
        })
    }

    /// After a commit without an answer: the ledger says whether it was committed.
    async fn reread(&self, book: &ToBook<DB>) -> Result<Finding, Error> {
        let until = clock::after(clock::instant(), PATIENCE);
        let now = loop {
            match store::read(self.ledger.db(), self.held.id).await {
                Err(_) if clock::instant() < until => tokio::time::sleep(BETWEEN_TRIES).await,
                read => break read?,
            }
        };
        Ok(match now {
            Some(now) if now.epoch != self.held.epoch => Finding::Lost,
            Some(now) if now.position.state == self.held.position.state => {
                let failed =
                    Failed::new(Verdict::transient().unsent().ours(), "no answer to the commit, which was not done");
                Finding::Fact(book.not_written(failed))
            }
            Some(_) => Finding::Written(self.held.position.done()),
            None => Finding::Lost,
        })
    }
}

fn fact_of<T>(ended: Ended<T>) -> Finding {
    match ended {
        Ended::Panicked(text) => Finding::Fact(Fact::Panicked(text)),
        Ended::Unreadable(why) => Finding::Fact(Fact::Unreadable(why)),
        Ended::With(_) | Ended::Lost => Finding::Lost,
    }
}
