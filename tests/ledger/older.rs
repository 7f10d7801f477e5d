//! Databases that older versions have written, and processes of theirs that still run.

use super::*;

/// The tables as the versions before have made them, up to this one.
fn tables(version: usize, identity: &str, bytes: &str) -> String {
    let all = [
        "CREATE TABLE resil_schema (version BIGINT NOT NULL);
        CREATE TABLE resil_once (op TEXT NOT NULL, id TEXT NOT NULL, fingerprint TEXT NOT NULL, outcome TEXT,
            expires BIGINT NOT NULL, PRIMARY KEY (op, id));
        CREATE INDEX resil_once_expires ON resil_once (expires);
        INSERT INTO resil_schema VALUES (1);",
        "CREATE TABLE resil_intents (
            id TEXT PRIMARY KEY, key TEXT NOT NULL, op TEXT NOT NULL, version BIGINT NOT NULL, subject TEXT NOT NULL,
            arguments TEXT NOT NULL, fingerprint TEXT NOT NULL, settle BIGINT NOT NULL, state TEXT NOT NULL,
            attempts BIGINT NOT NULL, panics BIGINT NOT NULL, doubt_until BIGINT, epoch BIGINT NOT NULL, due BIGINT,
            receipt TEXT, why TEXT NOT NULL, history TEXT NOT NULL, recorded BIGINT NOT NULL);
        CREATE INDEX resil_intents_due ON resil_intents (due) WHERE due IS NOT NULL;
        CREATE INDEX resil_intents_manual ON resil_intents (recorded) WHERE state = 'MANUAL';
        CREATE TABLE resil_operations (op TEXT NOT NULL, version BIGINT NOT NULL, shape TEXT NOT NULL,
            PRIMARY KEY (op, version));
        INSERT INTO resil_schema VALUES (2);",
        "CREATE TABLE resil_outbox (number {identity}, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, lane {bytes} NOT NULL,
            payload TEXT NOT NULL, attempts BIGINT NOT NULL, spent BIGINT NOT NULL, epoch BIGINT NOT NULL, due BIGINT,
            why TEXT NOT NULL, recorded BIGINT NOT NULL);
        CREATE UNIQUE INDEX resil_outbox_lane ON resil_outbox (lane, number);
        CREATE INDEX resil_outbox_set_aside ON resil_outbox (number) WHERE due IS NULL;
        INSERT INTO resil_schema VALUES (3);",
        "ALTER TABLE resil_intents ADD COLUMN amount TEXT; ALTER TABLE resil_intents ADD COLUMN books TEXT;
        ALTER TABLE resil_intents ADD COLUMN moved BIGINT; ALTER TABLE resil_intents ADD COLUMN resolved BIGINT;
        ALTER TABLE resil_intents ADD COLUMN adopted BIGINT;
        CREATE INDEX resil_intents_recorded ON resil_intents (op, recorded);
        INSERT INTO resil_schema VALUES (4);",
        "CREATE TABLE resil_records (run TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, is_done BIGINT NOT NULL,
            amount TEXT, arguments TEXT, staged BIGINT NOT NULL, PRIMARY KEY (run, id));
        CREATE INDEX resil_records_staged ON resil_records (staged);
        INSERT INTO resil_schema VALUES (5);",
    ];
    all[..version].concat().replace("{identity}", identity).replace("{bytes}", bytes)
}

/// What the databases call the clock, and a column that numbers its rows.
fn dialect<DB: Backend>() -> [&'static str; 3] {
    match DB::NAME {
        "SQLite" => ["CAST(unixepoch('subsec') * 1000 AS INTEGER)", "INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT"],
        _ => [
            "(SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint)",
            "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "TEXT COLLATE \"C\"",
        ],
    }
}

async fn old_database<DB: Shop>(db: &Db<DB>, version: usize) {
    let [_, identity, bytes] = dialect::<DB>();
    DB::run_text(db, &tables(version, identity, bytes)).await;
    DB::run(db, "CREATE TABLE orders (id BIGINT, state TEXT, changes BIGINT)").await;
}

/// What this version has added is gone again.
pub async fn as_version_5<DB: Shop>(db: &Db<DB>) {
    let columns = ["cancel_key", "called", "since", "scheduled", "put_off", "again", "pruned"];
    let columns = columns.map(|column| format!("ALTER TABLE resil_intents DROP COLUMN {column};")).concat();
    let indexes = ["due", "topic", "newer", "behind", "fresh"].map(|index| format!("DROP INDEX resil_outbox_{index};"));
    let outbox = ["behind", "alone", "deaths", "since", "newer", "scheduled"];
    let outbox = outbox.map(|column| format!("ALTER TABLE resil_outbox DROP COLUMN {column};"));
    let outbox = indexes.concat() + &outbox.concat();
    let trigger = match DB::NAME {
        "SQLite" => "DROP TRIGGER resil_no_old_claims",
        _ => "DROP FUNCTION resil_no_old_claims CASCADE",
    };
    let back = format!(
        "{trigger}; DROP INDEX resil_intents_resting; {outbox} DROP INDEX resil_intents_key; {columns} DROP TABLE resil_installation;
        DROP TABLE resil_answers; DROP TABLE resil_rates;
        DELETE FROM resil_schema WHERE version > 5"
    );
    DB::run_text(db, &back).await;
}

