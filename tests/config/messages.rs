//! What is told of bad settings: `bad/NAME.toml` with the answer in `bad/NAME.stderr`. `UPDATE_SNAPSHOTS=1` rewrites those.

use crate::support::Files;
use resil::config::Configuration;
use resil::{bulkhead, circuit_breaker, deadline, registry, retry, semaphore, timeout};
use std::fs;
use std::path::Path;

#[deadline("20s")]
#[retry(idempotent, attempts = 4, base = "1s", jitter = "none")]
#[circuit_breaker(name = "payments")]
#[semaphore(permits = 10)]
#[timeout("10s", connect = "2s")]
async fn pay() -> Result<(), resil::Error> {
    Ok(())
}

#[bulkhead(name = "reports", threads = 2)]
async fn report() -> Result<(), resil::Error> {
    Ok(())
}

#[circuit_breaker(name = "two words")]
#[timeout("5s")]
async fn two_words() -> Result<(), resil::Error> {
    Ok(())
}

#[circuit_breaker(name = "two.words")]
async fn two_words_too() -> std::io::Result<()> {
    Ok(())
}

/// Of other tests, too; their paths are the same everywhere.
fn compare(name: &str, told: &str) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad").join(name).with_extension("stderr");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&kept, told).unwrap();
    }
    assert_eq!(fs::read_to_string(&kept).unwrap_or_default(), told, "{name}; UPDATE_SNAPSHOTS=1 rewrites it");
}

#[test]
fn of_files() {
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad");
    let mut all: Vec<_> = fs::read_dir(bad).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    all.sort();
    assert!(all.len() > 5);
    for path in all {
        let _scope = resil::testing::isolated();
        let files = Files::new("");
        fs::copy(&path, files.path("resil.toml")).unwrap();
        let before = registry().settings();
        let error = files.configuration().apply().unwrap_err();
        let told = error.to_string().replace(&files.path("").display().to_string(), "");
        compare(path.file_stem().unwrap().to_str().unwrap(), &format!("{told}\n"));
        assert_eq!(registry().settings(), before, "nothing is changed");
        assert_eq!(registry().configuration().revision, 0);
        assert!(registry().configuration().last_error.is_some());
    }
}

#[test]
fn of_the_environment() {
    let _scope = resil::testing::isolated();
    let variables = [
        ("RESIL__", "1"),
        ("RESIL__CIRCUIT_BRAKER__PAYMENTS__OPEN_FOR", "10s"),
        ("RESIL__CIRCUIT_BREAKER__PAYMENT__OPEN_FOR", "10s"),
        ("RESIL__CIRCUIT_BREAKER__PAYMENTS__OPEN", "10s"),
        ("RESIL__CIRCUIT_BREAKER__PAYMENTS__OPEN_FOR", "10"),
        ("RESIL__CIRCUIT_BREAKER__PAYMENTS__WINDOW", "ten"),
        ("RESIL__CIRCUIT_BREAKER__TWO_WORDS__OPEN_FOR", "10s"),
        ("RESIL__RETRY__RETRY_STATUS", "429,200"),
        ("RESIL__SEMAPHORE__PERMITS", "10"),
        ("RESIL__TIMEOUT__SHOP__PAY__ATTEMPT", "1s"),
    ];
    let error = Configuration::new().environment(variables).apply().unwrap_err();
    compare("environment", &format!("{error}\n"));
}

#[test]
fn of_code_and_operators() {
    let _scope = resil::testing::isolated();
    let code = Configuration::new()
        .environment::<&str, &str>([])
        .set("circuit_breaker.by_name.payments", "10s")
        .set("circuit_breaker.by_name.payments.open_four", "10s")
        .set("a path", "10s")
        .set("retry.max = 1\nretry.base", "10s")
        .set("circuit_breaker.by_name.payments.mode", "forced-open");
    let code = code.apply().unwrap_err();
    let anna = resil::operator("anna\n");
    let operator = anna.set("circuit_breaker.mode", "observe").unwrap_err();
    let unknown = anna.release("circuit_breaker.by_name.payment.mode").unwrap_err();
    compare("code", &format!("{code}\n{operator}\n{unknown}\n"));
}

#[test]
fn of_profiles() {
    let _scope = resil::testing::isolated();
    let files = Files::new("");
    files.write("resil.staging.toml", "");
    let told = |profile: &str| {
        let error = files.configuration().profile(profile).apply().unwrap_err().to_string();
        error.replace(&files.path("").display().to_string(), "")
    };
    let missing = Configuration::file("no/such.toml").environment::<&str, &str>([]).apply().unwrap_err();
    compare(
        "profiles",
        &format!("{}\n{}\n{missing}\n{}\n", told("stagin"), told("../staging"), resil::reload().unwrap_err()),
    );
}
