//! Records in any order, broken, hostile, and on a schedule.

use super::*;
use resil::ledger::LedgerEvent;

on_both_databases! {
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
                    Event::Ledger(LedgerEvent::NotReconciled { op, why }) => {
                        assert!(told.len() < 2, "{why}");
                        told.push(format!("{op}: {why}"));
                    }
                    Event::Ledger(LedgerEvent::Reconciled(report)) => break assert_eq!(found(&report), [0, 0, 1, 0], "{report}"),
                    _ => {}
                }
            }
        };
        schedule.every(Duration::from_millis(1)).lag(Duration::ZERO).run(mended).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("not there yet") && told[1] == "verified: panicked: the reader has a bug", "{told:?}");
    }
}
