//! What is asked by those who run the shop, and by their tools. Put it on an address of its own where customers reach this one.

use crate::Failed;
use crate::operators::Operators;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::future::ready;
use std::time::Duration;
use tokio::sync::watch;

/// Seconds. Without buckets the exporter gives quantiles of each process, which cannot be added up.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How far the process has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Stage {
    Serves,
    /// Whoever sends requests here is to send them elsewhere.
    Leaves,
    /// What is answered without an end, the page's events, ends.
    Ends,
}

/// One for the process.
pub struct Operation {
    numbers: PrometheusHandle,
    stage: watch::Sender<Stage>,
}

impl Operation {
    /// Installs the recorder, and then resil's numbers.
    pub fn install() -> Result<Self, Failed> {
        let numbers = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        resil::metrics::install();
        let upkeep = numbers.clone();
        tokio::spawn(async move {
            loop {
                // Or what was timed piles up where nobody asks for the numbers.
                tokio::time::sleep(Duration::from_secs(5)).await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self { numbers, stage: watch::Sender::new(Stage::Serves) })
    }

    pub fn comes_to(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// `operators` may see the page and act on it; without any there is none.
    pub fn router(&self, operators: Option<Operators>) -> Router {
        let (numbers, stage) = (self.numbers.clone(), self.stage.subscribe());
        let router = Router::new()
            // For Prometheus.
            .route("/metrics", get(async move || metrics(&numbers)))
            // Liveness: whoever asks restarts a process that does not answer. So it looks at nothing: a restart mends a runtime that
            // hangs, and no database or partner.
            .route("/live", get(async || "alive\n"))
            // Readiness: whoever asks sends requests elsewhere. So it looks at nothing that all processes share: a partner that is away
            // would take all of them out at once. The start is over where anybody listens, so the end is what remains.
            .route("/ready", get(async move || readiness(*stage.borrow())))
            // For people: which circuits are open, since when and why. Always 200: it is no readiness.
            .route("/health", get(async || resil::health()));
        match operators {
            // /resil, and /resil/state.json with the same as data.
            Some(operators) => {
                let stage = self.stage.subscribe();
                let page =
                    operators.page().layer(map_response(move |answer: Response| ready(until_the_end(answer, &stage))));
                router.nest("/resil", page)
            }
            None => router,
        }
    }
}

fn metrics(numbers: &PrometheusHandle) -> impl IntoResponse + use<> {
    // They are told once a second; these are of now.
    resil::metrics::publish();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], numbers.render())
}

fn readiness(stage: Stage) -> (StatusCode, &'static str) {
    if stage == Stage::Serves { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "leaving\n") }
}

/// Or a page that somebody has left open would keep the server from ending.
fn until_the_end(answer: Response, stage: &watch::Receiver<Stage>) -> Response {
    let mut stage = stage.clone();
    let end = async move { _ = stage.wait_for(|stage| *stage == Stage::Ends).await };
    answer.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(end))))
}
