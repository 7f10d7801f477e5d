//! Both themes; and the two pictures in `docs/`: `UPDATE_SCREENSHOTS=1 cargo test --test dashboard screenshots -- --ignored`.

use super::driver::Browser;
use crate::support::page_of_anna;
use resil::config::Configuration;
use resil::policy::rate_limit::Rate;
use resil::testing::isolated;
use resil::{
    CircuitBreaker, Error, Keyed, RateLimit, Semaphore, Verdict, bulkhead, circuit_breaker, deadline, operator, retry,
    semaphore, timeout,
};
use serde_json::json;
use std::fs;
use std::future::pending;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[deadline("30s")]
#[retry(idempotent, budget = "partner")]
#[circuit_breaker(name = "payments", failure_rate = 0.5)]
#[timeout("10s", connect = "2s")]
async fn status() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(name = "mailer")]
#[timeout("5s")]
async fn notify() -> Result<(), Error> {
    Ok(())
}

#[semaphore(name = "exports", permits = 20, max_wait = "60s")]
async fn export() -> Result<(), Error> {
    pending().await
}

#[bulkhead(name = "images", threads = 4)]
async fn draw() -> Result<(), Error> {
    Ok(())
}

const FILE: &str = "\n# More than one in three is an outage.\n[circuit_breaker.by_name.payments]\nfailure_rate = 0.3\n";

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn screenshots() {
    let Some(docs) = std::env::var_os("UPDATE_SCREENSHOTS") else { return pictures(None).await };
    if Path::new(&docs).is_dir() {
        return pictures(Some(docs.as_ref())).await;
    }
    // Again as a service of its own, under its name and with its file of settings.
    let folder = tempfile::tempdir().expect("a folder");
    let service = folder.path().join("checkout");
    fs::copy(std::env::current_exe().expect("it runs"), &service).expect("it is copied");
    fs::write(folder.path().join("resil.toml"), FILE).expect("it is written");
    let again = Command::new(service)
        .args(["--exact", "browser::screenshots::screenshots", "--ignored", "--nocapture"])
        .env("UPDATE_SCREENSHOTS", Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"))
        .current_dir(folder.path())
        .status();
    assert!(again.expect("it runs").success());
}

async fn pictures(docs: Option<&Path>) {
    let _scope = isolated();
    if docs.is_some() {
        Configuration::file("resil.toml").apply().expect("it is right");
    }
    let scene = Scene::new().await;
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 1270).await);
    for theme in ["light", "dark"] {
        browser.shows(theme).await;
        browser.open(server.address, "/resil").await;
        let paper = browser.run("return getComputedStyle(document.body).backgroundColor").await;
        assert_eq!(paper == "rgb(20, 22, 24)", theme == "dark", "{paper}");
        browser.click("//button[@class='name' and .='payments']").await;
        browser.row("payments", "//h3[.='Last transitions']").await;
        browser.run("document.activeElement.blur()").await;
        browser.cdp("Input.dispatchMouseEvent", &json!({"type": "mouseMoved", "x": 2, "y": 2})).await;
        let picture = browser.client.screenshot().await.expect("it is taken");
        assert!(picture.len() < 300_000, "{theme}: {} bytes", picture.len());
        if let Some(docs) = docs {
            fs::write(docs.join(format!("dashboard-{theme}.png")), picture).expect("it is written");
        }
    }
    drop(scene);
}

/// A service at night, held as long as this is.
struct Scene(Vec<tokio::task::JoinHandle<Result<(), Error>>>);

impl Scene {
    async fn new() -> Self {
        static TENANTS: Keyed<CircuitBreaker> = CircuitBreaker::named("tenants").keyed(10_000);
        let breaker = |name| resil::registry().circuit_breaker(name).expect("an attribute writes it");
        let record = |breaker: &CircuitBreaker, fails: bool| {
            breaker.admit().expect("it passes").record(fails.then(Verdict::permanent));
        };
        for (name, calls, fails_at) in [("stock", 100, 9), ("geocoder", 100, 1000), ("tax", 7, 5)] {
            let breaker = CircuitBreaker::named(name);
            (0..calls).for_each(|call| record(&breaker, call > calls / 2 && call % fails_at == 0));
        }
        (0..120).for_each(|tenant| TENANTS.admit(&tenant).expect("it passes").record(None));
        let (payments, mailer) = (breaker("payments"), breaker("mailer"));
        let until_open = || {
            let mut call = 0;
            while let Ok(pass) = payments.admit() {
                pass.record((call > 60).then(Verdict::permanent));
                call += 1;
            }
        };
        until_open();
        operator("jonas").close("circuit_breaker.by_name.payments").expect("it is known");
        until_open();
        (0..1842).for_each(|_| assert!(payments.admit().is_err()));
        operator("anna").set("circuit_breaker.by_name.mailer.mode", "forced_open").expect("it is known");
        (0..12).for_each(|_| assert!(mailer.admit().is_err()));
        let bank = RateLimit::new(Rate::per_second(100)).name("bank");
        bank.pause(Duration::from_secs(45)).expect("it is configured");
        RateLimit::new(Rate::per_second(50)).name("quotes").acquire().await.expect("there is one");
        Semaphore::new(4).name("reports").usage().expect("it is configured");
        _ = (status().await, notify().await, draw().await);
        let exports = (0..27).map(|_| tokio::spawn(export())).collect();
        tokio::task::yield_now().await;
        Self(exports)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
