//! Attributes for async functions that call systems you do not control.
//!
//! ```no_run
//! use resil::{circuit_breaker, deadline, net, retry, timeout};
//! use tokio::io::AsyncReadExt as _;
//! use tokio::net::TcpStream;
//!
//! #[deadline("30s")]
//! #[retry(idempotent)]
//! #[circuit_breaker(name = "clock")]
//! #[timeout("10s", connect = "2s", read = "5s")]
//! async fn time() -> std::io::Result<String> {
//!     let mut partner = net::connect(TcpStream::connect("clock.example:13")).await?;
//!     let mut answer = String::new();
//!     partner.read_to_string(&mut answer).await?;
//!     Ok(answer)
//! }
//! ```
//!
//! Over HTTP, the feature `reqwest` has a client that knows what was sent: see [`http`].
//!
//! Each attribute becomes a few typed lines in your own function, in the order written; `cargo expand` shows them, and
//! the page of each attribute has them written by hand. Dangerous combinations do not compile: a retry without proof that
//! repeating is safe, a literal bound that can never pass, an error that does not say what it means.
//!
//! | attribute | rule |
//! |---|---|
//! | [`deadline`] | one bound over all attempts and waits, handed down to nested calls |
//! | [`semaphore`] | limits how many calls run at a time |
//! | [`rate_limit`] | limits how many calls begin in a span of time |
//! | [`bulkhead`] | threads of its own and a bounded queue for calls that may block |
//! | [`fallback`] | answers with a default, a function, or the last good value |
//! | [`retry`] | repeats what is proven safe to repeat, after transient failures |
//! | [`circuit_breaker`] | stops calling a partner that fails too often, and probes until it is back |
//! | [`timeout`] | bounds one attempt, its connecting and its silences |
//! | [`outside_transaction`] | the external call under it does not compile inside a database transaction, or is refused |
//! | [`transactional`] | database work that commits or rolls back as one, and once for each request ID |
//! | [`durable`] | an external call whose outcome becomes known, whatever dies in between |
//! | [`non_idempotent`] | the operation under it does not compile under `#[retry(idempotent)]` |
//! | [`derive(Classify)`](macro@Classify) | says what each of your errors means to them |
//!
//! Call [`check`] as the first line of `main`: it finds what contradicts itself across functions or through constants.
//! [`Error`] is what a policy answers instead of the call, and [`Verdict`] what every policy decides from. The policies
//! are complete by hand as well: [`Retry`], [`CircuitBreaker`], [`Timeout`], [`Deadline`].
//!
//! In production, [`registry()`] finds every policy by name, prints them all, opens and closes circuits by hand, and
//! streams what happens.
//!
//! # Features
//!
//! - `tracing` (default): one `tracing` event for each transition, refusal, retry and timeout.
//! - `http`: `resil::http::Error`, a ready error type, and [`Classify`](trait@Classify) for `http::StatusCode`.
//! - `reqwest`: the reqwest adapter, `checked()` and `resil::http::client()`; includes `http`.
//! - `tonic`: the gRPC adapter, `resil::tonic::channel()`, and a caller's `grpc-timeout` on the server; includes `http`.
//! - `anyhow`: [`Classify`](trait@Classify) for `anyhow::Error`.
//! - `tower`: policies as layers around services, `BREAKER.layer()`, and a caller's deadline; see `resil::tower`.
//! - `axum`: the `Idempotency-Key` header of your own callers, and [`Error`] as a response; includes `tower`.
//! - `sqlite`, `postgres`: `resil::Db` and its transactions, `resil::ledger` and `resil::outbox`, through sqlx; [`Classify`](trait@Classify) for `sqlx::Error`.
//! - `config`: settings from outside, `resil::configure("resil.toml")`; see `resil::config`.
//! - `metrics`: calls, retries, refusals, circuits and permits as numbers, through the `metrics` facade; see `resil::metrics`.
//! - `serde`: `Serialize` for snapshots, settings, call sites, health and events.
//! - `dashboard`: a live page of every policy, with controls; see `resil::dashboard`.
//! - `testing`: `resil::testing`, a registry and a clock for each test.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use resil_macros::*;
#[doc(hidden)]
pub use resil_runtime::__private;
pub use resil_runtime::*;

/// The examples of the README and of the pages in `docs/` compile and run. The Korean ones have the same, as
/// `tests/documentation` sees.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/guide.md")]
    struct Guide;
    #[doc = include_str!("../docs/errors.md")]
    struct Errors;
    #[doc = include_str!("../docs/clients.md")]
    struct Clients;
    #[doc = include_str!("../docs/serving.md")]
    struct Serving;
    #[doc = include_str!("../docs/testing.md")]
    struct Testing;
    #[doc = include_str!("../docs/migrating.md")]
    struct Migrating;
    #[doc = include_str!("../docs/settings.md")]
    struct Settings;
    #[doc = include_str!("../docs/metrics.md")]
    struct Metrics;
    #[doc = include_str!("../docs/dashboard.md")]
    struct Dashboard;
    #[doc = include_str!("../docs/operation.md")]
    struct Operation;
    #[doc = include_str!("../docs/architecture.md")]
    struct Architecture;
}
