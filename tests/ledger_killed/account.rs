//! What the partner knows of an order, and what it makes of a request about it.

use crate::books::Intent;
use crate::spec::{FORGOTTEN, Keys, LATE, LATEST, Memory, Repeat, SLOW_CHECK, Skill, Spec, Way};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
pub struct Request {
    endpoint: String,
    /// The `Idempotency-Key` that it came under.
    key: Option<String>,
    body: String,
}

impl Request {
    pub fn new(endpoint: &str, header: &str, body: &str) -> Self {
        let key = (header != "-").then(|| header.to_owned());
        Self { endpoint: endpoint.to_owned(), key, body: body.to_owned() }
    }
}

pub enum Answer {
    Text(String),
    /// The connection is lost.
    Lost,
    /// The connection is lost, and the request arrives later.
    Later(Duration),
}

#[derive(Debug, Clone)]
pub struct Account {
    spec: Spec,
    /// What was answered to requests under a key.
    answers: HashMap<String, (Request, String, Instant)>,
    /// The keys of calls, of cancellations and of status checks.
    pub call_keys: BTreeSet<String>,
    pub cancel_keys: BTreeSet<String>,
    pub check_keys: BTreeSet<String>,
    pub bodies: BTreeSet<String>,
    pub calls: u32,
    /// Calls that were turned away, and had certainly no effect.
    pub turned_away: u32,
    /// Calls that had an effect.
    pub applied: u32,
    pub cancelled: bool,
    /// Calls that arrived while the ledger did not say so.
    pub unannounced: u32,
    won: String,
    /// Requests under way in the network.
    late: u32,
    /// One that waits for a status check, and whether it has arrived since.
    waits_for_a_check: Option<Request>,
}

impl Account {
    pub fn new(spec: Spec) -> Self {
        Self {
            spec,
            answers: HashMap::new(),
            call_keys: BTreeSet::new(),
            cancel_keys: BTreeSet::new(),
            check_keys: BTreeSet::new(),
            bodies: BTreeSet::new(),
            calls: 0,
            turned_away: 0,
            applied: 0,
            cancelled: false,
            unannounced: 0,
            won: String::new(),
            late: 0,
            waits_for_a_check: None,
        }
    }

    pub fn is_quiet(&self) -> bool {
        self.late == 0
    }

    pub fn is_called(&mut self, request: &Request, intent: Option<&Intent>) -> Answer {
        self.call_keys.insert(request.key.clone().unwrap_or_default());
        self.bodies.insert(request.body.clone());
        self.calls += 1;
        // By now the ledger may be further: who has sent this may be dead. A long history is not kept as a whole.
        let is_announced = |intent: &Intent| intent.state == "CALLING" || intent.callings() >= self.calls.min(3);
        self.unannounced += u32::from(!intent.is_some_and(is_announced));
        let is_refused = self.spec.way == Way::Refuses && self.applied == 0;
        match self.calls {
            _ if is_refused => self.turns_away(402),
            1 => self.first(request),
            2 | 3 if self.spec.repeat == Repeat::Declined && self.applied == 0 => self.turns_away(402),
            2 | 3 if !matches!(self.spec.repeat, Repeat::Ok | Repeat::Declined) => {
                let status = self.spec.repeat.word().parse().expect("a status");
                self.turns_away(status)
            }
            _ => Answer::Text(self.takes(request)),
        }
    }

    fn turns_away(&mut self, status: u16) -> Answer {
        self.turned_away += u32::from(matches!(status, 401..=403 | 422 | 429));
        Answer::Text(format!("status {status}"))
    }

    fn first(&mut self, request: &Request) -> Answer {
        match self.spec.way {
            // One call of ours, whatever the network makes of it.
            Way::Ok | Way::Duplicates => Answer::Text(self.takes(request)),
            Way::Refuses => self.turns_away(402),
            Way::LostBefore => Answer::Lost,
            Way::LostAfter => {
                self.takes(request);
                Answer::Lost
            }
            Way::Late => self.later(LATE),
            Way::AfterCheck => {
                self.waits_for_a_check = (self.spec.skill == Skill::Status).then(|| request.clone());
                self.later(LATEST)
            }
            Way::Broken => self.takes_and_says(request, 500),
            Way::SeeOther => self.takes_and_says(request, 303),
            Way::Running => self.takes_and_says(request, 409),
            Way::Elsewhere => self.turns_away(307),
            Way::WhoAreYou => self.turns_away(401),
            Way::Forbidden => self.turns_away(403),
            Way::Conflict => self.turns_away(409),
            Way::Unprocessable => self.turns_away(422),
            Way::TooMany => self.turns_away(429),
        }
    }

    fn takes_and_says(&mut self, request: &Request, status: u16) -> Answer {
        self.takes(request);
        Answer::Text(format!("status {status}"))
    }

    fn later(&mut self, time: Duration) -> Answer {
        self.late += 1;
        Answer::Later(time)
    }

    /// A late request arrives, unless it has arrived with a status check.
    pub fn arrives(&mut self, request: &Request) {
        self.late -= 1;
        let is_due = self.spec.way != Way::AfterCheck
            || self.spec.skill != Skill::Status
            || self.waits_for_a_check.take().is_some();
        if is_due {
            self.takes(request);
        }
    }

    /// Takes a call in, or finds that it has done so before.
    fn takes(&mut self, request: &Request) -> String {
        self.once(request, |this| {
            this.applied += 1;
            request.body.split(' ').next().unwrap_or_default().clone_into(&mut this.won);
            format!("ok {}", this.won)
        })
    }

    pub fn cancels(&mut self, request: &Request) -> String {
        self.cancel_keys.insert(request.key.clone().unwrap_or_default());
        self.once(request, |this| {
            this.cancelled |= this.applied > 0;
            "ok cancelled".to_owned()
        })
    }

    /// What it knows, and how long it takes to say so.
    pub fn is_asked(&mut self, request: &Request) -> (String, Duration) {
        self.check_keys.extend(request.key.clone());
        let answer = self.once(request, |this| {
            if this.applied > 0 && !this.cancelled {
                format!("ok applied {}", this.won)
            } else {
                "ok absent ".to_owned()
            }
        });
        let Some(late) = self.waits_for_a_check.take() else { return (answer, Duration::ZERO) };
        self.takes(&late);
        (answer, SLOW_CHECK)
    }

    /// Does it, unless it knows the key.
    fn once(&mut self, request: &Request, act: impl FnOnce(&mut Self) -> String) -> String {
        let Some(key) = request.key.as_ref().filter(|_| self.spec.keys != Keys::None) else { return act(self) };
        if self.spec.memory == Memory::Short {
            self.answers.retain(|_, (.., at)| at.elapsed() < FORGOTTEN);
        }
        if let Some((known, answer, _)) = self.answers.get(key) {
            let is_same = known.endpoint == request.endpoint && known.body == request.body;
            let is_replayed = is_same || self.spec.keys == Keys::Alone;
            return if is_replayed { answer.clone() } else { "status 422".to_owned() };
        }
        let answer = act(self);
        self.answers.insert(key.clone(), (request.clone(), answer.clone(), Instant::now()));
        answer
    }
}
