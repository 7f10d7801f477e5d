//! Requests that run beside each other in one attempt: each is silent by itself.
#![expect(clippy::unwrap_used, reason = "a test")]

use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use resil::http::{Checked as _, Error as HttpError, Response};
use resil::{Error, Phase, deadline, timeout};
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::join;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, advance, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Until it ends, time advances only where it is told to: the runtime knows nothing of sockets.
struct HeldTime(#[expect(dead_code, reason = "ends the task when it is dropped")] std::sync::mpsc::Sender<()>);

fn hold_time() -> HeldTime {
    let (held, end) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || _ = end.recv());
    HeldTime(held)
}

fn is_read_timeout(outcome: &Result<(), HttpError>) -> bool {
    matches!(outcome, Err(HttpError::Policy(Error::Timeout { phase: Phase::Read, .. })))
}

/// Answers what it is told to, when it is told to.
struct Partner {
    listener: TcpListener,
    client: reqwest::Client,
}

impl Partner {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, client: resil::http::client().no_proxy().build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.local_addr().unwrap())
    }

    /// The next two connections, that of `/first` first.
    async fn two(&self) -> [TcpStream; 2] {
        let (one, two) = (self.next().await, self.next().await);
        if one.0.contains("/first ") { [one.1, two.1] } else { [two.1, one.1] }
    }

    async fn next(&self) -> (String, TcpStream) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        (String::from_utf8(head).unwrap(), stream)
    }
}

/// Sends a chunk each second until nobody listens any more, at most 20.
async fn drip(stream: &mut TcpStream, mut heard: UnboundedReceiver<()>) {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    for _ in 0..20 {
        stream.write_all(b"1\r\nx\r\n").await.unwrap();
        if heard.recv().await.is_none() {
            return;
        }
        advance(SECOND).await;
    }
    _ = stream.write_all(b"0\r\n\r\n").await;
}

async fn ask(client: &reqwest::Client, url: &str, heard: Option<UnboundedSender<()>>) -> Result<(), HttpError> {
    let mut answer = client.get(url).checked().await?;
    while answer.chunk().await?.is_some() {
        _ = heard.as_ref().map(|heard| heard.send(()));
    }
    Ok(())
}

type Heard = UnboundedSender<()>;

#[timeout("1h", read = "5s")]
async fn joined(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
    let (one, two) = join!(ask(client, &urls[0], Some(heard)), ask(client, &urls[1], None));
    one.and(two)
}

/// Each is polled only when it is woken itself.
#[timeout("1h", read = "5s")]
async fn unordered(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
    let [first, second] = urls;
    let asked = [(first, Some(heard)), (second, None)];
    let mut all: FuturesUnordered<_> =
        asked.into_iter().map(|(url, heard)| async move { ask(client, &url, heard).await }).collect();
    while let Some(answer) = all.next().await {
        answer?;
    }
    Ok(())
}

#[timeout("1h", read = "5s")]
async fn nested(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
    #[deadline("30m")]
    async fn one(client: &reqwest::Client, url: &str, heard: Option<Heard>) -> Result<(), HttpError> {
        ask(client, url, heard).await
    }
    let (one, two) = join!(one(client, &urls[0], Some(heard)), one(client, &urls[1], None));
    one.and(two)
}

#[timeout("1h", read = "5s")]
async fn beside_a_task(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
    let [first, second] = urls;
    let (client_of_task, heard) = (client.clone(), Some(heard));
    let task = resil::spawn(async move { ask(&client_of_task, &first, heard).await });
    let silent = ask(client, &second, None).await;
    task.abort();
    silent
}

