//! The ledger on real databases, against a partner with a book of its own.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use resil::ledger::{Intent, IntentId, Ledger, LedgerError, Operation, Outcome, Report, Resolution, State, Status};
use resil::{Backend, Classify, Db, Error, Event, IdempotencyKey, Tx, circuit_breaker, durable, retry};
use sqlx::{Postgres, Sqlite};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::partner::{Partner, PartnerError, Skill, Way, cancel, status};
use support::shop::Shop;

static REFUSED: &str = "sold out";

#[derive(Debug, Classify)]
enum BooksError {
    #[classify(caller)]
    Refused,
    #[classify(delegate)]
    Sql(sqlx::Error),
}

impl std::fmt::Display for BooksError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => f.write_str(REFUSED),
            Self::Sql(error) => error.fmt(f),
        }
    }
}

impl From<sqlx::Error> for BooksError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// The amount says what our own books make of it.
const REFUSED_HERE: u64 = 13;
const FAILS_HERE_ONCE: u64 = 17;
const PANICS_HERE: u64 = 19;
static FAILURES: AtomicU32 = AtomicU32::new(0);

async fn paid<DB: Shop>(tx: &mut Tx<DB>, order: i64, won: u64, receipt: &u64) -> Result<(), BooksError> {
    assert_eq!(won, *receipt);
    DB::set(tx, order, "paid").await?;
    match won {
        REFUSED_HERE => Err(BooksError::Refused),
        FAILS_HERE_ONCE if FAILURES.fetch_add(1, Ordering::Relaxed) == 0 => {
            Err(BooksError::Sql(sqlx::Error::PoolTimedOut))
        }
        PANICS_HERE => panic!("our own books have a bug"),
        _ => Ok(()),
    }
}

async fn failed<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _why: &Report) -> Result<(), BooksError> {
    Ok(DB::set(tx, order, "failed").await?)
}

macro_rules! payments {
    ($($name:ident($op:literal $(, $argument:ident = $value:expr)*);)*) => {
        $(
            #[durable(
                db = [Sqlite, Postgres], op = $op, per = order, applied = paid, undone = failed, base = "2ms",
                max = "10ms", attempts = 5, $($argument = $value),*
            )]
            async fn $name(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
                partner.charge(won, key).await
            }
        )*
    };
}
payments! {
    verified("verified", settle = "40ms", verify = status, compensate = cancel);
    repeated("repeated", settle = "40ms", in_doubt = repeat, compensate = cancel);
    cancelled("cancelled", settle = "40ms", in_doubt = cancel, compensate = cancel);
    manual("manual", in_doubt = manual);
}

