//! Clients that repeat a request until it is answered, however often the server ends.

use crate::child::BROKEN;
use std::net::SocketAddr;
use tokio::sync::watch;

/// Where the server listens, and which life of it that is.
pub type At = Option<(usize, SocketAddr)>;

#[derive(Clone, Copy)]
pub struct Wanted {
    pub owner: &'static str,
    pub key: &'static str,
    pub item: &'static str,
}

/// Two owners have a key in common, and one order fails first.
pub const ALL: [Wanted; 4] = [
    Wanted { owner: "alice", key: "key-1", item: "tea" },
    Wanted { owner: "bob", key: "key-1", item: "coffee" },
    Wanted { owner: "alice", key: "key-2", item: BROKEN },
    Wanted { owner: "bob", key: "key-3", item: "cups" },
];

#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub is_replayed: bool,
}

/// Sends it once. `None` if the server ended.
async fn send(client: &reqwest::Client, at: SocketAddr, wanted: Wanted) -> Option<Answer> {
    let request = client.post(format!("http://{at}/orders"));
    let request = request.header("user", wanted.owner).header("Idempotency-Key", format!("\"{}\"", wanted.key));
    let response = request.body(wanted.item).send().await.ok()?;
    let (status, is_replayed) = (response.status().as_u16(), response.headers().contains_key("Idempotency-Replayed"));
    Some(Answer { status, text: response.text().await.ok()?, is_replayed })
}

/// What it is answered at last. `answered` is told to its double, which waits for it where it may not run beside it.
pub async fn until_answered(
    client: &reqwest::Client,
    mut at: watch::Receiver<At>,
    answered: &watch::Sender<bool>,
    wanted: Wanted,
) -> Result<Answer, String> {
    let (mut life, mut failures) = (None, 0);
    loop {
        let now = *at.wait_for(|at| at.is_some_and(|(number, _)| Some(number) != life)).await.unwrap();
        let (number, address) = now.unwrap();
        let Some(answer) = send(client, address, wanted).await else {
            life = Some(number);
            continue;
        };
        match answer.status {
            409 => _ = answered.subscribe().wait_for(|is_answered| *is_answered).await,
            503 if wanted.item == BROKEN && failures < 20 => failures += 1,
            _ => {
                answered.send_replace(true);
                return Ok(answer);
            }
        }
        if failures == 20 {
            return Err("503 for ever".to_owned());
        }
    }
}
