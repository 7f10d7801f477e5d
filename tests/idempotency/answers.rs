//! What is kept of an answer, and for whom.

use super::*;
use axum::routing::MethodRouter;
use std::time::SystemTime;

/// What SQL the tests need, on either database.
pub trait Answers: Backend {
    async fn run(db: &Db<Self>, sql: &'static str);
    async fn kept(db: &Db<Self>) -> i64;
}

macro_rules! answers {
    ($database:ty) => {
        impl Answers for $database {
            async fn run(db: &Db<Self>, sql: &'static str) {
                sqlx::raw_sql(sql).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn kept(db: &Db<Self>) -> i64 {
                sqlx::query_scalar("SELECT count(*) FROM resil_answers").fetch_one(db.pool().unwrap()).await.unwrap()
            }
        }
    };
}
answers!(sqlx::Sqlite);
answers!(sqlx::Postgres);

async fn a_repeat_gets_status_headers_and_body_of_the_first<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let sent = async || client.request("POST", "/orders", &["r-1"], TEA).send().await.unwrap();
    let (first, again) = (sent().await, sent().await);
    let header = |response: &reqwest::Response, name| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    for name in ["content-type", "location", "content-length"] {
        assert_eq!(header(&first, name), header(&again, name), "{name}");
        assert!(header(&first, name).is_some(), "{name}");
    }
    assert!(header(&first, "set-cookie").is_some() && header(&again, "set-cookie").is_none(), "meant for one answer");
    let (first, again) = (answer(first).await, answer(again).await);
    assert_eq!((first.0, first.1, again.1), (201, false, true));
    assert_eq!((first.0, first.2), (again.0, again.2));
    assert_eq!(shop.counts(), (1, 1), "the handler did not run");
    let binary = async || client.request("POST", "/any?status=200&what=binary", &["r-1"], TEA).send().await.unwrap();
    assert_eq!(binary().await.bytes().await.unwrap(), binary().await.bytes().await.unwrap());
}

async fn a_request_is_its_owners_and_its_targets<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let mut runs = 0;
    for user in ["alice", "bob", "alice:1"] {
        for (method, path) in [
            ("POST", "/orders"),
            ("PATCH", "/orders"),
            ("POST", "/orders?dry=1"),
            ("POST", "/orders?dry=2"),
            ("POST", "/shops/1/orders"),
            ("POST", "/shops/2/orders"),
        ] {
            let key = format!("{method}{path}");
            for (key, is_shared) in [("1", true), (&*key, false)] {
                let sent =
                    async || answer(client.of(user).request(method, path, &[key], TEA).send().await.unwrap()).await;
                let (first, again) = (sent().await, sent().await);
                assert!(!first.1 && again.1, "{user}, {method} {path}: {first:?}, {again:?}");
                assert_eq!(first.2, again.2);
                // For `once` the same order under the same key is the same, wherever it is sent.
                runs += u32::from(!is_shared || (method, path) == ("POST", "/orders"));
                assert_eq!(shop.counts().1, runs, "{user}, {method} {path}");
            }
        }
    }
}

async fn another_payload_under_the_same_key_is_a_422<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    assert_eq!(client.post("/orders", "r-1", TEA).await.0, 201);
    for other in [r#"{"item":"tea","number":3}"#, r#"{ "item":"tea","number":2}"#, "", "no json"] {
        let (status, replayed, problem) = client.post("/orders", "r-1", other).await;
        assert_eq!((status, replayed), (422, false), "{other}");
        assert!(problem.contains("another request needs another key"), "{problem}");
    }
    assert!(client.post("/orders", "r-1", TEA).await.1, "what is right is still answered");
    assert_eq!(shop.counts(), (1, 1));
}

async fn only_the_last_word_is_kept<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    for status in [200, 202, 400, 402, 404, 410] {
        let path = format!("/any?status={status}");
        let first = client.post(&path, "r-1", TEA).await;
        assert_eq!(client.post(&path, "r-1", TEA).await, (status, true, first.2), "{status}");
    }
    let kept = DB::kept(&shop.db).await;
    // Some are about headers, which are not compared: a repeat may have others.
    for status in [401, 406, 408, 409, 412, 415, 422, 425, 428, 429, 500, 502, 503, 504] {
        let path = format!("/any?status={status}");
        let first = client.post(&path, "r-1", TEA).await;
        let again = client.post(&path, "r-1", TEA).await;
        assert!(!again.1 && first.2 != again.2, "{path}: {again:?}");
    }
    for what in ["in doubt", "large", "stream"] {
        let path = format!("/any?status=202&what={}", what.replace(' ', "%20"));
        let first = client.post(&path, "r-1", TEA).await;
        let again = client.post(&path, "r-1", TEA).await;
        assert!(!again.1 && first.2 != again.2, "{path}: {again:?}");
    }
    assert_eq!(DB::kept(&shop.db).await, kept);
}

