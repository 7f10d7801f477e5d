//! What a call remembers of what it sent, against real HTTP partners: their logs are the oracle.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../examples/support/partner/mod.rs"]
mod partner;

mod cruel;
mod doubt;
mod durable;
mod fallback;
mod keys;
mod plays;
mod redirects;
mod two_requests;
mod unsent;

use partner::Partner;
use resil::{Classify as _, Effect, Kind};

type Tested = Result<(), Box<dyn std::error::Error>>;

fn client() -> reqwest::Client {
    resil::http::client().no_proxy().build().unwrap()
}

/// How many POSTs have arrived there.
fn posts(partner: &Partner, path: &str) -> usize {
    partner.requests_with("POST", path)
}

fn meaning(error: &resil::http::Error) -> (Kind, Effect) {
    let verdict = error.verdict();
    (verdict.kind, verdict.effect)
}
