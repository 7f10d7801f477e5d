//! One `tracing` event for each transition, refusal, retry and timeout, and never a secret.
#![expect(clippy::unwrap_used, reason = "a test")]

use resil::{IdempotencyKey, circuit_breaker, deadline, retry, timeout};
use std::fmt::{Debug, Write as _};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        _ = write!(self.0, "{field}={value} ");
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut Line(&mut line));
        self.0.lock().unwrap().push(line);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "card 4111 1111 1111 1111")
}

#[tokio::test(start_paused = true)]
async fn each_thing_that_happens_is_told_once() {
    #[circuit_breaker(name = "told", window = 1, min_calls = 1, open_for = "1s", half_open_calls = 1)]
    async fn broken(ok: bool) -> io::Result<()> {
        if ok { Ok(()) } else { Err(lost()) }
    }
    #[retry(idempotency_key = key, attempts = 2)]
    async fn retried(key: &IdempotencyKey) -> io::Result<()> {
        _ = key;
        Err(lost())
    }
    #[timeout("1s")]
    async fn bounded() -> io::Result<()> {
        pending().await
    }
    #[deadline("1s")]
    async fn limited() -> io::Result<()> {
        pending().await
    }
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.clone());
    let _scope = resil::testing::isolated();

    _ = broken(false).await;
    let lines = log.take();
    assert!(lines.len() == 2 && lines[1].contains("there is no retry"), "{lines:?}");
    assert!(lines[0].contains("breaker=told") && lines[0].contains("from=closed to=open"), "{lines:?}");

    _ = broken(true).await;
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("refused"), "{lines:?}");

    tokio::time::advance(Duration::from_secs(1)).await;
    _ = broken(true).await;
    let lines = log.take();
    assert!(lines.len() == 2 && lines[0].contains("to=half_open") && lines[1].contains("to=closed"), "{lines:?}");

    let key = IdempotencyKey::random();
    _ = retried(&key).await;
    let lines = log.take();
    assert!(lines.len() == 2 && lines[0].contains("retrying") && lines[1].contains("no attempts left"), "{lines:?}");
    assert!(!lines.concat().contains(key.as_str()) && !lines.concat().contains("4111"), "{lines:?}");

    _ = bounded().await;
    let lines = log.take();
    assert!(
        lines.len() == 1 && lines[0].contains("phase=attempt") && lines[0].contains("limit_seconds=1.0"),
        "{lines:?}"
    );

    _ = limited().await;
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("deadline passed"), "{lines:?}");
}
