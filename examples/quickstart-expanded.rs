//! One function of the quickstart, written by hand: what the attributes expand to, and why each line is there.
//!
//! ```text
//! #[deadline("5s")]
//! #[retry(idempotent, base = "20ms")]
//! #[circuit_breaker(name = "receipts")]
//! #[timeout("600ms", connect = "200ms", read = "150ms", allow(range))]
//! async fn receipt(http: &reqwest::Client, url: &str) -> Result<String, Error> {
//!     http.get(url).checked().await?.text().await
//! }
//! ```
//!
//! `cargo run --example quickstart-expanded` runs both against a partner that loses its first answer, and exits
//! non-zero unless they did the same.

#[path = "support/partner/mod.rs"]
mod partner;

use partner::{Answer, Partner};
use resil::http::{Checked as _, Error};
use resil::{CircuitBreaker, Classify, Deadline, Failure, Retry, Timeout};
use resil::{circuit_breaker, deadline, retry, timeout};
use std::time::Duration;

#[deadline("5s")]
#[retry(idempotent, base = "20ms")]
#[circuit_breaker(name = "receipts")]
#[timeout("600ms", connect = "200ms", read = "150ms", allow(range))]
async fn annotated(http: &reqwest::Client, url: &str) -> Result<String, Error> {
    http.get(url).checked().await?.text().await
}

async fn by_hand(http: &reqwest::Client, url: &str) -> Result<String, Error> {
    // Settings are constants, so a call builds nothing. The breaker is a handle: whoever writes this name, here or in
    // another crate, shares one state, found on the first call and remembered.
    static DEADLINE: Deadline = Deadline::within(Duration::from_secs(5));
    static RETRY: Retry = Retry::idempotent().base(Duration::from_millis(20)).budget("receipts");
    static CIRCUIT_BREAKER: CircuitBreaker = CircuitBreaker::named("receipts");
    static TIMEOUT: Timeout = Timeout::attempt(Duration::from_millis(600))
        .connect(Duration::from_millis(200))
        .read(Duration::from_millis(150));

    // One bound over everything below; if our caller has a nearer one, that one counts.
    let deadline = DEADLINE.start();
    // This call's attempts: a pure machine, which decides and does not sleep.
    let mut retry = RETRY.start().within(deadline);

    let outcome = loop {
        let delay = {
            // The breaker is asked for each attempt, so that a circuit which opens half way ends the retries. A refusal
            // is final: to repeat it would only load our own process.
            let pass = match CIRCUIT_BREAKER.admit() {
                Ok(pass) => pass,
                Err(refusal) => break Err(Failure::Policy(refusal)),
            };
            // The body. It borrows the parameters, so that it can run again; it is inline, not a closure, so that it stays
            // `Send` and a moved argument is the compiler's own error.
            let attempt = async { http.get(url).checked().await?.text().await };
            // Bounded, and told why it may be repeated, which `checked()` looks at before it sends a POST. A timeout, a
            // panic and the body's own error come out as one `Result`.
            let outcome = TIMEOUT.apply(attempt).within(deadline).under(&mut retry).await;
            // What it means, decided once, by the error itself.
            let verdict = outcome.as_ref().err().map(Classify::verdict);
            // The pass is consumed before any wait: nothing is held while we sleep. Had this future been dropped above,
            // dropping the pass would have counted as nothing.
            pass.record(verdict);
            // Again only if the failure passes, attempts and budget are left, and the delay fits in the deadline.
            let Some(delay) = retry.again(verdict) else { break outcome };
            delay
        };
        // The outcome is gone by now: it neither grows the future nor decides whether that is `Send`.
        delay.await;
    };
    // Refusals take the function's own error type, through `From<resil::Error>`.
    outcome.map_err(Failure::into_error)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let partner = Partner::start()?;
    let http = resil::http::client().no_proxy().build()?;
    for path in ["/annotated", "/by-hand"] {
        partner.on(path).answers([Answer::ResetMidAnswer, Answer::ok("18,000 won")]);
    }
    let answers =
        [annotated(&http, &partner.url("/annotated")).await?, by_hand(&http, &partner.url("/by-hand")).await?];
    let requests = [partner.requests("/annotated"), partner.requests("/by-hand")];
    println!("annotated: {} after {} requests", answers[0], requests[0]);
    println!("by hand:   {} after {} requests", answers[1], requests[1]);
    if answers[0] != answers[1] || requests != [2, 2] {
        return Err("the two did not do the same".into());
    }
    Ok(())
}
