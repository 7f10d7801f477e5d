//! Our books beside the partner's, on real databases: drift of every kind is found and mended, and the next comparison finds
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use futures_util::stream;
use resil::ledger::{
    Intent, IntentId, Kind, Ledger, Mend, Operation, Outcome, Reconciliation, Record, Report, Resolution, State, Status,
};
use resil::{Backend, Classify, Db, Effect, Error, Event, IdempotencyKey, Tx, durable};
use sqlx::{Postgres, Sqlite};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use support::partner::{Entry, Partner, PartnerError, Skill, cancel, status};
use support::shop::Shop;

async fn paid<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _receipt: &u64) -> Result<(), sqlx::Error> {
    DB::set(tx, order, "paid").await
}

async fn failed<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _why: &Report) -> Result<(), sqlx::Error> {
    DB::set(tx, order, "failed").await
}

macro_rules! payments {
    ($($name:ident($op:literal $(, $argument:ident = $value:expr)*);)*) => {
        $(
            #[durable(
                db = [Sqlite, Postgres], op = $op, per = order, amount = format!("{won}'00"), applied = paid, undone = failed, base = "2ms",
                max = "10ms", attempts = 5, $($argument = $value),*
            )]
            async fn $name(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
                partner.charge(won, key).await
            }
        )*
    };
}
payments! {
    verified("verified", settle = "20ms", verify = status, compensate = cancel);
    repeated("repeated", settle = "20ms", in_doubt = repeat);
    cancelled("cancelled", settle = "20ms", in_doubt = cancel, compensate = cancel);
    doubtful("doubtful", settle = "20ms", in_doubt = cancel, verify = status, compensate = cancel);
    bare("bare", in_doubt = manual);
}

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Records = Vec<Result<Record<(i64, u64)>, String>>;

struct Fixture<DB: Backend> {
    db: Db<DB>,
    partner: Arc<Partner>,
    ledger: Ledger<DB>,
}

/// As the operations write their amounts.
fn in_cents(won: u64) -> String {
    format!("{won}'00")
}

/// A day on both sides of now.
fn today() -> Range<SystemTime> {
    let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
    now - day..now + day
}

impl<DB: Shop> Fixture<DB>
where
    verified: Operation<DB>,
    repeated: Operation<DB>,
    cancelled: Operation<DB>,
    doubtful: Operation<DB>,
    bare: Operation<DB>,
{
    async fn new(db: &Db<DB>, skill: Skill) -> Self {
        DB::create(db).await;
        let partner = Partner::new(skill, []);
        let ledger = Ledger::on(db.clone()).operation::<verified>().operation::<repeated>().operation::<bare>();
        let ledger =
            ledger.operation::<cancelled>().operation::<doubtful>().provide(Arc::clone(&partner)).open().await.unwrap();
        Self { db: db.clone(), partner, ledger }
    }

    /// An order that is paid.
    async fn pays<O: Operation<DB, Arguments = (i64, u64), Receipt = u64>>(&self, order: i64, won: u64) -> Intent<O> {
        let intent = self.db.transaction(async |tx| {
            DB::insert(tx, order).await?;
            Ok::<_, Failed>(resil::ledger::record::<DB, O>(tx, Some(order.to_string()), &(order, won)).await?)
        });
        let intent = intent.await.unwrap();
        assert_eq!(self.ledger.drive(&intent).await.unwrap(), Outcome::Applied(won));
        intent
    }

    async fn key(&self, order: i64) -> String {
        DB::text(&self.db, &format!("SELECT key FROM resil_intents WHERE subject = '{order}'")).await
    }

    /// Somebody changes what the partner has of an order.
    async fn drifts(&self, order: i64, change: impl FnOnce(&mut Entry)) {
        let key = self.key(order).await;
        self.partner.edit(|book| change(book.entries.get_mut(&key).unwrap()));
    }

    /// The partner's whole book.
    fn records(&self) -> Records {
        let record = |(key, entry): (&String, &Entry)| {
            let done = entry.applied > 0 && !entry.cancelled;
            Ok(if done { Record::done(key) } else { Record::undone(key) }.amount(in_cents(entry.won)))
        };
        self.partner.book().entries.iter().map(record).collect()
    }

    async fn compares<O: Operation<DB, Arguments = (i64, u64)>>(&self, records: Records) -> Reconciliation {
        self.ledger.reconcile::<O, _>(today(), stream::iter(records)).await.unwrap()
    }

    /// Lets a reconciler carry out what was found.
    async fn mends(&self) {
        let mut events = resil::registry().subscribe();
        let rested = async {
            while DB::number(&self.db, "SELECT count(*) FROM resil_intents WHERE due IS NOT NULL").await > 0 {
                events.next().await;
            }
        };
        self.ledger.reconciler().poll(Duration::from_millis(2)).run(rested).await;
    }

    async fn state(&self, id: IntentId) -> State {
        self.ledger.find(id).await.unwrap().unwrap().state
    }
}

