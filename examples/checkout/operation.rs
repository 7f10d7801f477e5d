//! What is asked by those who run the shop, and by their tools. Put it on an address of its own where customers reach this one.

use crate::Failed;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Seconds. Without buckets the exporter gives quantiles of each process, which cannot be added up.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// One for the process.
#[derive(Clone)]
pub struct Operation {
    numbers: PrometheusHandle,
    is_leaving: Arc<AtomicBool>,
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
        Ok(Self { numbers, is_leaving: Arc::default() })
    }

    /// From here on nothing new is to be sent here.
    pub fn leaves(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    pub fn router(&self) -> Router {
        let (numbers, is_leaving) = (self.numbers.clone(), Arc::clone(&self.is_leaving));
        Router::new()
            // For Prometheus.
            .route("/metrics", get(async move || metrics(&numbers)))
            // Liveness: whoever asks restarts a process that does not answer. So it looks at nothing: a restart mends a runtime that
            // hangs, and no database or partner.
            .route("/live", get(async || "alive\n"))
            // Readiness: whoever asks sends requests elsewhere. So it looks at nothing that all processes share: a partner that is away
            // would take all of them out at once. The start is over where anybody listens, so the end is what remains.
            .route("/ready", get(async move || readiness(&is_leaving)))
            // For people: which circuits are open, since when and why. Always 200: it is no readiness.
            .route("/health", get(async || resil::health()))
    }
}

fn metrics(numbers: &PrometheusHandle) -> impl IntoResponse + use<> {
    // They are told once a second; these are of now.
    resil::metrics::publish();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], numbers.render())
}

fn readiness(is_leaving: &AtomicBool) -> (StatusCode, &'static str) {
    if is_leaving.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "leaving\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