/// The partner of `/first` drips, that of `/second` says nothing.
async fn one_drips_and_one_is_silent<'a, F>(
    call: impl FnOnce(&'a Partner, [String; 2], Heard) -> F,
    partner: &'a Partner,
) where
    F: Future<Output = Result<(), HttpError>>,
{
    let (heard, each_chunk) = unbounded_channel();
    let urls = [partner.url("/first"), partner.url("/second")];
    let begun = Instant::now();
    let (outcome, _) = join!(
        async {
            let outcome = call(partner, urls, heard).await;
            (outcome, begun.elapsed())
        },
        async {
            let [mut drips, silent] = partner.two().await;
            drip(&mut drips, each_chunk).await;
            silent
        }
    );
    let (outcome, lived) = outcome;
    assert!(is_read_timeout(&outcome), "{outcome:?}");
    assert_eq!(lived, 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_one_hears_does_not_hide_that_another_is_silent() {
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    one_drips_and_one_is_silent(|partner, urls, heard| joined(&partner.client, urls, heard), &partner).await;
    one_drips_and_one_is_silent(|partner, urls, heard| unordered(&partner.client, urls, heard), &partner).await;
    one_drips_and_one_is_silent(|partner, urls, heard| nested(&partner.client, urls, heard), &partner).await;
    one_drips_and_one_is_silent(|partner, urls, heard| beside_a_task(&partner.client, urls, heard), &partner).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_does_not_hide_that_another_is_silent() {
    #[timeout("1h", read = "5s")]
    async fn both(
        client: &reqwest::Client,
        urls: [String; 2],
        chunks: UnboundedReceiver<&'static str>,
    ) -> Result<(), HttpError> {
        let body = stream::unfold(chunks, async |mut chunks| Some((io::Result::Ok(chunks.recv().await?), chunks)));
        let upload = client.put(&urls[0]).body(reqwest::Body::wrap_stream(body)).checked();
        let (one, two) = join!(upload, ask(client, &urls[1], None));
        one.map(drop).and(two)
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    let (send, chunks) = unbounded_channel();
    let urls = [partner.url("/first"), partner.url("/second")];
    let begun = Instant::now();
    let ((outcome, lived), _) = join!(async { (both(&partner.client, urls, chunks).await, begun.elapsed()) }, async {
        let [mut upload, silent] = partner.two().await;
        while send.send("x").is_ok() && upload.read_exact(&mut [0; 6]).await.is_ok() {
            advance(SECOND).await;
        }
        silent
    });
    assert!(is_read_timeout(&outcome), "{outcome:?}");
    assert_eq!(lived, 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_silent_once_its_last_chunk_has_gone() {
    #[timeout("1h", read = "5s")]
    async fn upload(
        client: &reqwest::Client,
        url: &str,
        chunks: UnboundedReceiver<&'static str>,
    ) -> Result<(), HttpError> {
        let body = stream::unfold(chunks, async |mut chunks| Some((io::Result::Ok(chunks.recv().await?), chunks)));
        client.put(url).body(reqwest::Body::wrap_stream(body)).checked().await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    let url = partner.url("/upload");
    for answers in [true, false] {
        let (send, chunks) = unbounded_channel();
        let (outcome, ()) = join!(upload(&partner.client, &url, chunks), async {
            let (_, mut stream) = partner.next().await;
            for _ in 0..2 {
                send.send("x").unwrap();
                stream.read_exact(&mut [0; 6]).await.unwrap();
                // Our own chunks are late.
                advance(20 * SECOND).await;
            }
            drop(send);
            stream.read_exact(&mut [0; 5]).await.unwrap();
            advance(4 * SECOND).await;
            if answers {
                stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
            } else {
                advance(SECOND).await;
            }
            _ = stream.read_u8().await;
        });
        assert_eq!(outcome.is_ok(), answers, "{outcome:?}");
        assert_eq!(is_read_timeout(&outcome), !answers, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_not_silent() {
    #[timeout("1h", read = "5s")]
    async fn one_after_the_other(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
        let kept = client.get(&urls[1]).checked().await?;
        ask(client, &urls[0], Some(heard)).await?;
        kept.text().await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    let urls = [partner.url("/first"), partner.url("/second")];
    let (heard, each_chunk) = unbounded_channel();
    let (outcome, ()) = join!(one_after_the_other(&partner.client, urls, heard), async {
        let (_, mut kept) = partner.next().await;
        kept.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").await.unwrap();
        let (_, mut drips) = partner.next().await;
        drip(&mut drips, each_chunk).await;
        advance(3 * SECOND).await;
        kept.write_all(b"x").await.unwrap();
    });
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_polled_is_not_known_to_be_silent() {
    #[timeout("1h", read = "5s")]
    async fn busy(answer: tokio::sync::oneshot::Receiver<()>) -> Result<(), Error> {
        let mut kept = std::pin::pin!(resil::net::request(answer));
        assert!(futures_util::poll!(&mut kept).is_pending());
        drips(20).await;
        kept.await.unwrap();
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let (answer, answered) = tokio::sync::oneshot::channel();
    let (outcome, ()) = join!(busy(answered), async {
        sleep(SECOND).await;
        answer.send(()).unwrap();
    });
    outcome.unwrap();
}

async fn drips(times: u32) {
    for _ in 0..times {
        sleep(SECOND).await;
        resil::net::progress();
    }
}

async fn dial(seconds: u32) -> io::Result<()> {
    resil::net::connect(async {
        sleep(seconds * SECOND).await;
        Ok(())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn requests_by_hand_are_silent_each_by_itself() {
    use resil::net::request;
    #[timeout("1h", read = "5s")]
    async fn beside(other: impl Future) -> Result<(), Error> {
        join!(request(pending::<()>()), request(other));
        Ok(())
    }
    #[timeout("1h", connect = "30s", read = "5s", allow(range))]
    async fn none_is_silent() -> Result<(), Error> {
        let late = async {
            dial(20).await.unwrap();
            drips(3).await;
        };
        let ((), (), dialled) = join!(request(drips(20)), request(late), request(dial(10)));
        dialled.unwrap();
        Ok(())
    }
    let _scope = resil::testing::isolated();
    none_is_silent().await.unwrap();
    let begun = Instant::now();
    assert!(beside(drips(100)).await.is_err());
    assert_eq!(begun.elapsed(), 5 * SECOND);
    assert!(beside(dial(100)).await.is_err());
    assert_eq!(begun.elapsed(), 10 * SECOND);
    let silent_after_a_dial = async {
        dial(3).await.unwrap();
        pending::<()>().await;
    };
    assert!(beside_drips(silent_after_a_dial).await.is_err());
    assert_eq!(begun.elapsed(), 18 * SECOND);
}

#[timeout("1h", read = "5s")]
async fn beside_drips(other: impl Future) -> Result<(), Error> {
    join!(drips(100), resil::net::request(other));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_silent_task_that_nobody_waits_for_ends_no_call() {
    #[timeout("1h", read = "5s")]
    async fn call(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
        let [first, second] = urls;
        let client_of_task = client.clone();
        let task = resil::spawn(async move { ask(&client_of_task, &second, None).await });
        let answer = ask(client, &first, Some(heard)).await;
        task.abort();
        answer
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    let urls = [partner.url("/first"), partner.url("/second")];
    let (heard, each_chunk) = unbounded_channel();
    let (outcome, _) = join!(call(&partner.client, urls, heard), async {
        let [mut drips, silent] = partner.two().await;
        drip(&mut drips, each_chunk).await;
        silent
    });
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_handed_to_a_task_ends_no_call() {
    #[timeout("1h", read = "5s")]
    async fn call(client: &reqwest::Client, urls: [String; 2], heard: Heard) -> Result<(), HttpError> {
        let mut handed_on = client.get(&urls[1]).checked().await?;
        let task = resil::spawn(async move { handed_on.chunk().await.map(drop) });
        let answer = ask(client, &urls[0], Some(heard)).await;
        task.abort();
        answer
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    let urls = [partner.url("/first"), partner.url("/second")];
    let (heard, each_chunk) = unbounded_channel();
    let (outcome, _) = join!(call(&partner.client, urls, heard), async {
        let (_, mut silent) = partner.next().await;
        silent.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").await.unwrap();
        let (_, mut drips) = partner.next().await;
        drip(&mut drips, each_chunk).await;
        silent
    });
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_is_silent_where_it_is_polled_and_nowhere_else() {
    type Moved = std::pin::Pin<Box<dyn Future<Output = ()>>>;
    #[timeout("1h", read = "5s")]
    async fn hands_it_on(to: UnboundedSender<Moved>) -> Result<(), Error> {
        let mut request: Moved = Box::pin(resil::net::request(pending()));
        assert!(futures_util::poll!(&mut request).is_pending());
        to.send(request).unwrap();
        drips(20).await;
        Ok(())
    }
    #[timeout("1h", read = "5s")]
    async fn takes_it_over(mut from: UnboundedReceiver<Moved>) -> Result<(), Error> {
        from.recv().await.unwrap().await;
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let (to, from) = unbounded_channel();
    let (handed_on, taken_over) = join!(hands_it_on(to), takes_it_over(from));
    handed_on.unwrap();
    assert!(taken_over.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_read_in_an_attempt_for_each_chunk() {
    #[timeout("1h", read = "5s")]
    async fn begin(client: &reqwest::Client, url: &str) -> Result<Response, HttpError> {
        client.get(url).checked().await
    }
    #[timeout("1h", read = "5s")]
    async fn next(answer: &mut Response) -> Result<(), HttpError> {
        answer.chunk().await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let partner = Partner::new().await;
    let (heard, mut each_chunk) = unbounded_channel();
    let reads = async {
        let mut answer = begin(&partner.client, &partner.url("/")).await.unwrap();
        for _ in 0..3 {
            next(&mut answer).await.unwrap();
            // We are busy.
            advance(20 * SECOND).await;
            heard.send(()).unwrap();
        }
        next(&mut answer).await
    };
    let answers = async {
        let (_, mut stream) = partner.next().await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        for _ in 0..3 {
            stream.write_all(b"1\r\nx\r\n").await.unwrap();
            each_chunk.recv().await.unwrap();
        }
        loop {
            advance(SECOND).await;
        }
    };
    let outcome = tokio::select! { outcome = reads => outcome, () = answers => unreachable!() };
    assert!(is_read_timeout(&outcome), "{outcome:?}");
}