fn found(report: &Reconciliation) -> [u64; 4] {
    [Kind::OnlyThere, Kind::OnlyHere, Kind::Amount, Kind::State].map(|kind| report.count(kind))
}

on_both_databases! {
    async fn books_that_agree_are_left_alone(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=5 {
            shop.pays::<verified>(order, 500).await;
        }
        shop.pays::<bare>(6, 600).await;
        let mut events = resil::registry().subscribe();
        let report = shop.compares::<verified>(shop.records()).await;
        assert!(report.agrees(), "{report}");
        assert_eq!((report.records, report.agree, report.other), (6, 5, 1));
        let Event::Reconciled(told) = events.next().await else { panic!("it is told") };
        assert_eq!(*told, report);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state <> 'APPLIED'").await, 0);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_records").await, 0, "nothing is left behind");
    }

    async fn what_only_the_partner_has_comes_into_our_books(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        let key = shop.key(7).await;
        // Our database was restored from before the payment.
        DB::run(&db, "DELETE FROM resil_intents").await;
        DB::run(&db, "UPDATE orders SET state = 'pending', changes = 0").await;
        let told = vec![Ok(Record::done(&key).amount(in_cents(500)).arguments((7, 500)))];
        let report = shop.compares::<verified>(told.clone()).await;
        assert_eq!(found(&report), [1, 0, 0, 0], "{report}");
        let difference = &report.differences()[0];
        assert_eq!((difference.mend, difference.here, difference.there), (Mend::Verify, None, Some(true)));
        let again = shop.compares::<verified>(told.clone()).await;
        assert!(again.agrees() && again.open == 1, "it is under way: {again}");
        shop.mends().await;
        assert_eq!(shop.state(difference.id).await, State::Applied);
        assert_eq!(DB::order(&db, 7).await, (1, "paid".to_owned()));
        assert_eq!(shop.partner.book().calls, 1, "it was not charged again");
        let after = shop.compares::<verified>(told).await;
        assert_eq!((after.agrees(), after.agree), (true, 1), "{after}");
        // Whoever records it now finds it.
        let intent = db.transaction(async |tx| verified::record(tx, 7, 500).await).await.unwrap();
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        // On the partner's side it is older than the period by then.
        assert!(shop.compares::<verified>(Vec::new()).await.agrees(), "nobody but the partner can date it");
    }

    async fn a_record_that_contradicts_itself_is_left_to_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let key = IdempotencyKey::derived("verified", 7);
        shop.partner.charge(900, &key).await.unwrap();
        let told = vec![Ok(Record::done(key.as_str()).amount(in_cents(900)).arguments((7, 500)))];
        assert_eq!(shop.compares::<verified>(told).await.differences()[0].mend, Mend::Manual);
    }

    async fn what_was_begun_or_finished_outside_of_the_period_is_not_missed(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let Range { start, end } = today();
        let (hour, now) = (Duration::from_secs(3_600), SystemTime::now());
        for period in [start..now - hour, now + hour..end] {
            let is_over = period.end < now;
            let none: Records = Vec::new();
            let report = shop.ledger.reconcile::<verified, _>(period.clone(), stream::iter(none)).await.unwrap();
            assert!(report.agrees(), "{report}");
            let records = stream::iter(shop.records());
            let report = shop.ledger.reconcile::<verified, _>(period, records).await.unwrap();
            // What has moved since the records were written is none of theirs.
            assert_eq!((report.open, found(&report)), if is_over { (1, [0; 4]) } else { (0, [0, 0, 1, 0]) }, "{report}");
        }
    }

    async fn what_is_paid_is_never_cancelled_because_a_record_is_missing(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let unasked = shop.pays::<cancelled>(7, 500).await;
        let asked = shop.pays::<doubtful>(8, 500).await;
        assert_eq!(shop.compares::<cancelled>(Vec::new()).await.differences()[0].mend, Mend::Manual);
        assert_eq!(shop.compares::<doubtful>(Vec::new()).await.differences()[0].mend, Mend::Verify);
        assert_eq!(shop.ledger.outcome(&asked).await.unwrap(), Outcome::Applied(500), "as our own books have it");
        // It never says more than that it does not know.
        shop.partner.next_checks(vec![Status::Pending; 20]);
        shop.mends().await;
        assert_eq!((shop.state(unasked.id()).await, shop.state(asked.id()).await), (State::Manual, State::Manual));
        assert_eq!(shop.partner.book().cancels, 0);
    }

    async fn another_receipt_is_left_to_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        _ = shop.compares::<verified>(Vec::new()).await;
        shop.partner.next_checks([Status::Applied(777)]);
        shop.mends().await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Manual(intent.id()));
        let receipt = DB::text(&db, "SELECT receipt FROM resil_intents").await;
        assert_eq!((receipt.as_str(), DB::order(&db, 7).await.0), ("500", 1), "our own books have the first one");
    }

    async fn a_process_of_the_version_before_leaves_books_that_are_not_written_twice(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET books = NULL, moved = NULL").await;
        _ = shop.compares::<verified>(Vec::new()).await;
        shop.mends().await;
        assert_eq!((shop.state(intent.id()).await, DB::order(&db, 7).await.0), (State::Applied, 1));
    }

    async fn what_an_operator_has_decided_is_told_and_not_touched(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let stale = shop.records();
        _ = shop.compares::<verified>(stale.clone()).await;
        shop.ledger.resolve(intent.id(), Resolution::Cancel, "ann", "a mistake").await.unwrap();
        shop.mends().await;
        for _ in 0..2 {
            let report = shop.compares::<verified>(stale.clone()).await;
            assert_eq!((found(&report), report.differences()[0].mend), ([0, 0, 0, 1], Mend::Nothing), "{report}");
            shop.mends().await;
        }
        assert_eq!((shop.state(intent.id()).await, shop.partner.book().cancels), (State::Compensated, 1));
    }

    async fn a_database_of_the_version_before_keeps_its_intents(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let paid = shop.pays::<verified>(7, 500).await;
        let open = db.transaction(async |tx| {
            DB::insert(tx, 8).await?;
            Ok::<_, Failed>(verified::record(tx, 8, 600).await?)
        });
        let open = open.await.unwrap();
        let before = "DROP TABLE resil_outbox; DROP TABLE resil_records; DROP INDEX resil_intents_recorded;
            ALTER TABLE resil_intents DROP COLUMN amount; ALTER TABLE resil_intents DROP COLUMN books;
            ALTER TABLE resil_intents DROP COLUMN moved; ALTER TABLE resil_intents DROP COLUMN resolved;
            ALTER TABLE resil_intents DROP COLUMN adopted; DELETE FROM resil_schema WHERE version > 2";
        DB::run(&db, before).await;
        let refused = shop.ledger.drive(&open).await.unwrap_err();
        assert!(refused.to_string().ends_with("write `db.migrate().await?` at start"), "{refused}");
        db.migrate().await.unwrap();
        assert_eq!(shop.ledger.drive(&open).await.unwrap(), Outcome::Applied(600));
        assert_eq!(shop.ledger.outcome(&paid).await.unwrap(), Outcome::Applied(500));
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE books = 'DONE'").await, 2);
        assert!(shop.compares::<verified>(shop.records()).await.agrees(), "without an amount there is none to compare");
    }

    async fn so_much_drift_is_more_likely_a_wrong_file(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=101 {
            shop.pays::<verified>(order, 500).await;
        }
        let report = shop.compares::<verified>(Vec::new()).await;
        assert!(report.held_back && report.to_string().contains("nothing was mended"), "{report}");
        assert_eq!(found(&report), [0, 101, 0, 0]);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state = 'APPLIED'").await, 101);
    }

    async fn what_nobody_can_explain_waits_for_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let report = shop.compares::<verified>(vec![Ok(Record::done("a-key-of-nobody").amount(900))]).await;
        assert_eq!(found(&report), [1, 0, 0, 0], "{report}");
        let waits = shop.ledger.manual(10).await.unwrap();
        assert_eq!(waits.len(), 1);
        assert_eq!((waits[0].state, waits[0].why.as_str()), (State::Manual, "the books differ: only the partner has it"));
        // It may be about an order that is placed by now.
        let seven = IdempotencyKey::derived("verified", 7);
        _ = shop.compares::<verified>(vec![Ok(Record::done(seven.as_str()))]).await;
        let refused = db.transaction(async |tx| verified::record(tx, 7, 500).await).await.unwrap_err();
        assert!(refused.to_string().starts_with("the partner has a call of `verified` about the same which we do not know"));
        DB::run(&db, "DELETE FROM resil_intents WHERE key <> 'a-key-of-nobody'").await;
        let again = shop.compares::<verified>(vec![Ok(Record::done("a-key-of-nobody").amount(900))]).await;
        assert!(again.agrees() && again.manual == 1, "{again}");
        shop.ledger.resolve(waits[0].id, Resolution::ByHand(false), "ann", "refunded there").await.unwrap();
        let after = shop.compares::<verified>(vec![Ok(Record::undone("a-key-of-nobody").amount(900))]).await;
        assert!(after.agrees(), "{after}");
    }

    async fn what_the_partner_has_lost_is_asked_for_and_done_again(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.partner.edit(|book| book.entries.clear());
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!(found(&report), [0, 1, 0, 0], "{report}");
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Applied);
        assert_eq!(shop.partner.entry().applied, 1);
        assert!(shop.partner.book().checks >= 1, "it was asked first");
        assert_eq!(DB::order(&db, 7).await, (1, "paid".to_owned()), "our own books were right, and are not written twice");
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn records_that_leave_something_out_change_nothing(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        let report = shop.compares::<verified>(Vec::new()).await;
        assert_eq!(found(&report), [0, 1, 0, 0], "{report}");
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Applied);
        assert_eq!((shop.partner.book().calls, DB::order(&db, 7).await.0), (1, 1), "the status check has cleared it up");
    }

    async fn without_a_status_check_an_operator_decides(db) {
        let shop = Fixture::new(&db, Skill::Deduplicates).await;
        shop.pays::<repeated>(7, 500).await;
        assert_eq!(shop.compares::<repeated>(Vec::new()).await.differences()[0].mend, Mend::Manual);
        let bare = shop.pays::<bare>(8, 500).await;
        assert_eq!(shop.compares::<bare>(Vec::new()).await.differences()[0].mend, Mend::Manual);
        assert_eq!(shop.state(bare.id()).await, State::Manual);
    }

    async fn an_amount_that_differs_waits_for_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!(found(&report), [0, 0, 1, 0], "{report}");
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!((view.state, view.why.as_str()), (State::Manual, "the books differ: 500'00 here, 50'00 there"));
        assert!(shop.compares::<verified>(shop.records()).await.agrees(), "an operator has it");
        shop.ledger.resolve(intent.id(), Resolution::Cancel, "ann", "it was a mistake there").await.unwrap();
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Compensated);
        assert!(shop.partner.entry().cancelled);
        assert_eq!(DB::order(&db, 7).await, (2, "failed".to_owned()), "paid, then failed");
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn what_is_undone_here_is_cancelled_there(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.ledger.find(intent.id()).await.unwrap();
        // It was given up here, and the partner has applied it later than it said it could.
        DB::run(&db, "UPDATE resil_intents SET state = 'REJECTED', books = 'UNDONE'").await;
        DB::run(&db, "UPDATE orders SET state = 'failed', changes = 1").await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!(found(&report), [0, 0, 0, 1], "{report}");
        assert_eq!(report.differences()[0].mend, Mend::Compensate);
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Compensated);
        assert!(shop.partner.entry().cancelled);
        assert_eq!(DB::order(&db, 7).await, (1, "failed".to_owned()), "our own books were right, and are not written twice");
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn what_was_undone_there_waits_for_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.cancelled = true).await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!((found(&report), report.differences()[0].mend), ([0, 0, 0, 1], Mend::Manual), "{report}");
        shop.ledger.resolve(intent.id(), Resolution::NotDone, "ann", "the customer's bank took it back").await.unwrap();
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Rejected);
        assert_eq!(DB::order(&db, 7).await, (2, "failed".to_owned()));
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn an_operator_who_calls_again_does_not_write_our_books_twice(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<bare>(7, 500).await;
        _ = shop.compares::<bare>(Vec::new()).await;
        shop.ledger.resolve(intent.id(), Resolution::CallAgain, "ann", "they have lost it").await.unwrap();
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Applied);
        assert_eq!((shop.partner.book().calls, DB::order(&db, 7).await), (2, (1, "paid".to_owned())));
    }

    async fn records_come_in_any_order_and_twice(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=40 {
            shop.pays::<verified>(order, 500).await;
        }
        shop.drifts(7, |entry| entry.won = 50).await;
        let mut records = shop.records();
        records.extend(shop.records());
        records.extend(shop.records().into_iter().rev());
        fastrand::seed(6);
        fastrand::shuffle(&mut records);
        // A payment and its cancellation are two records in many a settlement file.
        let cancelled = shop.key(9).await;
        records.insert(0, Ok(Record::undone(&cancelled)));
        records.push(Ok(Record::done(&cancelled).amount(in_cents(500))));
        // A partner that says two things about one amount says nothing we have.
        records.insert(3, Ok(Record::done(shop.key(11).await).amount(in_cents(499))));
        let report = shop.compares::<verified>(records).await;
        assert_eq!((report.records, report.agree, found(&report)), (40, 37, [0, 0, 2, 1]), "{report}");
        let there: Vec<_> = report.differences().iter().filter_map(|one| one.amount_there.clone()).collect();
        assert!(there.iter().any(|amount| amount.contains("499") && amount.contains("500")), "{there:?}");
    }

    async fn a_stream_that_breaks_changes_nothing(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=3 {
            shop.pays::<verified>(order, 500).await;
        }
        shop.drifts(1, |entry| entry.won = 50).await;
        let mut records: Records = shop.records().into_iter().take(2).collect();
        records.push(Err("line 3: \u{1b}[31mno comma".to_owned()));
        let broken = shop.ledger.reconcile::<verified, _>(today(), stream::iter(records)).await.unwrap_err();
        let expected = "the partner's records of `verified` ended before their end, line 3: \\u{1b}[31mno comma: nothing was compared";
        assert_eq!((broken.to_string().as_str(), broken.verdict().effect), (expected, Effect::Unknown));
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state = 'APPLIED'").await, 3);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_records").await, 0, "nothing is left behind");
        assert_eq!(found(&shop.compares::<verified>(shop.records()).await), [0, 0, 1, 0]);
    }

    async fn what_a_comparison_that_died_left_is_swept_away(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        DB::run(&db, "INSERT INTO resil_records (run, id, key, is_done, staged) VALUES ('dead', 'id', 'key', 1, 0)").await;
        _ = shop.compares::<verified>(Vec::new()).await;
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_records").await, 0);
    }

    async fn hostile_keys_and_amounts_are_data(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        let long = "9".repeat(100_000);
        let records = vec![
            Ok(Record::done("'); DROP TABLE resil_intents; --").amount("' OR 1=1")),
            Ok(Record::done("nul \u{0} and \u{1F980} {now} $1").amount("\u{0}")),
            Ok(Record::done("").amount("")),
            Ok(Record::done(&long).amount(&long)),
            Ok(Record::done("\"quoted\\\"").amount("NaN")),
            Ok(Record::done(shop.key(7).await).amount("500 \u{202e}")),
        ];
        let report = shop.compares::<verified>(records.clone()).await;
        assert_eq!(found(&report), [5, 0, 1, 0], "{report}");
        assert!(report.to_string().lines().all(|line| line.len() < 1_000 && !line.contains(['\u{0}', '\u{202e}'])), "{report}");
        let unusable = report.differences().iter().filter(|one| one.mend == Mend::Nothing).count();
        assert_eq!(unusable, 4, "no key of ours has such a text, so there is no intent to be");
        let again = shop.compares::<verified>(records).await;
        assert_eq!((found(&again), again.manual), ([4, 0, 0, 0], 2), "they are told each time: {again}");
    }

    async fn nothing_is_compared_inside_a_transaction(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let refused: Result<(), Error> = db
            .transaction(async |_tx| {
                let records: Records = Vec::new();
                shop.ledger.reconcile::<verified, _>(today(), stream::iter(records)).await.map(drop)
            })
            .await;
        assert!(matches!(refused, Err(Error::InsideTransaction { .. })), "{refused:?}");
    }

    async fn a_schedule_goes_on_after_a_failure(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let mut events = resil::registry().subscribe();
        let (runs, records) = (std::sync::atomic::AtomicU32::new(0), shop.records());
        let schedule = shop.ledger.reconciliation::<verified, _, _, _>(move |_period| {
            match runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => stream::iter(vec![Err("not there yet".to_owned())]),
                1 => panic!("the reader has a bug"),
                _ => stream::iter(records.clone()),
            }
        });
        let mut told = Vec::new();
        let mended = async {
            loop {
                match events.next().await {
                    Event::NotReconciled { op, why } => {
                        assert!(told.len() < 2, "{why}");
                        told.push(format!("{op}: {why}"));
                    }
                    Event::Reconciled(report) => break assert_eq!(found(&report), [0, 0, 1, 0], "{report}"),
                    _ => {}
                }
            }
        };
        schedule.every(Duration::from_millis(1)).lag(Duration::ZERO).run(mended).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("not there yet") && told[1] == "verified: panicked: the reader has a bug", "{told:?}");
    }

    /// Drift of all kinds at once, by chance: all of it is found, mended, and gone.
    async fn seeded_drift_is_found_and_mended(db) {
        const ORDERS: i64 = 120;
        let seed = std::env::var("RESIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(6);
        let mut random = fastrand::Rng::with_seed(seed);
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=ORDERS {
            shop.pays::<verified>(order, 500).await;
        }
        let mut expected = [0; 4];
        let (mut told, mut keys) = (Vec::new(), Vec::new());
        for order in 1..=ORDERS {
            let key = shop.key(order).await;
            keys.push((order, key.clone()));
            match random.u32(..8) {
                0 => {
                    DB::run_text(&db, &format!("DELETE FROM resil_intents WHERE subject = '{order}'")).await;
                    DB::run_text(&db, &format!("UPDATE orders SET state = 'pending', changes = 0 WHERE id = {order}")).await;
                    told.push(Ok(Record::done(&key).amount(in_cents(500)).arguments((order, 500))));
                    expected[0] += 1;
                }
                1 => {
                    shop.partner.edit(|book| _ = book.entries.remove(&key));
                    expected[1] += 1;
                }
                2 => {
                    shop.drifts(order, |entry| entry.won += 1).await;
                    expected[2] += 1;
                }
                3 => {
                    shop.drifts(order, |entry| entry.cancelled = true).await;
                    expected[3] += 1;
                }
                4 => {
                    let given_up = "UPDATE resil_intents SET state = 'REJECTED', books = 'UNDONE' WHERE subject = ";
                    DB::run_text(&db, &format!("{given_up}'{order}'")).await;
                    DB::run_text(&db, &format!("UPDATE orders SET state = 'failed' WHERE id = {order}")).await;
                    expected[3] += 1;
                }
                _ => {}
            }
        }
        let mut records = shop.records();
        records.extend(told);
        let report = shop.compares::<verified>(records).await;
        assert_eq!(found(&report), expected, "seed {seed}: {report}");
        shop.mends().await;
        for waits in shop.ledger.manual(1_000).await.unwrap() {
            let resolution = if waits.why.contains("undone") { Resolution::NotDone } else { Resolution::Cancel };
            shop.ledger.resolve(waits.id, resolution, "ann", "as the partner has it").await.unwrap();
        }
        shop.mends().await;
        let second = shop.compares::<verified>(shop.records()).await;
        assert!(second.agrees() && second.agree == second.records, "seed {seed}: {second}");
        // The oracle is the partner's book.
        for (order, key) in keys {
            let entry = shop.partner.book().entries.get(&key).cloned().unwrap_or_default();
            let (changes, state) = DB::order(&db, order).await;
            let is_paid = entry.applied > 0 && !entry.cancelled;
            assert_eq!(state, if is_paid { "paid" } else { "failed" }, "order {order}, seed {seed}: {entry:?}");
            assert!(entry.applied == 1 && changes <= 2, "order {order}, seed {seed}: {entry:?}, {changes} changes");
        }
    }
}

