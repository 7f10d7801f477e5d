//! What is certain is still repeated, and what only looks so is not.

use super::cruel::{Cruel, Fate, Fates, Log};
use super::partner::unreachable::{UNRESOLVABLE, Unaccepting, refused_addr};
use super::partner::{Answer, Partner};
use super::{Tested, client};
use resil::http::{Checked as _, Error};
use resil::{Classify as _, Effect, Event, Verdict, retry, timeout};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn a_connection_that_is_never_made_is_certain() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    #[timeout("5s", connect = "50ms", allow(range))]
    async fn pay(client: &reqwest::Client, url: &str, attempts: &AtomicUsize) -> Result<String, Error> {
        attempts.fetch_add(1, Ordering::SeqCst);
        client.post(url).body("{}").checked().await?.text().await
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    #[timeout("5s", connect = "50ms", allow(range))]
    async fn by_hand(client: &reqwest::Client, url: &str, attempts: &AtomicUsize) -> anyhow::Result<String> {
        attempts.fetch_add(1, Ordering::SeqCst);
        Ok(client.post(url).body("{}").send().await?.text().await?)
    }
    let _scope = resil::testing::strict();
    let silent = Unaccepting::start().await?;
    let places = [format!("http://{}", refused_addr()?), format!("http://{UNRESOLVABLE}"), silent.url("/")];
    for url in places {
        let attempts = AtomicUsize::new(0);
        let error = pay(&client(), &url, &attempts).await.unwrap_err();
        assert_eq!((attempts.swap(0, Ordering::SeqCst), error.verdict().effect), (3, Effect::None), "{url}: {error}");
        let error = by_hand(&client(), &url, &attempts).await.unwrap_err();
        assert_eq!((attempts.load(Ordering::SeqCst), error.verdict().effect), (3, Effect::None), "{url}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn in_a_client_of_another_make_a_failed_connection_proves_nothing() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn pay(client: &reqwest::Client, url: &str, attempts: &AtomicUsize) -> Result<String, Error> {
        attempts.fetch_add(1, Ordering::SeqCst);
        client.post(url).checked().await?.text().await
    }
    let bare = reqwest::Client::builder().no_proxy().build()?;
    let bounded = reqwest::Client::builder().no_proxy().connector_layer(resil::http::ConnectLayer::new()).build()?;
    let nowhere = format!("http://{}", refused_addr()?);
    for client in [bare, bounded] {
        let attempts = AtomicUsize::new(0);
        {
            let _scope = resil::testing::isolated();
            let mut events = resil::registry().subscribe();
            let error = pay(&client, &nowhere, &attempts).await.unwrap_err();
            assert_eq!((attempts.load(Ordering::SeqCst), error.verdict()), (1, Verdict::transient()), "{error}");
            assert!(pay(&client, &nowhere, &attempts).await.is_err());
            let told = std::iter::from_fn(|| events.try_next());
            assert_eq!(told.filter(|event| matches!(event, Event::ConnectUnproven)).count(), 1, "once");
        }
        let _scope = resil::testing::strict();
        let error = pay(&client, &nowhere, &attempts).await.unwrap_err();
        assert!(matches!(error, Error::Policy(resil::Error::Misconfigured(_))), "{error}");
    }
    Ok(())
}

#[test]
fn a_host_that_is_unreachable_may_have_been_reached() {
    for kind in [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable, io::ErrorKind::NetworkDown] {
        assert_eq!(io::Error::from(kind).verdict(), Verdict::transient(), "{kind}");
    }
}

/// A partner that reads the beginning of each upload, and how many there were.
async fn reads_the_beginning() -> io::Result<(std::net::SocketAddr, tokio::sync::watch::Receiver<usize>)> {
    use tokio::io::AsyncReadExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let (begun, uploads) = tokio::sync::watch::channel(0);
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let begun = begun.clone();
            tokio::spawn(async move {
                let (mut read, mut chunk) = (Vec::new(), [0; 1024]);
                while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                    let had = read.windows(5).any(|part| part == b"first");
                    read.extend_from_slice(&chunk[..length]);
                    if !had && read.windows(5).any(|part| part == b"first") {
                        begun.send_modify(|begun| *begun += 1);
                    }
                }
            });
        }
    });
    Ok((addr, uploads))
}

