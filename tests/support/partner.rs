//! A partner with a book of its own, who fails the way real ones do.

use resil::IdempotencyKey;
use resil::ledger::{OriginalKey, Status};
use resil::{Classify, Error};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is applied and answered.
    Ok,
    /// It is answered with 402, and not applied.
    Refuses,
    /// It is answered with a word that says for good that it is not applied.
    RefusesForGood,
    /// It is answered with this, and not applied.
    Answers(u16),
    /// It is answered with 401, and not applied.
    LetsNobodyIn,
    /// It never arrives, and its connection is lost.
    LostBefore,
    /// It is applied, and the answer is lost.
    LostAfter,
    /// The connection is lost, and the call arrives later.
    Late(Duration),
    /// The network delivers it twice.
    Duplicates,
    /// It is applied and answered with 500.
    Broken,
    /// It is applied, and there is never an answer.
    Hangs,
    /// It is answered with 503, and not applied.
    Busy,
    /// No connection is made.
    NoConnection,
    /// Our own client panics before it sends anything.
    Panics,
}

/// What a partner is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skill {
    /// It recognises a key, and answers a repeat as it answered the first.
    Deduplicates,
    /// It can be asked what became of a key.
    Status,
    /// Neither.
    Neither,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Calls of ours that had an effect.
    pub applied: u32,
    pub cancelled: bool,
    pub won: u64,
}

#[derive(Debug, Default, Clone)]
pub struct Book {
    pub entries: HashMap<String, Entry>,
    pub calls: u32,
    pub checks: u32,
    pub cancels: u32,
    /// What came, and the key that `.checked()` would have sent it under.
    pub heard: Vec<(&'static str, Option<String>)>,
}

impl Book {
    /// The keys that came with what was heard of this kind; an empty one is none.
    pub fn keys(&self, what: &str) -> Vec<String> {
        self.heard.iter().filter(|(heard, _)| *heard == what).map(|(_, key)| key.clone().unwrap_or_default()).collect()
    }
}

#[derive(Debug, Classify)]
pub enum PartnerError {
    #[classify(status)]
    Status(u16),
    #[classify(caller, conclusive)]
    Declined,
    #[classify(transient)]
    Lost,
    #[classify(transient, unsent)]
    NoConnection,
    #[classify(delegate)]
    Policy(Error),
}

impl std::fmt::Display for PartnerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(code) => write!(f, "the partner answered {code}"),
            Self::Declined => f.write_str("the partner has declined it for good"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::NoConnection => f.write_str("no connection"),
            Self::Policy(error) => error.fmt(f),
        }
    }
}

impl From<Error> for PartnerError {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

type Ready = Box<dyn Fn() -> bool + Send + Sync>;
type Watch = Box<dyn Fn(&str) + Send + Sync>;

/// Asked with `call`, `check` and `cancel`.
pub struct Partner {
    skill: Skill,
    calls: Mutex<VecDeque<Way>>,
    cancels: Mutex<VecDeque<Way>>,
    checks: Mutex<VecDeque<Status<u64>>>,
    book: Arc<Mutex<Book>>,
    watch: Mutex<Option<Watch>>,
    is_ready: Mutex<Option<Ready>>,
}

impl Partner {
    /// One whose next calls go these ways, and all others well.
    pub fn new(skill: Skill, calls: impl IntoIterator<Item = Way>) -> Arc<Self> {
        Arc::new(Self {
            skill,
            calls: Mutex::new(calls.into_iter().collect()),
            cancels: Mutex::default(),
            checks: Mutex::default(),
            book: Arc::default(),
            watch: Mutex::default(),
            is_ready: Mutex::default(),
        })
    }

    pub fn next_cancels(&self, ways: impl IntoIterator<Item = Way>) {
        self.cancels.lock().unwrap().extend(ways);
    }

    /// What it says of the next status checks, whatever its book says.
    pub fn next_checks(&self, answers: impl IntoIterator<Item = Status<u64>>) {
        self.checks.lock().unwrap().extend(answers);
    }

    /// Is told of each request as it arrives.
    pub fn watch(&self, watch: impl Fn(&str) + Send + Sync + 'static) {
        *self.watch.lock().unwrap() = Some(Box::new(watch));
    }

    /// Answers nothing until this is so.
    pub fn withholds_until(&self, is_ready: impl Fn() -> bool + Send + Sync + 'static) {
        *self.is_ready.lock().unwrap() = Some(Box::new(is_ready));
    }

    async fn ready(&self) {
        while self.is_ready.lock().unwrap().as_ref().is_some_and(|is_ready| !is_ready()) {
            tokio::task::yield_now().await;
        }
    }

    /// Its book as it stands.
    pub fn book(&self) -> Book {
        self.book.lock().unwrap().clone()
    }