/// An intent about this order as an older version has written it, so many milliseconds ago.
async fn old_intent<DB: Shop, O: Operation<DB>>(
    db: &Db<DB>,
    order: i64,
    ago: i64,
    state: &str,
    rest: &str,
) -> Intent<O> {
    let [now, ..] = dialect::<DB>();
    let id = format!("00000000-0000-4000-8000-{order:012}");
    DB::run_text(
        db,
        &format!(
            "INSERT INTO orders VALUES ({order}, 'pending', 0);
            INSERT INTO resil_intents (recorded, id, key, op, version, subject, arguments, fingerprint, settle, state, why,
                history, panics, attempts, epoch, due, doubt_until, receipt)
            VALUES ({now} - {ago}, '{id}', 'old-key-{order}', '{}', 1, '{order}', '[{order},500]', 'f', 40, '{state}', '',
                {now} - {ago} || ' RECORDED\n', 0, {rest})",
            O::NAME,
        ),
    )
    .await;
    id.parse::<IntentId>().unwrap().into()
}

/// How the version before took up what was due, and one intent.
const OLD_CLAIMS: [&str; 2] = [
    "WITH due AS MATERIALIZED (SELECT id FROM resil_intents WHERE due <= {now} ORDER BY due LIMIT 16)
    UPDATE resil_intents SET epoch = epoch + 1, attempts = attempts + 1, due = {now} + 30000,
        doubt_until = CASE state WHEN 'CALLING' THEN {now} + settle ELSE doubt_until END,
        state = CASE state WHEN 'RECORDED' THEN 'CALLING' WHEN 'CALLING' THEN 'UNKNOWN' ELSE state END
    WHERE id IN (SELECT id FROM due)",
    "UPDATE resil_intents SET epoch = epoch + 1, attempts = attempts + 1, due = {now} + 30000,
        doubt_until = CASE state WHEN 'CALLING' THEN {now} + settle ELSE doubt_until END,
        state = CASE state WHEN 'RECORDED' THEN 'CALLING' WHEN 'CALLING' THEN 'UNKNOWN' ELSE state END
    WHERE subject = '7' AND (due <= {now} OR (due IS NOT NULL AND epoch = 0))",
];

/// How it went on with what an operator had decided.
const OLD_RESOLVE: &str = "UPDATE resil_intents SET state = 'RECORDED', attempts = 0, due = {now}, doubt_until = NULL,
    epoch = epoch + 1 WHERE state = 'MANUAL'";

/// How its workers extended a lease, and wrote what they had found out.
const OLD_WRITES: [&str; 2] = [
    "UPDATE resil_intents SET due = {now} + 30000 WHERE subject = '7' AND epoch = 3 AND due IS NOT NULL",
    "UPDATE resil_intents SET state = 'SUCCEEDED', attempts = 1, due = {now} + 30000, receipt = '500',
        history = history || {now} || ' SUCCEEDED the partner has answered\n', moved = {now}
    WHERE subject = '7' AND epoch = 3 AND state = 'CALLING'",
];

const DAY: i64 = 86_400_000;

async fn run<DB: Shop>(db: &Db<DB>, sql: &str) {
    DB::run_text(db, &sql.replace("{now}", dialect::<DB>()[0])).await;
}

