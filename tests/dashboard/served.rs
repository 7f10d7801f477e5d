//! Who is served, and what is never done.

use crate::support::{access, get, page, send, serve};
use axum::Router;
use resil::dashboard::{Actor, listen, router};
use resil::{CircuitBreaker, CircuitState};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATHS: [&str; 3] = ["/resil", "/resil/state.json", "/resil/events"];

#[tokio::test]
async fn whom_the_access_function_does_not_know_is_served_nothing() {
    let server = page().await;
    for path in PATHS {
        let answer = get(server.address, path, &[]).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.body, "you may not see this page", "{path}");
    }
    let host = server.address.to_string();
    let body = r#"{"act":"force_open","policy":{"kind":"circuit_breaker","name":"unseen"}}"#;
    let token = get(server.address, "/resil", &[("x-user", "anna")]).await.token();
    let forged = send(server.address, "POST", "/resil/act", &[("host", &host), ("x-resil-token", &token)], body).await;
    assert_eq!(forged.status, 403, "the token does not say who");
}

#[tokio::test]
async fn nothing_is_kept_framed_or_taken_for_something_else() {
    let server = page().await;
    for path in &PATHS[..2] {
        let answer = get(server.address, path, &[("x-user", "anna")]).await;
        assert_eq!(answer.status, 200, "{path}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers.get(name).map(String::as_str), Some(value), "{path}: {name}");
        }
    }
    let page = get(server.address, "/resil", &[("x-user", "anna")]).await;
    let policy = &page.headers["content-security-policy"];
    for part in
        ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert_eq!(page.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    let again = get(server.address, "/resil", &[("x-user", "anna")]).await;
    assert!(!again.body.contains(nonce), "each page has its own");
}

#[tokio::test]
async fn a_forged_press_of_a_button_changes_nothing() {
    static FORGED: CircuitBreaker = CircuitBreaker::named("forged");
    FORGED.snapshot().expect("it is configured");
    let (server, other) = (page().await, page().await);
    let (token, others) = (
        get(server.address, "/resil", &[("x-user", "anna")]).await.token(),
        get(other.address, "/resil", &[("x-user", "anna")]).await.token(),
    );
    let (host, origin) = (server.address.to_string(), format!("http://{}", server.address));
    let body = r#"{"act":"force_open","policy":{"kind":"circuit_breaker","name":"forged"}}"#;
    let anna = [("host", host.as_str()), ("x-user", "anna")];
    let forged: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-resil-token", "")],
        &[("x-resil-token", &token[1..])],
        &[("x-resil-token", &others)],
        &[("x-resil-token", &token), ("origin", "https://evil.example")],
        &[("x-resil-token", &token), ("origin", "null")],
        &[("x-resil-token", &token), ("sec-fetch-site", "cross-site")],
        &[("x-resil-token", &token), ("origin", &origin), ("sec-fetch-site", "same-site")],
    ];
    for headers in forged {
        let headers: Vec<_> = anna.iter().chain(headers).copied().collect();
        let answer = send(server.address, "POST", "/resil/act", &headers, body).await;
        assert_eq!(answer.status, 403, "{headers:?}: {}", answer.body);
    }
    let get = send(server.address, "GET", "/resil/act", &anna, "").await;
    assert_eq!(get.status, 405, "nothing is done by looking");
    assert_eq!(FORGED.snapshot().expect("it is configured").state, CircuitState::Closed);
    let ours = [("x-resil-token", token.as_str()), ("origin", &origin), ("sec-fetch-site", "same-origin")];
    let ours: Vec<_> = anna.iter().chain(&ours).copied().collect();
    let done = send(server.address, "POST", "/resil/act", &ours, body).await;
    assert_eq!(
        (done.status, FORGED.snapshot().expect("it is configured").state),
        (200, CircuitState::ForcedOpen),
        "{}",
        done.body
    );
}