async fn a_payload_that_is_too_long_is_a_413<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let exactly = format!("{TEA}{}", " ".repeat(1000 - TEA.len()));
    assert_eq!(client.post("/orders", "r-1", &exactly).await.0, 201);
    assert_eq!(client.post("/orders", "r-2", &format!("{exactly} ")).await.0, 413);
    let pieces = (0..100).map(|_| Ok::<_, std::io::Error>(" ".repeat(11)));
    let streamed = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let response = client.request("POST", "/orders", &["r-2"], streamed).send().await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(shop.counts(), (1, 1));
    // Too long for a layer around this one.
    let layer = IdempotencyLayer::on(shop.db.clone(), user).required();
    let limited = |body| Body::new(http_body_util::Limited::new(body, 10));
    let limited = move |request: axum::extract::Request| std::future::ready(request.map(limited));
    let limited = axum::middleware::map_request(limited);
    let route: MethodRouter<_> = post(any::<DB>).layer(layer).layer(limited);
    let url = start(Router::new().route("/any", route).with_state(Arc::clone(&shop))).await;
    let client = Client { url, ..client };
    assert_eq!(client.post("/any?status=200", "r-1", TEA).await.0, 413);
    assert_eq!(client.post("/any?status=200", "r-1", "{}").await.0, 200);
}

/// The process died after the commit, before the answer was kept.
async fn without_its_answer_a_request_still_runs_once<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let first = client.post("/orders", "r-1", TEA).await;
    DB::run(&shop.db, "DELETE FROM resil_answers").await;
    // Nor is a refusal of `once` taken for the answer.
    assert_eq!(client.post("/orders", "r-1", r#"{"item":"tea","number":3}"#).await.0, 422);
    let again = client.post("/orders", "r-1", TEA).await;
    assert_eq!((again.0, again.1, &again.2), (201, false, &first.2), "from what `once` has stored");
    assert_eq!(client.post("/orders", "r-1", TEA).await, (201, true, first.2));
    assert_eq!(shop.counts(), (3, 1));
}

async fn an_answer_that_cannot_be_kept_is_given_all_the_same<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let trigger = match DB::NAME {
        "SQLite" => "CREATE TRIGGER full BEFORE INSERT ON resil_answers BEGIN SELECT RAISE(ABORT, 'full'); END",
        _ => {
            "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END';
            CREATE TRIGGER is_full BEFORE INSERT ON resil_answers FOR EACH ROW EXECUTE FUNCTION is_full()"
        }
    };
    DB::run(&shop.db, trigger).await;
    let first = client.post("/orders", "r-1", TEA).await;
    assert_eq!((first.0, first.1), (201, false));
    assert_eq!(client.post("/orders", "r-1", TEA).await, first, "by `once`");
    assert_eq!(shop.counts(), (2, 1));
    DB::run(&shop.db, "DROP TABLE resil_answers").await;
    assert_eq!(client.post("/orders", "r-2", TEA).await.0, 500, "nothing is done that could not be answered again");
    assert_eq!(shop.counts(), (2, 1));
}

async fn what_is_over_is_forgotten_in_passing_and_by_an_operator<DB: Answers>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let any = async |key: &str| client.post("/any?status=200", key, TEA).await;
    for number in 0..3 {
        any(&format!("{number}")).await;
    }
    assert_eq!(shop.db.prune_once(SystemTime::now() + Duration::from_hours(100)).await.unwrap(), 0, "they are kept");
    DB::run(&shop.db, "UPDATE resil_answers SET expires = 1").await;
    assert_eq!(any("0").await, (200, false, "run 3".to_owned()), "it was forgotten");
    assert_eq!(any("0").await, (200, true, "run 3".to_owned()));
    assert_eq!((DB::kept(&shop.db).await, shop.db.prune_once(SystemTime::now()).await.unwrap()), (3, 2));
    DB::run(&shop.db, "UPDATE resil_answers SET expires = 1").await;
    for number in 0..64 {
        any(&format!("later {number}").replace(' ', "-")).await;
    }
    assert_eq!(DB::kept(&shop.db).await, 64);
}

on_both! {
    a_repeat_gets_status_headers_and_body_of_the_first,
    a_request_is_its_owners_and_its_targets,
    another_payload_under_the_same_key_is_a_422,
    only_the_last_word_is_kept,
    a_payload_that_is_too_long_is_a_413,
    without_its_answer_a_request_still_runs_once,
    an_answer_that_cannot_be_kept_is_given_all_the_same,
    what_is_over_is_forgotten_in_passing_and_by_an_operator,
}
