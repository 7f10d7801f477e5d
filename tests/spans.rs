//! In whose tracing span a line is: the caller's, wherever the call runs.

#![expect(clippy::unwrap_used, reason = "a test")]

use resil::outbox::Outbox;
use resil::{Bulkhead, Db, retry};
use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use tracing::field::{Field, Visit};
use tracing::{Event, Instrument as _, Metadata, Subscriber, info_span, span};
use tracing_core::span::Current;

/// Knows which span each thread is in, and in which of them each line of ours was written.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    spans: Vec<&'static Metadata<'static>>,
    entered: HashMap<ThreadId, Vec<span::Id>>,
    lines: Vec<(String, Option<&'static str>)>,
}

impl Known {
    fn current(&self) -> Option<(span::Id, &'static Metadata<'static>)> {
        let id = self.entered.get(&std::thread::current().id())?.last()?.clone();
        let at = usize::try_from(id.into_u64()).unwrap() - 1;
        Some((id, self.spans[at]))
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_span() { metadata.target() == "spans" } else { metadata.target() == "resil" }
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let spans = &mut self.0.lock().unwrap().spans;
        spans.push(span.metadata());
        span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let mut known = self.0.lock().unwrap();
        let span = known.current().map(|(_, metadata)| metadata.name());
        known.lines.push((message.0, span));
    }

    fn enter(&self, span: &span::Id) {
        let mut known = self.0.lock().unwrap();
        known.entered.entry(std::thread::current().id()).or_default().push(span.clone());
    }

    fn exit(&self, span: &span::Id) {
        let mut known = self.0.lock().unwrap();
        let entered = known.entered.entry(std::thread::current().id()).or_default();
        if let Some(at) = entered.iter().rposition(|entered| entered == span) {
            entered.remove(at);
        }
    }

    fn current_span(&self) -> Current {
        self.0.lock().unwrap().current().map_or_else(Current::none, |(id, metadata)| Current::new(id, metadata))
    }
}

impl Spans {
    /// All lines since the last time, which are in this span.
    fn are_in(&self, span: &str) -> Vec<String> {
        let lines = std::mem::take(&mut self.0.lock().unwrap().lines);
        assert!(lines.iter().all(|(_, of)| *of == Some(span)), "{span}: {lines:?}");
        lines.into_iter().map(|(message, _)| message).collect()
    }
}

#[retry(idempotent, attempts = 2, base = "0ms")]
async fn fails() -> io::Result<()> {
    Err(io::ErrorKind::ConnectionReset.into())
}

const LINES: [&str; 2] = ["attempt failed, retrying", "attempt failed, not retrying"];

#[tokio::test]
async fn a_line_is_in_the_span_of_whoever_calls() {
    static REPORTS: Bulkhead = Bulkhead::new(1).name("reports");
    let spans = Spans::default();
    tracing::subscriber::set_global_default(spans.clone()).unwrap();

    fails().instrument(info_span!("in line")).await.unwrap_err();
    assert_eq!(spans.are_in("in line"), LINES);

    let task = async { resil::spawn(fails()).await.unwrap() };
    task.instrument(info_span!("task")).await.unwrap_err();
    assert_eq!(spans.are_in("task"), LINES);

    let thread = async { REPORTS.call(fails()).await };
    thread.instrument(info_span!("thread")).await.unwrap_err();
    assert_eq!(spans.are_in("thread"), LINES);

    let folder = tempfile::tempdir().unwrap();
    let file =
        sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("shop.db")).create_if_missing(true);
    let db = Db::new(sqlx::SqlitePool::connect_with(file).await.unwrap());
    db.migrate().await.unwrap();
    db.transaction(async |tx| tx.outbox("numbers", &1).await).await.unwrap();
    let relay = Outbox::on(db).relay().any(|_| fails());
    assert_eq!(relay.run_once().instrument(info_span!("relay")).await.unwrap().failed, 1);
    let lines = spans.are_in("relay");
    assert_eq!((&lines[..2], lines.len()), (&LINES.map(str::to_owned)[..], 3), "{lines:?}");
}