#[tokio::test]
async fn a_body_that_breaks_off_at_its_source_has_begun_to_arrive() -> Tested {
    async fn upload(
        client: &reqwest::Client,
        url: &str,
        uploads: &tokio::sync::watch::Receiver<usize>,
    ) -> Result<String, Error> {
        let (before, mut uploads) = (*uploads.borrow(), uploads.clone());
        let rest = futures_util::stream::once(async move {
            // The source refuses after the partner has begun to read.
            _ = uploads.wait_for(|begun| *begun > before).await;
            Err::<&str, _>(io::Error::from(io::ErrorKind::ConnectionRefused))
        });
        let chunks = futures_util::StreamExt::chain(futures_util::stream::iter([Ok("first")]), rest);
        client.post(url).body(reqwest::Body::wrap_stream(chunks)).checked().await?.text().await
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn unsent(
        client: &reqwest::Client,
        url: &str,
        uploads: &tokio::sync::watch::Receiver<usize>,
    ) -> Result<String, Error> {
        upload(client, url, uploads).await
    }
    let _scope = resil::testing::isolated();
    let (addr, uploads) = reads_the_beginning().await?;
    let error = unsent(&client(), &format!("http://{addr}/upload"), &uploads).await.unwrap_err();
    assert_eq!((*uploads.borrow(), error.verdict().effect), (1, Effect::Unknown), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_streamed_body_that_nobody_asked_for_was_not_sent() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn upload(client: &reqwest::Client, url: &str, attempts: &AtomicUsize) -> Result<String, Error> {
        attempts.fetch_add(1, Ordering::SeqCst);
        let chunks = futures_util::stream::iter([Ok::<_, io::Error>("first")]);
        client.post(url).body(reqwest::Body::wrap_stream(chunks)).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let attempts = AtomicUsize::new(0);
    assert!(upload(&client(), &format!("http://{}", refused_addr()?), &attempts).await.is_err());
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    Ok(())
}

#[tokio::test]
async fn a_pooled_connection_that_died_proves_nothing() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn pay(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.post(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let (partner, client) = (Partner::start()?, client());
    partner.on("/warm").answers([Answer::ok("{}")]);
    partner.on("/orders").answers([Answer::ApplyThenLose]);
    pay(&client, &partner.url("/warm")).await?;
    let error = pay(&client, &partner.url("/orders")).await.unwrap_err();
    assert_eq!((partner.book().len(), error.verdict().effect), (1, Effect::Unknown), "{error}");
    Ok(())
}

#[retry(unsent, attempts = 3, base = "0ms", retry_status = [404])]
async fn tried(client: &reqwest::Client, url: &str, attempts: &AtomicUsize) -> Result<String, Error> {
    attempts.fetch_add(1, Ordering::SeqCst);
    client.post(url).body("{}").checked().await?.text().await
}

#[tokio::test]
async fn a_time_out_of_the_client_while_it_connects_is_certain() -> Tested {
    struct Silent;
    impl reqwest::dns::Resolve for Silent {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(std::future::pending())
        }
    }
    let _scope = resil::testing::strict();
    let silent = Unaccepting::start().await?;
    let builder = || resil::http::client().no_proxy().connect_timeout(std::time::Duration::from_millis(20));
    let unresolved = builder().dns_resolver(std::sync::Arc::new(Silent)).build()?;
    for (client, url) in [(builder().build()?, silent.url("/")), (unresolved, "http://partner.example/".to_owned())] {
        let attempts = AtomicUsize::new(0);
        let error = tried(&client, &url, &attempts).await.unwrap_err();
        assert_eq!((attempts.load(Ordering::SeqCst), error.verdict().effect), (3, Effect::None), "{url}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn behind_a_proxy_what_never_reached_it_is_certain() -> Tested {
    let _scope = resil::testing::strict();
    let through = |to: &str| resil::http::client().proxy(reqwest::Proxy::http(to).unwrap()).build().unwrap();
    let (url, fates) = ("http://partner.example/orders", Fates::default());
    let proxy = Cruel::start(Log::default(), fates.clone()).await?;
    let attempts = AtomicUsize::new(0);
    let error = tried(&through(&format!("http://{}", refused_addr()?)), url, &attempts).await.unwrap_err();
    assert_eq!((attempts.swap(0, Ordering::SeqCst), error.verdict().effect), (3, Effect::None), "{error}");
    for (status, expected) in [(404, 3), (502, 1), (504, 1), (408, 1)] {
        *fates.lock().unwrap() = vec![Fate::Status(status); 3];
        let error = tried(&through(&proxy.origin), url, &attempts).await.unwrap_err();
        assert_eq!(attempts.swap(0, Ordering::SeqCst), expected, "{status}: {error}");
    }
    Ok(())
}

/// reqwest repeats by itself where it is told to.
#[tokio::test]
async fn what_a_client_repeats_by_itself_has_arrived() -> Tested {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let _scope = resil::testing::isolated();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    // Answers one request, and is gone.
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        drop(listener);
        _ = stream.read(&mut [0; 1024]).await?;
        stream.write_all(b"HTTP/1.1 503 -\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await
    });
    let again = reqwest::retry::for_host("127.0.0.1").no_budget().classify_fn(|answer| {
        let is_broken = answer.status().is_some_and(|status| status == 503);
        if is_broken { answer.retryable() } else { answer.success() }
    });
    let client = resil::http::client().no_proxy().retry(again).build()?;
    let attempts = AtomicUsize::new(0);
    let error = tried(&client, &format!("http://{addr}/"), &attempts).await.unwrap_err();
    assert_eq!((attempts.load(Ordering::SeqCst), error.verdict().effect), (1, Effect::Unknown), "{error}");
    Ok(())
}