/// The partner's client is behind a circuit of its own, and its retry repeats what may have been sent.
#[durable(db = [Sqlite, Postgres], op = "guarded", applied = paid, verify = status, settle = "40ms", base = "2ms")]
#[retry(idempotency_key = key, attempts = 2, base = "0ms", budget = none)]
#[circuit_breaker(window = 2, min_calls = 2, open_for = "50ms")]
async fn guarded(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

/// A shop, its ledger and its partner.
struct Fixture<DB: Backend> {
    db: Db<DB>,
    partner: Arc<Partner>,
    ledger: Ledger<DB>,
}

impl<DB: Shop> Fixture<DB>
where
    verified: Operation<DB>,
    repeated: Operation<DB>,
    cancelled: Operation<DB>,
    manual: Operation<DB>,
    guarded: Operation<DB>,
{
    async fn new(db: &Db<DB>, partner: Arc<Partner>) -> Self {
        DB::create(db).await;
        let ledger = Ledger::on(db.clone()).operation::<verified>().operation::<repeated>().operation::<cancelled>();
        let ledger = ledger.operation::<manual>().operation::<guarded>().provide(Arc::clone(&partner));
        let ledger = ledger.partial().open().await.unwrap();
        Self { db: db.clone(), partner, ledger }
    }

    async fn record<O: Operation<DB, Arguments = (i64, u64)>>(&self, order: i64, won: u64) -> Intent<O> {
        let recorded = self.db.transaction(async |tx| {
            DB::insert(tx, order).await?;
            Ok::<_, Failed>(resil::ledger::record(tx, Some(order.to_string()), &(order, won)).await?)
        });
        recorded.await.unwrap()
    }

    /// Records and drives order 7.
    async fn drive<O: Operation<DB, Arguments = (i64, u64), Receipt = u64>>(&self, won: u64) -> Outcome<u64> {
        let intent = self.record::<O>(7, won).await;
        self.ledger.drive(&intent).await.unwrap()
    }

    /// Drives order 7 to where a reconciler leaves it.
    async fn reconciled<O: Operation<DB, Arguments = (i64, u64), Receipt = u64>>(&self, won: u64) -> Outcome<u64> {
        let intent = self.record::<O>(7, won).await;
        let first = self.ledger.drive(&intent).await.unwrap();
        if !matches!(first, Outcome::InDoubt(_)) {
            return first;
        }
        self.rests(intent.id()).await;
        self.ledger.outcome(&intent).await.unwrap()
    }

    /// Reconciles until this intent rests.
    async fn rests(&self, id: IntentId) {
        let mut events = resil::registry().subscribe();
        let rested = async {
            loop {
                let state = self.ledger.find(id).await.unwrap().unwrap().state;
                if state.is_final() || state == State::Manual {
                    break;
                }
                events.next().await;
            }
        };
        self.ledger.reconciler().poll(Duration::from_millis(2)).run(rested).await;
    }

    async fn order(&self) -> (i64, String) {
        DB::order(&self.db, 7).await
    }

    async fn states(&self, id: IntentId) -> Vec<State> {
        let view = self.ledger.find(id).await.unwrap().unwrap();
        let mut states: Vec<_> = view.history.entries().iter().filter_map(|entry| entry.state).collect();
        states.dedup();
        states
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

on_both_databases! {
    async fn what_succeeds_is_applied_in_both_books(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::InDoubt(intent.id()), "not yet");
        assert_eq!(shop.partner.book().calls, 0);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.order().await, (1, "paid".to_owned()));
        let all = [State::Recorded, State::Calling, State::Succeeded, State::Applied];
        assert_eq!(shop.states(intent.id()).await, all);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500), "and stays so");
        assert_eq!((shop.partner.entry().applied, shop.partner.book().calls), (1, 1));
    }

    async fn what_the_partner_declines_is_rejected_in_both_books(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::Refuses])).await;
        let report = Report { why: "declined: the partner answered 402".to_owned() };
        assert_eq!(shop.drive::<manual>(500).await, Outcome::Rejected(report));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "failed".to_owned()), 0));
    }

    async fn an_intent_that_was_rolled_back_does_not_exist(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let undone: Result<(), Failed> = shop
            .db
            .transaction(async |tx| {
                manual::record(tx, 7, 500).await?;
                Err("the order is void".into())
            })
            .await;
        assert!(undone.is_err());
        assert!(shop.ledger.count().await.unwrap().is_empty());
    }

    async fn a_lost_answer_is_found_by_the_status_check(db) {
        for way in [Way::LostAfter, Way::Broken] {
            let shop = Fixture::new(&db, Partner::new(Skill::Status, [way])).await;
            assert_eq!(shop.drive::<verified>(500).await, Outcome::Applied(500), "in line");
            assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
            assert_eq!((shop.partner.book().calls, shop.partner.book().checks), (1, 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_never_arrived_is_called_again_once_that_is_certain(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostBefore])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!((view.state, &*view.why), (State::Unknown, "not applied, which is not believed yet"));
        assert_eq!(shop.partner.book().calls, 1);
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().calls, 2);
    }

    async fn a_late_arrival_is_waited_for_and_not_called_again(db) {
        let late = Way::Late(Duration::from_millis(15));
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [late])).await;
        assert_eq!(shop.reconciled::<verified>(500).await, Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().calls, 1);
    }

    async fn a_partner_that_recognises_the_key_is_called_again(db) {
        for way in [Way::LostAfter, Way::LostBefore, Way::Broken, Way::Late(Duration::from_millis(5)), Way::Busy] {
            let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, [way])).await;
            assert_eq!(shop.reconciled::<repeated>(500).await, Outcome::Applied(500));
            assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
            assert_eq!((shop.partner.book().calls, shop.partner.book().checks), (2, 0));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn a_refusal_is_not_believed_while_an_earlier_call_may_arrive(db) {
        let ways = [Way::Late(Duration::from_millis(20)), Way::Refuses];
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, ways)).await;
        assert_eq!(shop.reconciled::<repeated>(500).await, Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().calls, 3);
    }

    async fn without_a_way_to_know_an_operator_decides(db) {
        for way in [Way::LostAfter, Way::LostBefore, Way::Broken] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [way])).await;
            let outcome = shop.drive::<manual>(500).await;
            assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
            assert_eq!((shop.order().await, shop.partner.book().calls), ((0, "pending".to_owned()), 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn under_a_cancel_policy_an_unknown_outcome_is_cancelled_when_nothing_can_arrive_any_more(db) {
        for way in [Way::LostAfter, Way::LostBefore, Way::Late(Duration::from_millis(15))] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [way])).await;
            let outcome = shop.reconciled::<cancelled>(500).await;
            assert!(matches!(outcome, Outcome::Compensated(_)), "{outcome:?}");
            let entry = shop.partner.entry();
            assert_eq!((entry.applied == 1, shop.order().await), (entry.cancelled, (1, "failed".to_owned())));
            assert_eq!((shop.partner.book().calls, shop.partner.book().cancels), (1, 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_our_own_books_refuse_is_cancelled_with_the_partner(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
        shop.partner.next_cancels([Way::LostAfter, Way::Busy]);
        let outcome = shop.reconciled::<verified>(REFUSED_HERE).await;
        assert_eq!(outcome, Outcome::Compensated(Report { why: format!("refused by our own books: {REFUSED}") }));
        assert_eq!((shop.order().await, shop.partner.entry().cancelled), ((1, "failed".to_owned()), true));
        assert_eq!((shop.partner.book().calls, shop.partner.book().cancels), (1, 3));
    }

    async fn what_our_own_books_refuse_and_nobody_can_cancel_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let outcome = shop.drive::<manual>(REFUSED_HERE).await;
        assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn a_cancellation_that_the_partner_refuses_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
        shop.partner.next_cancels([Way::Refuses]);
        assert!(matches!(shop.reconciled::<verified>(REFUSED_HERE).await, Outcome::Manual(_)));
        assert!(!shop.partner.entry().cancelled);
    }

    async fn a_partner_that_contradicts_itself_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter])).await;
        shop.partner.next_checks([Status::Pending, Status::Contradictory("paid twice".to_owned())]);
        let Outcome::Manual(id) = shop.reconciled::<verified>(500).await else { panic!() };
        let view = &shop.ledger.manual(10).await.unwrap()[0];
        assert_eq!((view.id, &*view.why), (id, "the partner contradicts itself: paid twice"));
    }

    async fn trouble_in_our_own_books_passes(db) {
        FAILURES.store(0, Ordering::Relaxed);
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        assert_eq!(shop.reconciled::<manual>(FAILS_HERE_ONCE).await, Outcome::Applied(FAILS_HERE_ONCE));
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
    }

    async fn what_panics_three_times_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Panics, Way::Panics, Way::Panics])).await;
        let Outcome::Manual(id) = shop.reconciled::<verified>(500).await else { panic!() };
        let why = shop.ledger.find(id).await.unwrap().unwrap().why;
        assert_eq!(why, "panicked: our own client has a bug");
        assert_eq!(shop.partner.book().calls, 3);
        DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let Outcome::Manual(id) = shop.reconciled::<manual>(PANICS_HERE).await else { panic!() };
        assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().why, "panicked: our own books have a bug");
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn a_commit_without_an_answer_is_read_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        resil::testing::lose_commits(1);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().cancels, 0);
    }

    async fn an_open_circuit_postpones_and_spends_no_attempt(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::NoConnection; 2])).await;
        let intent = shop.record::<guarded>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        assert_eq!(shop.partner.book().calls, 2, "and its circuit is open");
        let other = shop.record::<guarded>(8, 500).await;
        assert_eq!(shop.ledger.drive(&other).await.unwrap(), Outcome::InDoubt(other.id()));
        let view = shop.ledger.find(other.id()).await.unwrap().unwrap();
        assert_eq!((view.state, view.attempts), (State::Recorded, 0));
        assert!(view.why.contains("is open: not called"), "{}", view.why);
        assert_eq!(shop.partner.book().calls, 2);
        shop.rests(other.id()).await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&other).await.unwrap(), Outcome::Applied(500));
    }

    async fn a_refusal_after_a_repeat_within_the_call_proves_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter, Way::Refuses])).await;
        assert_eq!(shop.drive::<guarded>(500).await, Outcome::Applied(500), "the first attempt had arrived");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
    }

    async fn one_intent_for_one_subject(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let record = async |order: i64, won: u64| {
            shop.db.transaction(async |tx| Ok::<_, Error>(manual::record(tx, order, won).await?)).await
        };
        let first = record(7, 500).await.unwrap();
        assert_eq!(record(7, 500).await.unwrap().id(), first.id());
        let error = record(7, 501).await.unwrap_err();
        assert!(matches!(&error, Error::Ledger(error) if **error == LedgerError::OtherArguments { op: "manual" }));
        assert_eq!(error.verdict(), resil::Verdict::caller().ours());
        assert_ne!(record(8, 500).await.unwrap().id(), first.id());
    }

    async fn hostile_subjects_are_data_and_impossible_ones_errors(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let record = async |subject: &str| {
            let subject = Some(subject.to_owned());
            shop.db.transaction(async |tx| resil::ledger::record::<_, manual>(tx, subject, &(7, 500)).await).await
        };
        for hostile in ["'; DROP TABLE resil_intents; --", "{now}", "$1", "주문\u{202e}", &"x".repeat(255)] {
            let id = record(hostile).await.unwrap().id();
            assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().subject, hostile);
        }
        for impossible in ["", "a\0b", "a\nb", &"x".repeat(256)] {
            let error = record(impossible).await.unwrap_err();
            assert!(error.to_string().ends_with("not recorded"), "{error}");
        }
    }

    async fn what_no_longer_decodes_needs_an_operator(db) {
        for (column, spoil) in [
            ("arguments", "UPDATE resil_intents SET arguments = '[\"secret\"]'"),
            ("receipt", "UPDATE resil_intents SET state = 'SUCCEEDED', receipt = '{'"),
        ] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
            let intent = shop.record::<manual>(7, 500).await;
            DB::run(&db, spoil).await;
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Manual(intent.id()));
            let why = shop.ledger.find(intent.id()).await.unwrap().unwrap().why;
            assert!(why.starts_with(&format!("the stored {column} cannot be read any more, ")), "{why}");
            assert!(!why.contains("secret"), "{why}");
            assert_eq!(shop.partner.book().calls, 0);
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_other_versions_have_stored_is_left_to_them_and_counted(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let ours = shop.record::<manual>(7, 500).await;
        let newer = shop.record::<manual>(8, 500).await;
        let stranger = shop.record::<manual>(9, 500).await;
        DB::run(&db, "UPDATE resil_intents SET version = 2, due = 0 WHERE subject = '8'").await;
        DB::run(&db, "UPDATE resil_intents SET state = 'LATER', due = 0 WHERE subject = '9'").await;
        DB::run(&db, "UPDATE resil_intents SET due = 0 WHERE subject = '7'").await;
        let mut events = resil::registry().subscribe();
        shop.rests(ours.id()).await;
        assert_eq!(shop.ledger.unknown().await.unwrap(), [("manual".to_owned(), 2, 1)]);
        assert_eq!(shop.ledger.find(newer.id()).await.unwrap().unwrap().state, State::Recorded);
        assert!(std::iter::from_fn(|| events.try_next()).any(|event| matches!(event, Event::IntentsUnknown { .. })));
        let error = shop.ledger.drive(&newer).await.unwrap_err().to_string();
        assert!(error.starts_with("operation `manual` version 2 is not in this ledger"), "{error}");
        let state = DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state = 'LATER'").await;
        assert_eq!(state, 1, "{stranger:?} of the future stays as it is");
    }

    async fn an_operator_can_end_what_nobody_else_can(db) {
        let decide = |resolution: &Resolution| resolution.clone();
        for (resolution, state, order) in [
            (Resolution::Done("500".to_owned()), State::Applied, (1, "paid")),
            (Resolution::NotDone, State::Rejected, (1, "failed")),
            (Resolution::CallAgain, State::Applied, (1, "paid")),
            (Resolution::ByHand(true), State::Applied, (0, "pending")),
            (Resolution::ByHand(false), State::Rejected, (0, "pending")),
        ] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore])).await;
            let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
            shop.ledger.resolve(id, decide(&resolution), "alice", "the bank said so on the phone").await.unwrap();
            shop.rests(id).await;
            let view = shop.ledger.find(id).await.unwrap().unwrap();
            assert_eq!((view.state, shop.order().await), (state, (order.0, order.1.to_owned())), "{resolution:?}");
            let trail = view.history.to_string();
            assert!(trail.contains("resolved by alice: the bank said so on the phone"), "{trail}");
            let again = shop.ledger.resolve(id, resolution, "bob", "").await.unwrap_err();
            assert!(matches!(&again, Error::Ledger(error) if **error == LedgerError::NotManual { state }), "{again}");
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_an_operator_cannot_decide_is_refused(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore])).await;
        let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
        for (resolution, expected) in [
            (Resolution::CheckAgain, "operation `manual` has no `verify`"),
            (Resolution::Cancel, "operation `manual` has no `compensate`"),
            (Resolution::Done("no receipt".to_owned()), "what is stored of an intent of `manual` cannot be read any more, "),
        ] {
            let error = shop.ledger.resolve(id, resolution, "alice", "").await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().state, State::Manual);
        let unknown = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        let error = shop.ledger.resolve(unknown, Resolution::NotDone, "alice", "").await.unwrap_err();
        assert!(matches!(&error, Error::Ledger(error) if **error == LedgerError::NoSuchIntent(unknown)));
    }

    async fn nothing_is_driven_inside_a_transaction(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        let inside = shop.db.transaction(async |_tx| Ok::<_, Error>(shop.ledger.drive(&intent).await)).await.unwrap();
        assert!(matches!(inside, Err(Error::InsideTransaction { .. })), "{inside:?}");
        assert_eq!(shop.partner.book().calls, 0);
    }

    async fn no_connection_is_held_while_the_partner_is_asked(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter])).await;
        let (pool, seen) = (db.clone(), Arc::new(Mutex::new(Vec::new())));
        let notes = Arc::clone(&seen);
        shop.partner.watch(move |what| notes.lock().unwrap().push(what.to_owned()));
        // A connection goes back to the pool some moments after it was let go of; one that is held does not.
        shop.partner.withholds_until(move || {
            let pool = pool.pool().unwrap();
            usize::try_from(pool.size()).unwrap() == pool.num_idle()
        });
        let driven = async |order: i64, won: u64| {
            let intent = shop.record::<verified>(order, won).await;
            let driven = tokio::time::timeout(Duration::from_secs(10), shop.ledger.drive(&intent)).await;
            assert!(driven.is_ok(), "a connection is held while the partner is asked");
            driven.unwrap().unwrap()
        };
        assert_eq!(driven(7, 500).await, Outcome::Applied(500));
        assert!(matches!(driven(8, REFUSED_HERE).await, Outcome::Compensated(_)));
        assert_eq!(*seen.lock().unwrap(), ["call", "check", "call", "cancel"]);
    }

    async fn a_drive_that_is_dropped_goes_on(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        let mut events = resil::registry().subscribe();
        let (ours, theirs) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let inside = Arc::clone(&ours);
        shop.partner.watch(move |_call| inside.notify_one());
        tokio::select! {
            biased;
            _ = shop.ledger.drive(&intent) => unreachable!("the partner has notified before"),
            () = ours.notified() => {}
        }
        drop(theirs);
        while !matches!(events.next().await, Event::IntentMoved { to: State::Applied, .. }) {}
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
    }

    async fn a_clock_that_jumped_loses_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostBefore])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        // It was in the year 2099 when these were written, and is back now.
        DB::run(&db, "UPDATE resil_intents SET due = 4090000000000, doubt_until = 4090000000000").await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.partner.entry().applied, 1);
    }

    async fn many_reconcilers_double_nothing(db) {
        const INTENTS: u32 = 120;
        let ways = (0..INTENTS).map(|number| match number % 6 {
            0 => Way::LostAfter,
            1 => Way::LostBefore,
            2 => Way::Broken,
            3 => Way::Refuses,
            4 => Way::Busy,
            _ => Way::Ok,
        });
        let shop = Fixture::new(&db, Partner::new(Skill::Status, ways)).await;
        for order in 0..i64::from(INTENTS) {
            shop.record::<verified>(order, 500).await;
        }
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let mut events = resil::registry().subscribe();
        let (end, ends) = tokio::sync::watch::channel(false);
        let all: Vec<_> = (0..8)
            .map(|_| {
                let mut ends = ends.clone();
                let reconciler = shop.ledger.reconciler().poll(Duration::from_millis(2)).concurrency(4);
                tokio::spawn(reconciler.run(async move { _ = ends.wait_for(|ends| *ends).await; }))
            })
            .collect();
        let mut ended = 0;
        while ended < INTENTS {
            match events.next().await {
                Event::IntentMoved { to, .. } if to.is_final() => ended += 1,
                Event::IntentMoved { to: State::Manual, id, .. } => panic!("{id} in MANUAL"),
                Event::Missed(_) => panic!("too many events for one test"),
                _ => {}
            }
        }
        end.send(true).unwrap();
        let mut lost = 0;
        for one in all {
            lost += one.await.unwrap().lost;
        }
        assert_eq!(lost, 0);
        let book = shop.partner.book();
        assert!(book.entries.values().all(|entry| entry.applied == 1), "nothing is doubled: {book:?}");
        let paid = DB::number(&db, "SELECT count(*) FROM orders WHERE state = 'paid' AND changes = 1").await;
        let failed = DB::number(&db, "SELECT count(*) FROM orders WHERE state = 'failed' AND changes = 1").await;
        assert_eq!(paid, i64::try_from(book.entries.len()).unwrap(), "both books agree");
        assert_eq!(paid + failed, i64::from(INTENTS));
    }

    async fn a_worker_that_was_overtaken_changes_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Refuses])).await;
        let intent = shop.record::<verified>(7, 500).await;
        let (arrived, answer) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
        let (tells, gate) = (Arc::clone(&arrived), Arc::clone(&answer));
        let first = AtomicU32::new(0);
        shop.partner.watch(move |what| if what == "call" { tells.notify_one() });
        // Only the first call is withheld.
        shop.partner.withholds_until(move || first.load(Ordering::Relaxed) > 0 || {
            let opens = gate.available_permits() > 0;
            first.store(u32::from(opens), Ordering::Relaxed);
            opens
        });
        let overtaken = tokio::spawn({
            let (ledger, intent) = (shop.ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        arrived.notified().await;
        // The clock has jumped: for the database the lease is over, and for the worker it is not.
        DB::run(&db, "UPDATE resil_intents SET due = 0, settle = 0").await;
        let other = Partner::new(Skill::Status, []);
        let elsewhere = Ledger::on(db.clone()).partial().operation::<verified>().provide(Arc::clone(&other));
        let elsewhere = Fixture { db: db.clone(), partner: other, ledger: elsewhere.open().await.unwrap() };
        elsewhere.rests(intent.id()).await;
        answer.add_permits(1);
        assert_eq!(overtaken.await.unwrap().unwrap(), Outcome::Applied(500), "what the other one has written");
        assert_eq!((shop.order().await, elsewhere.partner.entry().applied), ((1, "paid".to_owned()), 1));
        let history = shop.ledger.find(intent.id()).await.unwrap().unwrap().history.to_string();
        assert!(!history.contains("402"), "{history}");
    }

    async fn a_worker_that_was_overtaken_does_not_disturb_another_call(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Refuses])).await;
        let intent = shop.record::<verified>(7, 500).await;
        let (arrived, answers) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicU32::new(0)));
        let (tells, gate) = (Arc::clone(&arrived), Arc::clone(&answers));
        shop.partner.watch(move |_call| tells.notify_one());
        shop.partner.withholds_until(move || gate.load(Ordering::Relaxed) > 0);
        let overtaken = tokio::spawn({
            let (ledger, intent) = (shop.ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        arrived.notified().await;
        // Others have had it since, and the last of them is calling now: the state is the same, the lease another.
        DB::run(&db, "UPDATE resil_intents SET epoch = epoch + 2").await;
        answers.store(1, Ordering::Relaxed);
        assert_eq!(overtaken.await.unwrap().unwrap(), Outcome::InDoubt(intent.id()));
        let now = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!(now.state, State::Calling, "{}", now.history);
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn a_stop_lets_what_is_under_way_end(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let called = Arc::new(tokio::sync::Notify::new());
        let tells = Arc::clone(&called);
        shop.partner.watch(move |_call| tells.notify_one());
        let done = shop.ledger.reconciler().run(async move { called.notified().await }).await;
        assert_eq!((done.claimed, done.lost, done.failed), (1, 0, 0));
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
    }

    async fn what_is_cut_off_is_in_doubt_and_found_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Hangs])).await;
        let intent = shop.record::<verified>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let called = Arc::new(tokio::sync::Notify::new());
        let tells = Arc::clone(&called);
        shop.partner.watch(move |what| if what == "call" { tells.notify_one() });
        let hurried = shop.ledger.reconciler().grace(Duration::ZERO);
        hurried.run(async move { called.notified().await }).await;
        assert_eq!(shop.ledger.find(intent.id()).await.unwrap().unwrap().state, State::Calling);
        // Its lease is over.
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        let states = shop.states(intent.id()).await;
        assert!(states.contains(&State::Unknown), "the worker was lost: {states:?}");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
    }
}

