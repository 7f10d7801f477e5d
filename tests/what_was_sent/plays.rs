//! A thousand calls to partners that are never kind. `RESIL_SEED=.. cargo test --test what_was_sent plays` plays one again.

use super::cruel::{Arrived, Cruel, Fate, Fates, Log};
use super::partner::unreachable::{UNRESOLVABLE, Unaccepting, refused_addr};
use super::{Tested, client};
use resil::http::{Checked, Error};
use resil::{Classify as _, Effect, IdempotencyKey, retry, timeout};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

/// What the body of a call does in each attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    One,
    Streamed,
    AfterATokenAndARead,
    TwoInOrder,
    TwoJoined,
    /// Each attempt goes where the one before did not.
    Wandering,
}

/// Where its requests go, and what its attempts were.
struct Stage {
    client: reqwest::Client,
    play: u32,
    shape: Shape,
    first: String,
    second: String,
    /// The call of the outermost retry's body, and the attempt.
    turn: Mutex<(u32, u32)>,
}

impl Stage {
    fn turn(&self) -> (u32, u32) {
        *self.turn.lock().unwrap()
    }

    fn post(&self, url: &str) -> reqwest::RequestBuilder {
        let request = self.client.post(url).header("x-turn", format!("{} {:?}", self.play, self.turn()));
        if self.shape != Shape::Streamed {
            return request.body(r#"{"won":5000}"#);
        }
        let chunks = [r#"{"won":"#, "50", "00}"].map(Ok::<_, std::io::Error>);
        request.body(reqwest::Body::wrap_stream(futures_util::stream::iter(chunks)))
    }

    async fn attempt(&self, second: impl Fn(reqwest::RequestBuilder) -> resil::http::Request) -> Result<(), Error> {
        self.turn.lock().unwrap().1 += 1;
        let first = self.post(&self.first);
        match self.shape {
            Shape::One | Shape::Streamed => first.checked().await.map(drop),
            Shape::Wandering => {
                let url = if self.turn().1 % 2 == 1 { &self.first } else { &self.second };
                self.post(url).checked().await.map(drop)
            }
            Shape::AfterATokenAndARead => {
                self.client.post(format!("{}/token", self.first)).harmless("a token").checked().await?;
                self.client.get(format!("{}/rate", self.first)).checked().await?;
                first.checked().await?.text().await.map(drop)
            }
            Shape::TwoInOrder => {
                first.checked().await?.text().await?;
                second(self.post(&self.second)).checked().await?.text().await.map(drop)
            }
            Shape::TwoJoined => {
                let (first, second) = tokio::join!(first.checked(), second(self.post(&self.second)).checked());
                first?;
                second.map(drop)
            }
        }
    }
}

#[retry(unsent, attempts = 4, base = "0ms", budget = none, retry_status = [404, 429])]
#[timeout("40ms", connect = "20ms", read = "30ms", allow(range))]
async fn unsent(stage: &Stage) -> Result<(), Error> {
    stage.attempt(Checked::unkeyed).await
}

#[retry(idempotency_key = key, attempts = 4, base = "0ms", budget = none, retry_status = [404, 409, 429])]
#[timeout("40ms", connect = "20ms", read = "30ms", allow(range))]
async fn keyed(stage: &Stage, key: &IdempotencyKey) -> Result<(), Error> {
    stage.attempt(|second| second.keyed(key.step("second"))).await
}

/// The second request forgets to say which key it carries.
#[retry(idempotency_key = key, attempts = 4, base = "0ms", budget = none, retry_status = [404, 409, 429])]
#[timeout("40ms", connect = "20ms", read = "30ms", allow(range))]
async fn keyed_carelessly(stage: &Stage, key: &IdempotencyKey) -> Result<(), Error> {
    _ = key;
    stage.attempt(|second| second.keyed(IdempotencyKey::current().unwrap())).await
}

/// A function around it that repeats what it believes was never sent.
#[retry(unsent, attempts = 3, base = "0ms", budget = none, retry_status = [404, 429])]
async fn around(stage: &Stage) -> Result<(), Error> {
    stage.turn.lock().unwrap().0 += 1;
    keyed(stage, &IdempotencyKey::random()).await
}

fn fate(random: &mut fastrand::Rng, hosts: &[String; 2], nowhere: &[String; 2]) -> Fate {
    let places = [
        "/elsewhere".to_owned(),
        "/pay".to_owned(),
        format!("{}/pay", hosts[1]),
        nowhere[0].clone(),
        nowhere[1].clone(),
        format!("http://{UNRESOLVABLE}/"),
        format!("{}/pay", hosts[0]),
        "mailto:x@y".to_owned(),
        "http://256.1.1.1/".to_owned(),
        "::".to_owned(),
    ];
    match random.u32(0..100) {
        0..25 => {
            let status = [301, 302, 303, 307, 308][random.usize(0..5)];
            Fate::Redirect(status, places[random.usize(0..places.len())].clone())
        }
        25..40 => Fate::Status([400, 404, 408, 409, 422, 425, 429][random.usize(0..7)]),
        40..50 => Fate::Status([500, 502, 503, 504][random.usize(0..4)]),
        50..65 => Fate::ResetAfter(random.usize(0..45)),
        65..75 => Fate::ResetWhileReading(random.usize(0..14)),
        75..83 => Fate::CloseLater,
        83..85 => Fate::Trailers,
        85..87 => Fate::Interim([100, 102, 103][random.usize(0..3)]),
        87..89 => Fate::OfOld,
        89..92 => Fate::Early([400, 413, 408, 503][random.usize(0..4)], random.usize(0..14)),
        92..95 => Fate::Withhold,
        _ => Fate::Status(200),
    }
}

/// What may act and was not refused. The request for a token, which is harmless wherever it leads, has no turn; what was
/// given up in an earlier play may still arrive.
fn applied(arrived: &[Arrived], play: u32) -> Vec<&Arrived> {
    let of_this = format!("{play} ");
    let acts = |arrived: &&Arrived| {
        arrived.method != "GET"
            && !arrived.is_refused
            && arrived.turn.as_ref().is_some_and(|turn| turn.starts_with(&of_this))
    };
    arrived.iter().filter(acts).collect()
}

fn one_key_is_one_request(arrived: &[Arrived], what: &str) {
    let mut requests: HashMap<&str, HashSet<(&str, &str, &str)>> = HashMap::new();
    for one in arrived {
        let Some(key) = &one.key else { continue };
        assert_ne!(one.method, "GET", "{what}: a read carries a key: {one:?}");
        requests.entry(key).or_default().insert((&one.method, &one.origin, &one.path));
    }
    for (key, requests) in requests {
        assert_eq!(requests.len(), 1, "{what}: one key on two requests: {key} on {requests:?}");
    }
}

#[tokio::test]
async fn plays() -> Tested {
    let seed = std::env::var("RESIL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("RESIL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let _scope = resil::testing::isolated();
    let (log, fates) = (Log::default(), Fates::default());
    let hosts = [Cruel::start(log.clone(), fates.clone()).await?, Cruel::start(log.clone(), fates.clone()).await?];
    let origins = [hosts[0].origin.clone(), hosts[1].origin.clone()];
    // One refuses connections, and at the other a handshake never completes.
    let silent = Unaccepting::start().await?;
    let (client, nowhere) = (client(), [format!("http://{}", refused_addr()?), silent.url("")]);
    let (mut repeated, mut in_doubt, mut refused) = (0, 0, 0);
    for play in 0..1_000 {
        *fates.lock().unwrap() = (0..12).map(|_| fate(&mut random, &origins, &nowhere)).collect();
        let shapes = [
            Shape::One,
            Shape::Streamed,
            Shape::AfterATokenAndARead,
            Shape::TwoInOrder,
            Shape::TwoJoined,
            Shape::Wandering,
        ];
        let first = match random.u32(0..20) {
            0 => format!("{}/pay", nowhere[random.usize(0..2)]),
            _ => format!("{}/pay", origins[0]),
        };
        let second = match random.u32(0..4) {
            0 => format!("{}/capture", nowhere[random.usize(0..2)]),
            1 => format!("{}/pay", origins[1]),
            _ => format!("{}/capture", origins[0]),
        };
        let shape = shapes[random.usize(0..shapes.len())];
        let stage = Stage { client: client.clone(), play, shape, first, second, turn: Mutex::default() };
        let kind = random.u32(0..4);
        let key = IdempotencyKey::random();
        let outcome = match kind {
            0 => unsent(&stage).await,
            1 => keyed(&stage, &key).await,
            2 => keyed_carelessly(&stage, &key).await,
            _ => around(&stage).await,
        };
        let (arrived, last) = (log.take(), stage.turn());
        let what = format!("play {play} of {seed}, {kind}, {shape:?}, at last {last:?}, {outcome:?}\n{arrived:#?}\n");
        let applied = applied(&arrived, play);
        one_key_is_one_request(&arrived, &what);
        // What is believed to be unsent is repeated only if nothing has been applied so far.
        if kind == 0 {
            let last = format!("{play} {last:?}");
            assert!(
                applied.iter().all(|one| one.turn.as_ref() == Some(&last)),
                "{what}: what had arrived was repeated"
            );
        }
        if kind == 3 {
            let of_the_last_call =
                |one: &&Arrived| one.turn.as_ref().unwrap().starts_with(&format!("{play} ({},", last.0));
            assert!(applied.iter().all(of_the_last_call), "{what}: what had arrived was repeated under another key");
        }
        // A call of one request, or under a key, claims no more than holds.
        if let Err(error) = &outcome
            && (kind != 0 || matches!(shape, Shape::One | Shape::Streamed | Shape::AfterATokenAndARead))
            && !applied.is_empty()
        {
            assert_eq!(error.verdict().effect, Effect::Unknown, "{what}: more certain than the call");
        }
        repeated += u32::from(last.1 > 1);
        in_doubt += u32::from(matches!(outcome, Err(Error::Policy(resil::Error::InDoubt { .. }))));
        refused += u32::from(arrived.is_empty());
    }
    println!("{repeated} repeated, {in_doubt} in doubt, {refused} never arrived");
    assert!(repeated > 100 && in_doubt > 20 && refused > 0, "{repeated}, {in_doubt}, {refused}");
    Ok(())
}
