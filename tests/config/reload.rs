//! A reload is whole or nothing, and loses no permit, window, state or token.

use crate::support::{Files, value};
use resil::{CircuitBreaker, CircuitState, Error, Event, Semaphore, registry, retry, timeout};
use std::cell::Cell;
use std::collections::VecDeque;

#[timeout("9s", connect = "2s")]
async fn bounded() -> Result<(), Error> {
    Ok(())
}

fn site() -> String {
    format!("{}::bounded", module_path!())
}

#[test]
fn a_half_written_file_changes_nothing() {
    let _scope = resil::testing::isolated();
    let whole = format!("[timeout.by_site.\"{}\"]\nattempt = \"3s\"\nconnect = \"1s\"\n", site());
    let files = Files::new(&whole);
    files.configuration().apply().unwrap();
    let before = registry().settings();
    for end in 1..whole.len() - 1 {
        // What is a whole file of less is one.
        files.write("resil.toml", &whole[..end].replace("3s", "4s"));
        if resil::reload().is_err() {
            assert_eq!(registry().settings(), before, "{end}");
            assert!(registry().configuration().last_error.unwrap().contains("resil.toml:"), "{end}");
        }
        files.write("resil.toml", &whole);
        resil::reload().unwrap();
        assert_eq!(registry().configuration().last_error, None);
    }
    std::fs::remove_file(files.path("resil.toml")).unwrap();
    assert!(resil::reload().is_err());
    assert_eq!(registry().settings(), before);
}

#[test]
fn what_is_the_same_is_no_change() {
    let _scope = resil::testing::isolated();
    let files = Files::new(&format!("[timeout.by_site.\"{}\"]\nattempt = \"3s\"\n", site()));
    files.configuration().apply().unwrap();
    let mut events = registry().subscribe();
    assert!(resil::reload().unwrap().is_empty() && events.try_next().is_none());
    files.write("resil.toml", &format!("\n\n[timeout.by_site.\"{}\"]\nattempt = \"3000ms\"\n", site()));
    assert!(resil::reload().unwrap().is_empty(), "another line, another spelling, the same bound");
    files.write("resil.toml", "");
    let changes = resil::reload().unwrap();
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((&*change.from, &*change.to, change.setting), ("3s", "9s", "attempt"));
    assert_eq!(events.try_next(), Some(Event::SettingChanged(change.clone())));
    assert_eq!(registry().configuration().revision, 4);
}

/// The calls that a window of so many holds, as anybody would keep them.
struct Model {
    last: VecDeque<bool>,
    window: usize,
    min_calls: usize,
    /// Of ten.
    failure_rate: usize,
    is_open: bool,
}

impl Model {
    fn record(&mut self, failed: bool) {
        let grows = self.last.len() < self.window;
        self.last.push_back(failed);
        if !grows {
            self.last.pop_front();
        }
        let failures = self.last.iter().filter(|failed| **failed).count();
        let enough = self.last.len() >= self.min_calls.min(self.window);
        // A success in a full window lowers the rate, and decides nothing.
        if (grows || failed) && enough && failures > 0 && 10 * failures >= self.failure_rate * self.last.len() {
            self.is_open = true;
        }
    }
}

#[retry(idempotent, attempts = 2, base = "0ms", jitter = "none", budget = "model")]
async fn retried(left: &Cell<u32>) -> std::io::Result<()> {
    left.set(left.get().wrapping_sub(1));
    if left.get() == u32::MAX { Ok(()) } else { Err(std::io::ErrorKind::TimedOut.into()) }
}

/// A bucket of 100 tokens, in fifths; nothing flows in while the clock stands still.
struct Tokens(u32);

impl Tokens {
    /// A call that fails so often before it succeeds, if it may: whether it does.
    fn call(&mut self, failures: u32, attempts: u32) -> bool {
        for attempt in 1..=failures {
            if attempt == attempts || self.0 < 5 {
                return false;
            }
            self.0 -= 5;
        }
        self.0 = (self.0 + 1).min(500);
        true
    }
}

/// `0.8` of 8, and `1.0` of 10.
fn rate(of_ten: usize) -> String {
    format!("{}.{}", of_ten / 10, of_ten % 10)
}

