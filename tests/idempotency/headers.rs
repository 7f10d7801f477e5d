//! Which header is a key, and where one is needed.

use super::*;

fn problem(title: &str) -> Answer {
    (400, false, format!(r#"{{"status":400,"title":"{title}"}}"#))
}

const MISSING: &str = "this request needs an Idempotency-Key header";
const ODD: &str = "the Idempotency-Key header is no string in quotes";

async fn a_string_in_quotes_and_a_bare_text_are_the_same_key<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    for (number, alike) in [
        &["\"r-1\"", "r-1", " r-1 ", "\"r-1\";retry=2", "\"r-1\"; a"][..],
        &[r#""a \"b\" \\ c""#],
        &["\"a b\""],
        &["a,b", "\"a,b\""],
        &["cl", "\"cl\""],
    ]
    .iter()
    .enumerate()
    {
        for key in *alike {
            let (status, _, text) = client.post("/orders", key, TEA).await;
            assert_eq!(status, 201, "{key}: {text}");
            assert!(text.contains(&format!("\"run\":{number}")), "{key}: {text}");
        }
    }
    assert_eq!(shop.counts(), (5, 5));
}

async fn what_is_no_key_is_a_400_wherever_it_is_read<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let long = "x".repeat(256);
    for (keys, title) in [
        (&["\"\""][..], "the Idempotency-Key header is empty"),
        (&[""], "the Idempotency-Key header is empty"),
        (&["a", "b"], "this request has more than one Idempotency-Key header"),
        (&[&*long], "the Idempotency-Key header has 256 bytes; at most 255 are allowed"),
        (&["a b"], "byte 1 of the Idempotency-Key header is not a visible ASCII character"),
        (&["caf\u{e9}"], "byte 3 of the Idempotency-Key header is not a visible ASCII character"),
        (&["\"caf\u{e9}\""], "byte 3 of the Idempotency-Key header is not a visible ASCII character"),
        (&["\"a"], ODD),
        (&["\"a\\"], ODD),
        (&["\"a\\n\""], ODD),
        (&["\"a\"b"], ODD),
        (&["\"a\", \"b\""], ODD),
        (&["\"a\";c, \"b\""], ODD),
    ] {
        for (method, path) in [("POST", "/orders"), ("POST", "/optional"), ("GET", "/no-layer")] {
            let refused = answer(client.request(method, path, keys, TEA).send().await.unwrap()).await;
            assert_eq!(refused, problem(title), "{keys:?} of {path}");
        }
    }
    assert_eq!(shop.counts(), (0, 0));
}

async fn a_key_is_missing_only_where_one_is_required<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let sent = async |client: &Client, method, path, body: &'static str| {
        answer(client.request(method, path, &[], body).send().await.unwrap()).await
    };
    assert_eq!(sent(&client, "POST", "/orders", TEA).await, problem(MISSING));
    assert_eq!(sent(&client, "PATCH", "/orders", TEA).await, problem(MISSING));
    assert_eq!(sent(&client, "GET", "/orders", "").await, (200, false, "all".to_owned()), "a read needs none");
    for number in 0..2 {
        let run = format!("none, run {number}");
        assert_eq!(sent(&client, "POST", "/optional", "").await, (200, false, run), "and is run each time");
    }
    for replayed in [false, true] {
        assert_eq!(client.post("/optional", "r-1", "").await, (200, replayed, "r-1, run 2".to_owned()));
    }
    // Whom nobody knows the handler refuses, each time.
    for number in 4..6 {
        assert_eq!(client.of("").post("/orders", "r-1", TEA).await.0, 401);
        assert_eq!(shop.counts(), (number, 0));
    }
}

on_both! {
    a_string_in_quotes_and_a_bare_text_are_the_same_key,
    what_is_no_key_is_a_400_wherever_it_is_read,
    a_key_is_missing_only_where_one_is_required,
}