#[tokio::test]
async fn data_is_not_given_to_another_site() {
    let server = page().await;
    for path in &PATHS[1..] {
        for foreign in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            assert_eq!(
                get(server.address, path, &[("x-user", "anna"), foreign]).await.status,
                403,
                "{path} {foreign:?}"
            );
        }
    }
    let link = get(server.address, "/resil", &[("x-user", "anna"), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(link.status, 200, "a link from elsewhere leads here");
}

#[tokio::test]
async fn what_is_no_act_is_told_so() {
    let server = page().await;
    let token = get(server.address, "/resil", &[("x-user", "anna")]).await.token();
    let host = server.address.to_string();
    let headers = [("host", host.as_str()), ("x-user", "anna"), ("x-resil-token", &token)];
    let long = format!(r#"{{"act":"close","policy":{{"kind":"circuit_breaker","name":"{}"}}}}"#, "x".repeat(100_000));
    for (body, status, says) in [
        ("", 400, "EOF"),
        ("{\"act\":\"explode\"}", 400, "explode"),
        (r#"{"act":"close","policy":{"kind":"circuit_breaker","name":"nobody's"}}"#, 409, "unknown circuit breaker"),
        (r#"{"act":"close","policy":{"kind":"a = 1\nb","name":"x"}}"#, 409, "unknown kind"),
        (r#"{"act":"resize","policy":{"kind":"semaphore","name":"nobody's"},"permits":0}"#, 409, "unknown semaphore"),
        (&long, 413, ""),
    ] {
        let answer = send(server.address, "POST", "/resil/act", &headers, body).await;
        assert_eq!(answer.status, status, "{body:.80}: {}", answer.body);
        assert!(answer.body.contains(says), "{body:.80}: {}", answer.body);
    }
}

#[tokio::test]
async fn who_may_only_look_has_no_token_and_is_refused() {
    static WATCHED: CircuitBreaker = CircuitBreaker::named("watched");
    WATCHED.snapshot().expect("it is configured");
    let viewer = |_: &http::request::Parts| std::future::ready(Some(Actor::named("screen").viewing()));
    let server = serve(router(viewer)).await;
    let page = get(server.address, "/", &[]).await;
    assert_eq!((page.status, page.start()["token"].is_null()), (200, true));
    let host = server.address.to_string();
    let body = r#"{"act":"force_open","policy":{"kind":"circuit_breaker","name":"watched"}}"#;
    let answer = send(server.address, "POST", "/act", &[("host", &host), ("x-resil-token", "")], body).await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "you may see this page, and not act"));
    assert_eq!(WATCHED.snapshot().expect("it is configured").state, CircuitState::Closed);
}

#[tokio::test]
async fn without_an_access_function_it_is_for_this_machine_alone() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = listen(address).await.expect_err("not loopback");
        assert!(error.to_string().contains("no loopback address"), "{error}");
    }
    let page = listen("127.0.0.1:0").await.expect("a port");
    let address = page.address();
    assert!(address.ip().is_loopback());
    for path in ["/", "/state.json"] {
        let served = get(address, path, &[]).await;
        assert_eq!(served.status, 200, "{path}");
        let rebound = send(address, "GET", path, &[("host", "evil.example")], "").await;
        assert_eq!((rebound.status, rebound.body.contains("loopback")), (421, true), "{path}");
        for header in ["forwarded", "x-forwarded-for", "x-forwarded-proto", "via", "x-real-ip"] {
            let forwarded = get(address, path, &[(header, "for=192.0.2.7")]).await;
            assert_eq!((forwarded.status, forwarded.body.contains("router(access)")), (403, true), "{path} {header}");
        }
    }
    assert!(get(address, "/", &[]).await.start()["token"].is_null(), "no control");
    let host = address.to_string();
    let body = r#"{"act":"close","policy":{"kind":"circuit_breaker","name":"any"}}"#;
    assert_eq!(send(address, "POST", "/act", &[("host", &host)], body).await.status, 403);
    drop(page);
    // The task ends at its next look, and the port with it.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn hostile_names_are_data() {
    let long = "长".repeat(3_400);
    let names = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "a\u{202e}b\u{0}\n\u{2028}'`${x}",
        "../#?%00",
        &long,
    ];
    for name in names {
        CircuitBreaker::named(name.to_owned().leak()).snapshot().expect("it is configured");
    }
    let server = page().await;
    let state = get(server.address, "/resil/state.json", &[("x-user", "anna")]).await.json();
    for name in names {
        assert_eq!(state["parts"][format!("policy/circuit_breaker/{name}")]["label"], name);
    }
    // Each of them is found by its name, whatever is in it.
    let hostile = Router::new().nest(
        "/resil",
        router(|_: &http::request::Parts| {
            std::future::ready(Some(Actor::named("</script><script>alert(1)</script>\n\"")))
        }),
    );
    let server = serve(hostile).await;
    let page = get(server.address, "/resil", &[]).await;
    assert_eq!(page.start()["actor"], "</script><script>alert(1)</script>\n\"");
    assert_eq!(page.body.matches("</script>").count(), 2);
    let (host, token) = (server.address.to_string(), page.token());
    for name in names {
        let body = serde_json::json!({"act": "force_open", "policy": {"kind": "circuit_breaker", "name": name}});
        let headers = [("host", host.as_str()), ("x-resil-token", &token)];
        let done = send(server.address, "POST", "/resil/act", &headers, &body.to_string()).await;
        assert_eq!(done.status, 200, "{name:.40}: {}", done.body);
        assert_eq!(done.json()["changes"][0]["by"], "</script><script>alert(1)</script>\n\"");
    }
}

#[tokio::test]
async fn it_may_be_mounted_anywhere() {
    let both = Router::new().merge(router(access)).nest("/deep/down", router(access));
    let server = serve(both).await;
    for path in ["/", "/deep/down", "/state.json", "/deep/down/state.json"] {
        assert_eq!(get(server.address, path, &[("x-user", "anna")]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn who_has_the_page_open_sees_it_end() {
    let page = listen("127.0.0.1:0").await.expect("a port");
    let mut viewer = TcpStream::connect(page.address()).await.expect("it listens");
    let head = format!("GET /events HTTP/1.1\r\nhost: {}\r\n\r\n", page.address());
    viewer.write_all(head.as_bytes()).await.expect("it reads");
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("data: ") {
        assert!(viewer.read_buf(&mut read).await.expect("it answers") > 0, "it goes on");
    }
    drop(page);
    timeout(Duration::from_mins(1), viewer.read_to_end(&mut read)).await.expect("it ends").expect("it is read");
}
