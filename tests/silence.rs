//! What the read clock takes for silence: the partner's, and nothing of our own.
#![expect(clippy::unwrap_used, reason = "a test")]

use resil::http::Checked as _;
use resil::{Bulkhead, Error, Phase, Semaphore, bulkhead, circuit_breaker, deadline, retry, semaphore, timeout};
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::join;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

fn lost() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

async fn dial(seconds: u64) -> io::Result<()> {
    resil::net::connect(async {
        sleep(Duration::from_secs(seconds)).await;
        Ok(())
    })
    .await
}

/// Until it ends, time advances only where it is told to: others are at work, which the runtime does not know of.
struct HeldTime(#[expect(dead_code, reason = "ends the task when it is dropped")] std::sync::mpsc::Sender<()>);

fn hold_time() -> HeldTime {
    let (held, end) = std::sync::mpsc::channel();
    // As long as a thread of the runtime blocks, paused time does not run on by itself.
    tokio::task::spawn_blocking(move || _ = end.recv());
    HeldTime(held)
}

/// Answers each request on one connection after 4 s, with these heads in turn.
async fn late_partner(listener: TcpListener, heads: [&str; 3]) {
    let (mut stream, _) = listener.accept().await.unwrap();
    for head in heads {
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        tokio::time::advance(Duration::from_secs(4)).await;
        stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    }
}

fn is_read_timeout(outcome: &Result<(), Error>) -> bool {
    matches!(outcome, Err(Error::Timeout { phase: Phase::Read, .. }))
}

#[tokio::test(start_paused = true)]
async fn a_backoff_within_an_attempt_is_no_silence() {
    #[retry(idempotent, base = "6s", jitter = "none")]
    async fn inner(attempts: &mut u32) -> io::Result<()> {
        *attempts += 1;
        if *attempts < 3 { Err(lost()) } else { Ok(()) }
    }
    #[timeout("1h", read = "5s")]
    async fn outer() -> io::Result<()> {
        let mut attempts = 0;
        inner(&mut attempts).await
    }
    let _scope = resil::testing::isolated();
    outer().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_backoff_silence_counts_from_its_end() {
    #[retry(idempotent, base = "6s", jitter = "none")]
    async fn inner(attempts: &mut u32) -> io::Result<()> {
        *attempts += 1;
        if *attempts < 2 { Err(lost()) } else { pending().await }
    }
    #[timeout("1h", read = "5s")]
    async fn outer() -> io::Result<()> {
        let mut attempts = 0;
        inner(&mut attempts).await
    }
    let _scope = resil::testing::isolated();
    let begun = Instant::now();
    assert!(outer().await.is_err());
    assert_eq!(begun.elapsed(), Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_permit_is_no_silence() {
    static ONE: Semaphore = Semaphore::new(1).name("one at a time").max_wait(Duration::from_secs(60));
    #[semaphore(name = "one at a time", permits = 1, max_wait = "60s")]
    async fn inner() -> Result<(), Error> {
        Ok(())
    }
    #[timeout("1h", read = "5s")]
    async fn outer() -> Result<(), Error> {
        inner().await
    }
    let _scope = resil::testing::isolated();
    let taken = ONE.acquire().await.unwrap();
    let (outcome, ()) = join!(outer(), async move {
        sleep(Duration::from_secs(6)).await;
        drop(taken);
    });
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_the_queue_of_a_bulkhead_is_no_silence() {
    #[bulkhead(name = "one thread", threads = 1, queue = 1, max_wait = "60s")]
    async fn inner(wait: Option<tokio::sync::oneshot::Receiver<()>>) -> Result<(), Error> {
        if let Some(wait) = wait {
            _ = wait.await;
        }
        Ok(())
    }
    #[timeout("1h", read = "5s")]
    async fn outer() -> Result<(), Error> {
        inner(None).await
    }
    static THREAD: Bulkhead = Bulkhead::new(1).name("one thread").queue(1).max_wait(Duration::from_secs(60));
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let (release, wait) = tokio::sync::oneshot::channel();
    let (first, outcome, ()) = join!(inner(Some(wait)), outer(), async move {
        while THREAD.usage().unwrap().waiting == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::task::yield_now().await;
        release.send(()).unwrap();
    });
    first.unwrap();
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dial_beside_it_does_not_hide_a_silent_call() {
    #[timeout("1h", read = "1s", allow(range))]
    async fn silent() -> Result<(), Error> {
        pending().await
    }
    #[timeout("1h", connect = "30s", allow(range))]
    async fn dialling() -> io::Result<()> {
        dial(20).await
    }
    #[deadline("1h")]
    async fn outer() -> Result<Duration, Error> {
        dial(1).await.unwrap();
        let begun = Instant::now();
        let (dialled, lived) = join!(dialling(), async {
            assert!(is_read_timeout(&silent().await));
            begun.elapsed()
        });
        dialled.unwrap();
        Ok(lived)
    }
    let _scope = resil::testing::isolated();
    assert_eq!(outer().await.unwrap(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_backoff_beside_it_does_not_hide_a_silent_call() {
    #[timeout("1h", read = "1s", allow(range))]
    async fn silent() -> Result<(), Error> {
        pending().await
    }
    #[retry(idempotent, base = "20s", max = "20s", jitter = "none")]
    async fn repeated(attempts: &mut u32) -> io::Result<()> {
        *attempts += 1;
        if *attempts < 2 { Err(lost()) } else { Ok(()) }
    }
    #[deadline("1h")]
    async fn outer() -> Result<Duration, Error> {
        let begun = Instant::now();
        let mut attempts = 0;
        let (repeated, lived) = join!(repeated(&mut attempts), async {
            assert!(is_read_timeout(&silent().await));
            begun.elapsed()
        });
        repeated.unwrap();
        Ok(lived)
    }
    let _scope = resil::testing::isolated();
    assert_eq!(outer().await.unwrap(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn two_calls_that_dial_in_one_attempt_are_both_seen_to_dial() {
    #[timeout("1h", connect = "30s", allow(range))]
    async fn dialling(seconds: u64) -> io::Result<()> {
        sleep(Duration::from_millis(500)).await;
        dial(seconds).await
    }
    #[timeout("1h", read = "1s", allow(range))]
    async fn outer(seconds: [u64; 2]) -> io::Result<()> {
        let (one, two) = join!(dialling(seconds[0]), dialling(seconds[1]));
        one.and(two)
    }
    let _scope = resil::testing::isolated();
    outer([1, 20]).await.unwrap();
    outer([20, 1]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_nearer_connect_bound_counts_whoever_wrote_it() {
    #[timeout("1h", connect = "30s", allow(range))]
    async fn patient() -> io::Result<()> {
        dial(3600).await
    }
    #[timeout("1h", connect = "2s")]
    async fn hasty() -> io::Result<()> {
        dial(3600).await
    }
    #[timeout("1h", connect = "2s")]
    async fn hasty_caller() -> io::Result<()> {
        patient().await
    }
    #[timeout("1h", connect = "30s", allow(range))]
    async fn patient_caller() -> io::Result<()> {
        hasty().await
    }
    let _scope = resil::testing::isolated();
    let begun = Instant::now();
    assert!(hasty_caller().await.is_err());
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    assert!(patient_caller().await.is_err());
    assert_eq!(begun.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_connection_made_in_another_task_is_not_bounded_and_that_is_said() {
    use resil::Event;
    /// As a channel that connects in a task of its own.
    #[timeout("1h", connect = "2s")]
    async fn call() -> io::Result<()> {
        tokio::spawn(async { dial(10).await }).await?
    }
    #[timeout("1h", connect = "20s", allow(range))]
    async fn call_that_dials() -> io::Result<()> {
        dial(10).await
    }
    let unenforced = |events: &mut resil::Events| std::iter::from_fn(|| events.try_next()).collect::<Vec<_>>();
    {
        let _scope = resil::testing::isolated();
        let mut events = resil::registry().subscribe();
        call_that_dials().await.unwrap();
        assert_eq!(unenforced(&mut events), []);
        call().await.unwrap();
        call().await.unwrap();
        let told = unenforced(&mut events);
        let [Event::ConnectUnenforced { site }] = told[..] else { panic!("{told:?}") };
        assert!(told[0].to_string().ends_with("`resil::net::connect(..)` within the annotated call"), "{}", told[0]);
        assert_eq!((site.function, site.file), ("resil::net::connect", "tests/silence.rs"));
    }
    let _scope = resil::testing::strict();
    call_that_dials().await.unwrap();
    let error = call().await.unwrap_err().to_string();
    assert!(error.contains("silence::call") && error.contains("outside of any annotated call"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn each_answer_on_the_way_through_redirects_is_progress() {
    #[timeout("1h", connect = "5s", read = "5s")]
    async fn follow(client: &reqwest::Client, url: &str) -> Result<(), resil::http::Error> {
        client.get(url).checked().await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let _held = hold_time();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    let client = resil::http::client().no_proxy().build().unwrap();
    let heads = ["302 Found\r\nlocation: /b", "307 Temporary Redirect\r\nlocation: /c", "204 No Content"];
    let (outcome, ()) = join!(follow(&client, &url), late_partner(listener, heads));
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_has_ended_hides_no_silence_while_its_future_is_kept() {
    static ONE: Semaphore = Semaphore::new(1).name("kept").max_wait(Duration::from_secs(60));
    static FULL: Semaphore = Semaphore::new(1).name("kept full").max_wait(Duration::from_secs(1));
    #[timeout("1h", read = "5s")]
    async fn granted() -> Result<(), Error> {
        let mut permit = std::pin::pin!(ONE.acquire());
        let _permit = permit.as_mut().await?;
        pending().await
    }
    #[timeout("1h", read = "5s")]
    async fn refused() -> Result<(), Error> {
        let mut permit = std::pin::pin!(FULL.acquire());
        assert!(permit.as_mut().await.is_err());
        pending().await
    }
    let _scope = resil::testing::isolated();
    let begun = Instant::now();
    let taken = ONE.acquire().await.unwrap();
    let (outcome, ()) = join!(granted(), async move {
        sleep(Duration::from_secs(6)).await;
        drop(taken);
    });
    assert!(is_read_timeout(&outcome), "{outcome:?}");
    assert_eq!(begun.elapsed(), Duration::from_secs(11));
    let _taken = FULL.acquire().await.unwrap();
    let begun = Instant::now();
    let outcome = refused().await;
    assert!(is_read_timeout(&outcome), "{outcome:?}");
    assert_eq!(begun.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_no_bound_waits_for_is_nobodys_fault() {
    #[circuit_breaker(name = "dials", window = 100)]
    async fn breaker_alone() -> io::Result<()> {
        dial(1).await
    }
    #[semaphore(name = "dials", permits = 1)]
    async fn semaphore_alone() -> Result<(), Error> {
        dial(1).await.map_err(|_| Error::MissingKey { method: "" })
    }
    #[timeout("1h")]
    async fn timeout_alone() -> io::Result<()> {
        dial(1).await
    }
    #[timeout("1h", connect = "20s", allow(range))]
    async fn bounded() -> io::Result<()> {
        dial(1).await
    }
    #[timeout("1h", connect = "20s", allow(range))]
    async fn in_a_task() -> io::Result<()> {
        resil::spawn(breaker_alone()).await?
    }
    let _scope = resil::testing::strict();
    let mut events = resil::registry().subscribe();
    dial(1).await.unwrap();
    breaker_alone().await.unwrap();
    semaphore_alone().await.unwrap();
    timeout_alone().await.unwrap();
    in_a_task().await.unwrap();
    bounded().await.unwrap();
    let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    assert_eq!(told, []);
}
