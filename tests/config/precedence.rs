//! Who wins where several say the same.

use crate::support::{Files, in_force, value};
use resil::config::{Configuration, Source};
use resil::{circuit_breaker, deadline, retry, semaphore, timeout};

#[circuit_breaker(name = "precedence", open_for = "20s")]
async fn named() -> std::io::Result<()> {
    Ok(())
}

#[retry(idempotent, max = "8s")]
async fn at_a_site() -> std::io::Result<()> {
    Ok(())
}

#[retry(idempotent, attempts = 3)]
async fn says_the_default() -> std::io::Result<()> {
    Ok(())
}

const PATIENT: resil::policy::retry::Settings =
    resil::policy::retry::Settings { attempts: 5, ..resil::policy::retry::Settings::new() };

#[retry(idempotent, settings = PATIENT)]
async fn with_a_set() -> std::io::Result<()> {
    Ok(())
}

/// The layers from the lowest on: each counts until the next says something.
#[tokio::test]
async fn the_later_layer_wins() {
    let _scope = resil::testing::isolated();
    let now = || in_force("circuit_breaker", "precedence", "open_for");
    let of_kind = || in_force("circuit_breaker", "precedence", "open_max");

    let files = Files::new("[circuit_breaker]\nopen_for = '1s'\nopen_max = '4m'\nopen_factor = 2\n");
    files.configuration().apply().unwrap();
    assert_eq!(now(), ("20s".to_owned(), Source::Attribute), "above the file by kind");
    assert_eq!(of_kind().0, "240s", "the attribute says nothing of it");
    assert!(matches!(of_kind().1, Source::File { line: 3, column: 12, .. }), "{:?}", of_kind());

    files.write("resil.toml", "[circuit_breaker.by_name.precedence]\nopen_for = '2s'\n");
    files.configuration().apply().unwrap();
    assert_eq!(now().0, "2s");
    assert_eq!(of_kind(), ("600s".to_owned(), Source::Default));

    files.write("resil.staging.toml", "[circuit_breaker.by_name.precedence]\nopen_for = '3s'\n");
    let staging = || files.configuration().profile("staging");
    staging().apply().unwrap();
    assert_eq!(now().0, "3s");

    let variables = [("RESIL__CIRCUIT_BREAKER__PRECEDENCE__OPEN_FOR", "4s")];
    staging().environment(variables).apply().unwrap();
    assert!(matches!(now(), (time, Source::Environment { .. }) if time == "4s"));

    let code = || staging().environment(variables).set("circuit_breaker.by_name.precedence.open_for", "5s");
    code().apply().unwrap();
    assert_eq!(now(), ("5s".to_owned(), Source::Code));

    let path = "circuit_breaker.by_name.precedence.open_for";
    resil::operator("anna").set(path, "6s").unwrap();
    assert!(matches!(now(), (time, Source::Operator { who, .. }) if time == "6s" && &*who == "anna"));
    code().apply().unwrap();
    assert_eq!(now().0, "6s", "an override survives");
    resil::reload().unwrap();
    assert_eq!(now().0, "6s");
    resil::operator("bob").release(path).unwrap();
    assert_eq!(now().0, "5s");
}

#[tokio::test]
async fn what_is_said_of_a_kind_is_for_those_who_say_nothing() {
    let _scope = resil::testing::isolated();
    let files = Files::new("[retry]\nattempts = 7\nmax = '5s'\n");
    files.configuration().apply().unwrap();
    let site = |function: &str| format!("{}::{function}", module_path!());
    let of = |function: &str, setting: &str| value("retry", &site(function), setting);
    assert_eq!((of("at_a_site", "attempts"), of("at_a_site", "max")), ("7".to_owned(), "8s".to_owned()));
    assert_eq!(of("says_the_default", "attempts"), "3", "it says so");
    assert_eq!((of("with_a_set", "attempts"), of("with_a_set", "max")), ("5".to_owned(), "5s".to_owned()));
}

#[semaphore(permits = 2)]
#[timeout("3s", read = "2s", allow(range))]
async fn bounded() -> Result<(), resil::Error> {
    Ok(())
}

#[deadline("10s")]
async fn whole() -> Result<(), resil::Error> {
    Ok(())
}

#[tokio::test]
async fn policies_without_a_name_are_set_by_their_site() {
    let _scope = resil::testing::isolated();
    let site = |function: &str| format!("{}::{function}", module_path!());
    let text = format!(
        "[semaphore.by_site.\"{0}\"]\npermits = 9\n[timeout.by_site.\"{0}\"]\nconnect = '1s'\n[deadline.by_site.\"{1}\"]\nwithin = '1m'",
        site("bounded"),
        site("whole")
    );
    Files::new(&text).configuration().apply().unwrap();
    assert_eq!(value("semaphore", &site("bounded"), "permits"), "9");
    assert_eq!(value("timeout", &site("bounded"), "attempt"), "3s");
    assert_eq!(value("timeout", &site("bounded"), "connect"), "1s");
    assert_eq!(value("deadline", &site("whole"), "within"), "60s");
}

/// A policy made by hand gets them at its first use, and an announced one is known before.
#[tokio::test]
async fn policies_made_by_hand() {
    static HAND: resil::CircuitBreaker = resil::CircuitBreaker::named("by hand").min_calls(3);
    let _scope = resil::testing::isolated();
    let files = Files::new("[circuit_breaker.by_name.\"by hand\"]\nmode = 'disabled'\n");
    assert!(files.configuration().apply().is_err(), "nobody knows it");
    files.configuration().policy(&HAND).apply().unwrap();
    assert_eq!(HAND.snapshot().unwrap().state, resil::CircuitState::Disabled);

    Configuration::new().environment([("RESIL__CIRCUIT_BREAKER__MIN_CALLS", "7")]).apply().unwrap();
    let other = resil::CircuitBreaker::named("by hand too");
    let silent = || value("circuit_breaker", "by hand too", "min_calls");
    other.snapshot().unwrap();
    assert_eq!((silent(), value("circuit_breaker", "by hand", "min_calls")), ("7".to_owned(), "3".to_owned()));
    assert_eq!(HAND.snapshot().unwrap().state, resil::CircuitState::Closed);
}

/// An attribute and a file of settings read a duration alike: each crate has the same file for it.
#[test]
fn both_crates_read_durations_by_the_same_text() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let [macros, runtime] = ["resil-macros/src/read/time.rs", "resil-runtime/src/config/time.rs"]
        .map(|file| std::fs::read_to_string(root.join(file)).unwrap());
    assert_eq!(macros, runtime);
}