on_both_databases! {
    async fn what_an_older_version_has_begun_is_finished(db) {
        for version in [2, 5] {
            old_database(&db, version).await;
            let applied = old_intent::<_, verified>(&db, 1, DAY, "APPLIED", "1, 1, NULL, NULL, '500'").await;
            let fresh = old_intent::<_, verified>(&db, 2, 60_000, "RECORDED", "0, 0, 1, NULL, NULL").await;
            let calling = old_intent::<_, verified>(&db, 3, 60_000, "CALLING", "1, 1, 1, NULL, NULL").await;
            let repeat = old_intent::<_, repeated>(&db, 4, 60_000, "UNKNOWN", "1, 1, 1, 1, NULL").await;
            let weekend = old_intent::<_, repeated>(&db, 5, 3 * DAY, "UNKNOWN", "1, 1, 1, 1, NULL").await;
            let asked = old_intent::<_, manual>(&db, 6, 3 * DAY, "MANUAL", "1, 1, NULL, 1, NULL").await;
            let far = old_intent::<_, verified>(&db, 7, 60_000, "SUCCEEDED", "1, 1, 4090000000000, NULL, '500'").await;
            let ledger = Ledger::on(db.clone()).partial().operation::<verified>().provide(Partner::new(Skill::Status, []));
            let not_yet = ledger.open().await.unwrap_err().to_string();
            assert!(not_yet.ends_with("write `db.migrate().await?` at start"), "{not_yet}");
            db.migrate().await.unwrap();
            let partner = Partner::new(Skill::Status, []);
            let ledger = Ledger::on(db.clone()).operation::<verified>().operation::<repeated>().operation::<manual>();
            let ledger = ledger.partial().provide(Arc::clone(&partner)).open().await.unwrap();
            let shop = Fixture { db: db.clone(), partner, ledger };
            assert_eq!(shop.ledger.outcome(&applied).await.unwrap(), Outcome::Applied(500));
            for intent in [fresh, calling, far] {
                shop.rests(intent.id()).await;
                assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
            }
            shop.rests(repeat.id()).await;
            assert_eq!(shop.ledger.outcome(&repeat).await.unwrap(), Outcome::Applied(500), "the key is young");
            shop.rests(weekend.id()).await;
            assert_eq!(shop.ledger.outcome(&weekend).await.unwrap(), Outcome::Manual(weekend.id()), "and this one may be old");
            let again = shop.ledger.resolve(asked.id(), Resolution::CallAgain, "alice", "").await;
            again.unwrap_err();
            shop.ledger.resolve(asked.id(), Resolution::NotDone, "alice", "").await.unwrap();
            shop.rests(asked.id()).await;
            assert_eq!(shop.partner.book().calls, 3);
            let done = DB::number(&db, "SELECT count(*) FROM orders WHERE state = 'paid' AND changes = 1").await;
            assert_eq!(done, 4, "all but the one that was applied before");
            for table in ["answers", "intents", "operations", "once", "outbox", "records", "installation", "rates", "schema"] {
                DB::run_text(&db, &format!("DROP TABLE resil_{table}")).await;
            }
            DB::run(&db, "DROP TABLE orders").await;
            if dialect::<DB>()[2] != "TEXT" {
                DB::run(&db, "DROP FUNCTION resil_no_old_claims").await;
            }
        }
    }

    async fn an_older_process_beside_us_takes_up_nothing_and_ends_what_it_has_begun(db) {
        old_database(&db, 5).await;
        let theirs = old_intent::<_, verified>(&db, 7, 1_000, "CALLING", "1, 3, 4090000000000, NULL, NULL").await;
        let waiting = old_intent::<_, verified>(&db, 8, 1_000, "RECORDED", "0, 0, 1, NULL, NULL").await;
        let asked = old_intent::<_, manual>(&db, 9, 1_000, "MANUAL", "1, 1, NULL, 1, NULL").await;
        db.migrate().await.unwrap();
        let partner = Partner::new(Skill::Status, []);
        let ledger = Ledger::on(db.clone()).partial().operation::<verified>().operation::<manual>();
        let ledger = ledger.provide(Arc::clone(&partner)).open().await.unwrap();
        let shop = Fixture { db: db.clone(), partner, ledger };
        // It goes on to record.
        let fresh = old_intent::<_, verified>(&db, 10, 0, "RECORDED", "0, 0, 1, NULL, NULL").await;
        let ours = db.transaction(async |tx| {
            DB::insert(tx, 11).await?;
            Ok::<_, Failed>(verified::record(tx, 11, 500).await?)
        });
        let ours = ours.await.unwrap();
        DB::run(&db, "UPDATE resil_intents SET due = 1 WHERE subject = '11'").await;
        for old in [OLD_CLAIMS[0], OLD_CLAIMS[1], OLD_RESOLVE] {
            run(&db, old).await;
        }
        let claimed = "SELECT count(*) FROM resil_intents WHERE epoch NOT IN (0, 1, 3) OR state = 'UNKNOWN'
            OR (state <> 'RECORDED' AND subject IN ('8', '10', '11')) OR (subject = '9' AND state <> 'MANUAL')";
        assert_eq!(DB::number(&db, claimed).await, 0, "its claims find nothing");
        for old in OLD_WRITES {
            run(&db, old).await;
        }
        DB::run(&db, "UPDATE resil_intents SET due = 1 WHERE state = 'SUCCEEDED'").await;
        for intent in [theirs, waiting, fresh, ours] {
            shop.rests(intent.id()).await;
            assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        }
        assert_eq!(shop.ledger.outcome(&asked).await.unwrap(), Outcome::Manual(asked.id()));
        assert_eq!(shop.partner.book().calls, 3, "their call was ended by them");
    }

    async fn each_version_is_kept_although_a_later_one_fails(db) {
        // Something of theirs is in the way of the fifth.
        DB::run(&db, "CREATE TABLE resil_records (id BIGINT)").await;
        db.migrate().await.unwrap_err();
        let versions = "SELECT count(*) * 100 + coalesce(max(version), 0) FROM resil_schema";
        assert_eq!(DB::number(&db, versions).await, 404);
        assert_eq!(DB::number(&db, "SELECT count(amount) FROM resil_intents").await, 0);
        DB::run(&db, "DROP TABLE resil_records").await;
        let all = [(); 4].map(|()| tokio::spawn({ let db = db.clone(); async move { db.migrate().await } }));
        for one in all {
            one.await.unwrap().unwrap();
        }
        let all = DB::number(&db, versions).await;
        assert_eq!(all / 100, all % 100, "each once: {all}");
        assert_eq!(DB::number(&db, "SELECT count(called) FROM resil_intents").await, 0);
    }
}