/// A random story of calls, holds and reloads against the model: what was counted is counted after each of them.
#[tokio::test(start_paused = true)]
async fn no_window_state_permit_or_token_is_lost() {
    let start = tokio::time::Instant::now();
    for seed in 0..30 {
        let _scope = resil::testing::isolated();
        let mut random = fastrand::Rng::with_seed(seed);
        let breaker = CircuitBreaker::named("model").window(resil::Window::Calls(20)).failure_rate(0.8);
        let permits = Semaphore::new(4).name("model");
        breaker.snapshot().unwrap();
        permits.usage().unwrap();
        let files = Files::new("");
        files.configuration().apply().unwrap();
        let mut model = Model { last: VecDeque::new(), window: 20, min_calls: 20, failure_rate: 8, is_open: false };
        let (mut held, mut limit) = (Vec::new(), 4);
        let (mut tokens, mut attempts) = (Tokens(500), 2);
        let mut fewest = tokens.0;
        for step in 0..300 {
            let told = format!("seed {seed}, step {step}");
            match random.u32(..13) {
                0..5 if model.is_open => {
                    assert!(breaker.admit().is_err(), "{told}");
                    breaker.reset().unwrap();
                    (model.is_open, model.last) = (false, VecDeque::new());
                }
                0..5 => {
                    let failed = random.f64() < 0.6;
                    let pass = breaker.admit().unwrap();
                    let verdict =
                        failed.then(|| resil::Classify::verdict(&std::io::Error::from(std::io::ErrorKind::TimedOut)));
                    pass.record(verdict);
                    model.record(failed);
                }
                5..7 => {
                    let permit = permits.acquire().await;
                    assert_eq!(permit.is_ok(), held.len() < limit, "{told}");
                    held.extend(permit);
                }
                7 if !held.is_empty() => drop(held.swap_remove(random.usize(..held.len()))),
                10..13 => {
                    for failures in std::iter::repeat_with(|| random.u32(..6)).take(5) {
                        assert_eq!(
                            retried(&Cell::new(failures)).await.is_ok(),
                            tokens.call(failures, attempts),
                            "{told}"
                        );
                    }
                }
                _ => {
                    (limit, attempts) = (random.usize(1..8), random.u32(1..6));
                    (model.min_calls, model.failure_rate) = (random.usize(1..25), random.usize(1..=10));
                    let window = if random.u32(..8) == 0 { random.usize(5..40) } else { model.window };
                    if window != model.window {
                        (model.window, model.last) = (window, VecDeque::new());
                    }
                    model.min_calls = model.min_calls.min(window);
                    let slow = if random.bool() { "slow_call = '1h'\n" } else { "" };
                    files.write(
                        "resil.toml",
                        &format!(
                            "[retry.by_site.\"{}::retried\"]\nattempts = {attempts}\n\
                             [circuit_breaker.by_name.model]\nwindow = {window}\nmin_calls = {}\nfailure_rate = {}\n{slow}\
                             [semaphore.by_name.model]\npermits = {limit}\n",
                            module_path!(),
                            model.min_calls,
                            rate(model.failure_rate)
                        ),
                    );
                    resil::reload().unwrap_or_else(|error| panic!("{told}: {error}"));
                }
            }
            let now = breaker.snapshot().unwrap();
            assert_eq!(now.state == CircuitState::Open, model.is_open, "{told}: {now:?}");
            if !model.is_open {
                let failures = model.last.iter().filter(|failed| **failed).count();
                assert_eq!((now.calls, now.failures), (model.last.len() as u64, failures as u64), "{told}");
            }
            let usage = permits.usage().unwrap();
            assert_eq!((usage.in_use as usize, usage.limit as usize), (held.len(), limit), "{told}");
            let budget = registry().retry_budgets().into_iter().find(|budget| budget.name == "model");
            // It is there from the first retry on.
            assert_eq!(budget.map_or(100, |budget| budget.tokens), tokens.0 / 5, "{told}");
            fewest = fewest.min(tokens.0);
        }
        assert!(fewest < 5, "seed {seed}: the budget was never spent, {fewest} fifths were left");
    }
    assert_eq!(start.elapsed(), std::time::Duration::ZERO, "or tokens would flow in");
}

/// A name is data, in a file, in a message and in an event.
#[test]
fn hostile_names() {
    const NAMES: [&str; 6] = ["a\"b", "a.b.c", "line\nbreak", "\u{1b}[31mred", "名前", ""];
    for name in NAMES {
        let _scope = resil::testing::isolated();
        let breaker = CircuitBreaker::named(name);
        breaker.snapshot().unwrap();
        let key = serde_json::to_string(name).unwrap();
        let files = Files::new(&format!("[circuit_breaker.by_name.{key}]\nopen_for = '7s'\nmode = 'observe'\n"));
        let changes = files.configuration().apply().unwrap_or_else(|error| panic!("{name:?}: {error}"));
        assert_eq!(value("circuit_breaker", name, "open_for"), "7s");
        assert!(changes.iter().all(|change| !change.to_string().contains(['\n', '\u{1b}'])), "{changes:?}");
        files.write(
            "resil.toml",
            &format!("[circuit_breaker.by_name.{key}]\n{key} = 1\n[retry.by_site]\n{key} = {{}}\n"),
        );
        let told = resil::reload().unwrap_err();
        assert_eq!((told.problems().len(), told.to_string().lines().count()), (2, 2), "{told}");
        assert!(!told.to_string().contains('\u{1b}'));
        let path = format!("circuit_breaker.by_name.{key}.mode");
        resil::operator(name).set(&path, "disabled").unwrap();
        resil::operator(name).release(&path).unwrap();
        assert_eq!(value("circuit_breaker", name, "mode"), "observe");
    }
}

/// What the page and `explain` are made of.
#[test]
fn settings_are_data() {
    let _scope = resil::testing::isolated();
    let files = Files::new(&format!("[timeout.by_site.\"{}\"]\nread = \"1s\"\n", site()));
    files.configuration().apply().unwrap();
    let all = registry().settings();
    let policy = all.iter().find(|one| one.kind == "timeout" && one.site == site()).unwrap();
    let json = serde_json::to_value(policy).unwrap();
    assert_eq!(json["settings"][0]["value"], "9s");
    assert_eq!(json["settings"][0]["source"], "attribute");
    assert_eq!(json["settings"][1]["value"], "2s");
    assert_eq!(json["settings"][2]["source"]["file"]["line"], 2);
    assert!(serde_json::to_string(&registry().configuration()).unwrap().contains("\"revision\":1"));
}