#[test]
fn a_report_is_a_text_and_json() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(support::sqlite(async |db: Db<Sqlite>| {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let key = shop.key(7).await;
        let start = SystemTime::UNIX_EPOCH;
        let period = start..start + Duration::from_secs(4_102_444_800);
        let mut records = shop.records();
        records.push(Ok(Record::done("x").amount(1)));
        let report = shop.ledger.reconcile::<verified, _>(period, stream::iter(records)).await.unwrap();
        let [one, other] = ["amount", "only there"].map(|kind| {
            report.differences().iter().find(|one| one.kind.to_string() == kind).unwrap().id
        });
        let text = report.to_string();
        let mut lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "verified from 1970-01-01T00:00:00Z to 2100-01-01T00:00:00Z");
        assert_eq!(lines[1], "2 records: 0 agree, 0 under way, 0 with an operator, 0 of other operations");
        assert_eq!(lines[2], "differences: 1 only there, 0 only here, 1 amount, 0 state");
        lines[3..].sort_unstable();
        assert_eq!(lines[3], format!("amount      {one}  here APPLIED 500\\'00, there done 50\\'00  7  MANUAL"));
        assert_eq!(lines[4], format!("only there  {other}  here nothing, there done 1  key x  MANUAL"));
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!((&json["op"], &json["records"], &json["amount"]), (&"verified".into(), &2.into(), &1.into()));
        let differences = json["differences"].as_array().unwrap();
        let amount = differences.iter().find(|one| one["kind"] == "amount").unwrap();
        let expected = serde_json::json!({
            "kind": "amount", "id": one.to_string(), "subject": "7", "key": key, "here": "APPLIED", "amount_here": "500'00",
            "there": "done", "amount_there": "50'00", "mend": "MANUAL",
        });
        assert_eq!(*amount, expected);
    }));
}