/// A worker holds one connection at a time, so a pool of one is enough for it.
#[tokio::test]
async fn a_pool_of_one_connection_is_enough() {
    let _scope = resil::testing::isolated();
    support::sqlite(async |db| {
        let options = (*db.pool().unwrap().connect_options()).clone();
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(10));
        let one = Db::new(pool.connect_with(options).await.unwrap());
        let shop = Fixture::new(&one, Partner::new(Skill::Status, [Way::LostBefore])).await;
        assert!(matches!(shop.reconciled::<verified>(REFUSED_HERE).await, Outcome::Compensated(_)));
        assert_eq!((shop.order().await, shop.partner.entry().cancelled), ((1, "failed".to_owned()), true));
    })
    .await;
}

/// What the partner has answered is kept in memory until there is room for it.
#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let _scope = resil::testing::isolated();
    support::sqlite(async |db| {
        let options = (*db.pool().unwrap().connect_options()).clone();
        let one = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let one = Db::new(one);
        // A receipt that needs room.
        #[durable(db = Sqlite, op = "large", applied = kept)]
        async fn large(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<String, PartnerError> {
            partner.charge(won, key).await.map(|won| won.to_string().repeat(100_000))
        }
        async fn kept(tx: &mut Tx<Sqlite>, order: i64, _won: u64, _receipt: &String) -> Result<(), sqlx::Error> {
            Sqlite::set(tx, order, "paid").await
        }
        let partner = Partner::new(Skill::Neither, []);
        Sqlite::create(&one).await;
        let ledger = Ledger::on(one.clone()).operation::<large>().provide(Arc::clone(&partner)).partial();
        let ledger = ledger.open().await.unwrap();
        let intent = one.transaction(async |tx| {
            Sqlite::insert(tx, 7).await?;
            Ok::<_, Failed>(large::record(tx, 7, 500).await?)
        });
        let intent = intent.await.unwrap();
        let mut events = resil::registry().subscribe();
        let (full, room) = ("PRAGMA max_page_count = 40", "PRAGMA max_page_count = 100000");
        Sqlite::run(&one, full).await;
        let driven = tokio::spawn({
            let (ledger, intent) = (ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        loop {
            if let Event::LedgerUnreachable { why } = events.next().await {
                assert!(why.contains("database or disk is full"), "{why}");
                break;
            }
        }
        assert_eq!(ledger.find(intent.id()).await.unwrap().unwrap().state, State::Calling, "what is known is so");
        Sqlite::run(&one, room).await;
        assert!(matches!(driven.await.unwrap().unwrap(), Outcome::Applied(receipt) if receipt.len() == 300_000));
        assert_eq!((Sqlite::order(&one, 7).await, partner.book().calls), ((1, "paid".to_owned()), 1));
    })
    .await;
}
