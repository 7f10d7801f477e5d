//! In whose tracing span a drive runs.

use super::*;
use tracing::{Metadata, Subscriber, span};
use tracing_core::span::Current;

/// Knows which span each thread is in.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    spans: Vec<&'static Metadata<'static>>,
    entered: Vec<span::Id>,
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("ledger")
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let spans = &mut self.0.lock().unwrap().spans;
        spans.push(span.metadata());
        span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, span: &span::Id) {
        self.0.lock().unwrap().entered.push(span.clone());
    }

    fn exit(&self, span: &span::Id) {
        let entered = &mut self.0.lock().unwrap().entered;
        if let Some(at) = entered.iter().rposition(|entered| entered == span) {
            entered.remove(at);
        }
    }

    fn current_span(&self) -> Current {
        let state = self.0.lock().unwrap();
        let current = state.entered.last().and_then(|id| {
            let at = usize::try_from(id.into_u64()).ok()? - 1;
            Some(Current::new(id.clone(), state.spans.get(at)?))
        });
        current.unwrap_or_else(Current::none)
    }
}

on_both_databases! {
    async fn a_drive_runs_in_its_callers_span(db) {
        let spans = Spans::default();
        let _default = tracing::subscriber::set_default(spans);
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        shop.partner.watch(move |_call| {
            notes.lock().unwrap().push(tracing::Span::current().metadata().map(tracing::Metadata::name));
        });
        let request = tracing::info_span!("request");
        let driven = tracing::Instrument::instrument(shop.ledger.drive(&intent), request).await;
        assert_eq!(driven.unwrap(), Outcome::Applied(500));
        assert_eq!(DB::order(&db, 7).await.1, "paid");
        assert_eq!(&**seen.lock().unwrap(), [Some("request")]);
    }
}