    /// Somebody changes its book behind everybody's back.
    pub fn edit(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.write());
    }

    fn write(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// The only entry; an empty one if nothing was ever applied.
    pub fn entry(&self) -> Entry {
        let book = self.book();
        assert!(book.entries.len() <= 1, "one key for life: {book:?}");
        book.entries.values().next().cloned().unwrap_or_default()
    }

    fn tell(&self, what: &'static str) {
        self.write().heard.push((what, IdempotencyKey::current().map(|key| key.to_string())));
        if let Some(watch) = &*self.watch.lock().unwrap() {
            watch(what);
        }
    }

    fn apply(book: &Mutex<Book>, key: &str, won: u64, deduplicates: bool) {
        let mut book = book.lock().unwrap();
        let entry = book.entries.entry(key.to_owned()).or_default();
        if !(deduplicates && entry.applied > 0) {
            entry.applied += 1;
        }
        entry.won = won;
    }

    async fn go(&self, way: Way, apply: impl Fn() + Send + Sync + 'static) -> Result<(), PartnerError> {
        match way {
            Way::Ok => apply(),
            Way::Refuses => return Err(PartnerError::Status(402)),
            Way::RefusesForGood => return Err(PartnerError::Declined),
            Way::Answers(status) => return Err(PartnerError::Status(status)),
            Way::LetsNobodyIn => return Err(PartnerError::Status(401)),
            Way::LostBefore => return Err(PartnerError::Lost),
            Way::LostAfter => {
                apply();
                return Err(PartnerError::Lost);
            }
            Way::Late(after) => {
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    apply();
                });
                return Err(PartnerError::Lost);
            }
            Way::Duplicates => {
                // One call of ours, whatever the network makes of it.
                apply();
            }
            Way::Broken => {
                apply();
                return Err(PartnerError::Status(500));
            }
            Way::Hangs => {
                apply();
                std::future::pending::<()>().await;
            }
            Way::Busy => return Err(PartnerError::Status(503)),
            Way::NoConnection => return Err(PartnerError::NoConnection),
            Way::Panics => panic!("our own client has a bug"),
        }
        Ok(())
    }

    /// Charges, and answers how much.
    pub async fn charge(&self, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
        self.tell("call");
        self.ready().await;
        self.write().calls += 1;
        let way = self.calls.lock().unwrap().pop_front().unwrap_or(Way::Ok);
        // Who says so for good has not applied it.
        let is_known = self.write().entries.get(key.as_str()).is_some_and(|entry| entry.applied > 0);
        let way = if way == Way::RefusesForGood && is_known { Way::Ok } else { way };
        let (book, key, deduplicates) =
            (Arc::clone(&self.book), key.as_str().to_owned(), self.skill == Skill::Deduplicates);
        self.go(way, move || Self::apply(&book, &key, won, deduplicates)).await?;
        Ok(won)
    }

    /// What became of a key.
    pub async fn status(&self, original: &OriginalKey) -> Result<Status<u64>, PartnerError> {
        self.tell("check");
        self.ready().await;
        self.write().checks += 1;
        if let Some(answer) = self.checks.lock().unwrap().pop_front() {
            return Ok(answer);
        }
        let book = self.write();
        Ok(match book.entries.get(original.as_str()) {
            Some(entry) if entry.applied > 0 && !entry.cancelled => Status::Applied(entry.won),
            _ => Status::NotApplied,
        })
    }

    /// Cancels what was done under a key, if anything was; under a key of its own.
    pub async fn cancel(&self, original: &OriginalKey, key: &IdempotencyKey) -> Result<(), PartnerError> {
        self.tell("cancel");
        self.ready().await;
        self.write().cancels += 1;
        assert_eq!(IdempotencyKey::current().as_ref(), Some(key), "what is given is what is sent");
        let way = self.cancels.lock().unwrap().pop_front().unwrap_or(Way::Ok);
        let (book, key) = (Arc::clone(&self.book), original.to_string());
        self.go(way, move || {
            if let Some(entry) = book.lock().unwrap().entries.get_mut(&key) {
                entry.cancelled = true;
            }
        })
        .await
    }
}

/// As `#[durable]` wants it.
pub async fn status(
    partner: &Partner,
    _order: i64,
    _won: u64,
    original: &OriginalKey,
) -> Result<Status<u64>, PartnerError> {
    partner.status(original).await
}

/// As `#[durable]` wants it.
pub async fn cancel(
    partner: &Partner,
    _order: i64,
    _won: u64,
    original: &OriginalKey,
    key: &IdempotencyKey,
    _receipt: Option<u64>,
) -> Result<(), PartnerError> {
    partner.cancel(original, key).await
}
