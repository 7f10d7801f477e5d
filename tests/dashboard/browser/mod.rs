//! What somebody sees who opens the page, and what comes of a click.

mod driver;
mod reached;
mod screenshots;

use crate::support::{page_of_anna, serve};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use driver::Browser;
use futures_util::stream::pending;
use resil::dashboard::{listen, router};
use resil::testing::isolated;
use resil::{CircuitBreaker, CircuitState, Event, Semaphore, Verdict, registry, retry};
use std::time::Duration;
use tokio::time::timeout;

fn state(breaker: &CircuitBreaker) -> CircuitState {
    breaker.snapshot().expect("it is configured").state
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_circuit_that_opens_is_seen_open_and_closed_by_a_click() {
    static GATEWAY: CircuitBreaker = CircuitBreaker::named("gateway").min_calls(4).failure_rate(0.5);
    let _scope = isolated();
    assert_eq!(state(&GATEWAY), CircuitState::Closed);
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.row("gateway", "[contains(@class, 'well')]").await;
    let mut events = registry().subscribe();
    // Seen at the latest with the look that follows the opening.
    for _ in 0..4 {
        GATEWAY.admit().expect("closed").record(Some(Verdict::permanent()));
    }
    browser
        .row("gateway", "[contains(@class, 'wrong')][.//p[@class='state' and .='open']][ancestor::ul[@id='attention']]")
        .await;
    assert!(browser.client.title().await.expect("one").starts_with('('), "the tab says so as well");
    browser.click("//button[@aria-label='Close gateway']").await;
    browser.row("gateway", "[.//p[@class='state' and .='closed']]").await;
    assert_eq!(state(&GATEWAY), CircuitState::Closed);
    loop {
        let event = events.next().await;
        if let Event::StateChanged { breaker: "gateway", to: CircuitState::Closed, by, .. } = event {
            assert_eq!(by.as_deref(), Some("anna"));
            break;
        }
    }
    // Nothing that needs attention is left of it, and its place is where it was before.
    browser.row("gateway", "[ancestor::ul[@id='policies']]").await;
    assert_eq!(browser.console().await, serde_json::json!([]));
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn it_is_forced_open_and_resized_by_dialogs_and_taken_back() {
    static FORCED: CircuitBreaker = CircuitBreaker::named("to be forced");
    static SIZED: Semaphore = Semaphore::new(20).name("to be sized");
    let _scope = isolated();
    assert_eq!((state(&FORCED), SIZED.usage().expect("it is configured").limit), (CircuitState::Closed, 20));
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.click("//button[@class='name' and .='to be forced']").await;
    browser.click("//button[@aria-label='Force open to be forced']").await;
    let text = browser.find("//dialog[@open]//p[@id='dialog-text']").await.text().await.expect("it says");
    assert!(text.contains(&format!("process {}", std::process::id())), "which process it acts on: {text}");
    browser.click("//dialog//button[.='Cancel']").await;
    assert_eq!(state(&FORCED), CircuitState::Closed);
    browser.click("//button[@aria-label='Force open to be forced']").await;
    browser.click("//dialog[@open]//button[.='Force open']").await;
    browser.row("to be forced", "[.//p[@class='state' and .='forced open']]").await;
    assert_eq!(state(&FORCED), CircuitState::ForcedOpen);
    browser.row("to be forced", "//td[contains(., 'anna, since')]").await;
    browser.click("//button[@aria-label='Take back to be forced']").await;
    browser.row("to be forced", "[not(.//td[contains(., 'anna, since')])]").await;
    assert!(FORCED.admit().is_ok(), "a probe decides");

    browser.click("//button[@class='name' and .='to be sized']").await;
    browser.click("//button[@aria-label='Resize to be sized']").await;
    let input = browser.find("//dialog[@open]//input").await;
    input.clear().await.expect("it can be written");
    input.send_keys("3").await.expect("it can be written");
    browser.click("//dialog[@open]//button[.='Resize']").await;
    browser.row("to be sized", "[.//p[@class='figure' and .='0 of 3 permits']]").await;
    assert_eq!(SIZED.usage().expect("it is configured").limit, 3);
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn without_an_access_function_there_is_no_control() {
    static LOOKED_AT: CircuitBreaker = CircuitBreaker::named("looked at");
    let _scope = isolated();
    LOOKED_AT.force_open().expect("it is configured");
    let page = listen("127.0.0.1:0").await.expect("a port");
    let browser = Browser::new(1280, 900).await;
    browser.open(page.address(), "/").await;
    browser.click("//button[@class='name' and .='looked at']").await;
    browser.row("looked at", "//th[.='failure rate']").await;
    let controls = "return document.querySelectorAll('main button:not(.name)').length";
    assert_eq!(browser.run(controls).await, 0);
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_thousand_policies_scroll_and_are_filtered() {
    let _scope = isolated();
    for number in 0..1000 {
        let name = format!("one of many {number:04}").leak();
        CircuitBreaker::named(name).snapshot().expect("it is configured");
    }
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.until("return document.querySelectorAll('#policies li').length >= 1000").await;
    browser.run("scrollTo(0, document.body.scrollHeight)").await;
    let is_seen = "const last = document.querySelector('#policies li:last-child').getBoundingClientRect(); \
                   scrollBy(0, last.top - 100); return last.top >= 0 && last.bottom <= innerHeight";
    browser.until(is_seen).await;
    let far = "return getComputedStyle(document.querySelector('#policies li')).contentVisibility";
    assert_eq!(browser.run(far).await, "auto", "what is out of sight is not laid out");
    browser.find("//input[@id='filter']").await.send_keys("one of many 0777").await.expect("it can be written");
    browser
        .until("return [...document.querySelectorAll('#policies li')].filter(row => !row.hidden).length === 1")
        .await;
    assert!(browser.find("//p[@id='count']").await.text().await.expect("it says").starts_with("1 of "));
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn hostile_names_are_seen_and_do_nothing() {
    let _scope = isolated();
    let name = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>\u{202e}gnp";
    CircuitBreaker::named(name).force_open().expect("it is configured");
    let anna = |_: &http::request::Parts| {
        std::future::ready(Some(resil::dashboard::Actor::named("</script><script>window.hit=1</script>")))
    };
    let server = serve(router(anna)).await;
    let browser = Browser::new(1280, 900).await;
    browser.open(server.address, "/").await;
    let shown = format!(
        "return [...document.querySelectorAll('.name')].some(one => one.textContent === {})",
        serde_json::json!(name)
    );
    browser.until(&shown).await;
    let hit = "return [window.hit ?? null, document.images.length, document.scripts.length]";
    assert_eq!(browser.run(hit).await, serde_json::json!([null, 0, 2]));
    assert_eq!(browser.console().await, serde_json::json!([]));
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn that_the_connection_is_lost_is_said_with_how_old_the_numbers_are() {
    let _scope = isolated();
    // What ends with it: the listener, and every connection.
    let process = tokio::runtime::Runtime::new().expect("it starts");
    let server = process.spawn(page_of_anna()).await.expect("it is served");
    let browser = Browser::new(1280, 900).await;
    browser.open(server.address, "/resil").await;
    process.shutdown_background();
    browser.find("//p[@id='lost' and contains(., 'Connection lost. These numbers are') and not(@hidden)]").await;
    browser.find("//p[@id='connection' and .='Not connected']").await;
    browser.find("//p[@id='announcer' and .='Connection lost.']").await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_connection_on_which_nothing_comes_is_made_anew() {
    let _scope = isolated();
    let (asked, mut times) = tokio::sync::mpsc::unbounded_channel();
    let silent = async move || {
        _ = asked.send(());
        ([("content-type", "text/event-stream")], Body::from_stream(pending::<std::io::Result<Bytes>>()))
    };
    let anna = |_: &http::request::Parts| std::future::ready(Some(resil::dashboard::Actor::named("anna")));
    let page = Router::new().nest("/resil", router(anna));
    let server = serve(Router::new().route("/resil/events", get(silent)).fallback_service(page)).await;
    let browser = Browser::new(1280, 900).await;
    browser.client.goto(&format!("http://{}/resil", server.address)).await.expect("it opens");
    for _ in 0..2 {
        timeout(Duration::from_mins(1), times.recv()).await.expect("it comes again").expect("it is served");
    }
}

#[retry(idempotent)]
async fn repeated() -> std::io::Result<()> {
    Ok(())
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_setting_of_a_function_is_taken_back() {
    let _scope = isolated();
    repeated().await.expect("it succeeds");
    let path = concat!(module_path!(), "::repeated");
    resil::operator("bert").set(&format!("retry.by_site.\"{path}\".attempts"), "7").expect("it is known");
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.click(&format!("//button[@class='name' and .='{path}']")).await;
    browser.row(path, "//td[contains(., 'bert, since')]").await;
    browser.click(&format!("//button[starts-with(@aria-label, 'Take back {path}')]")).await;
    browser.row(path, "[not(.//td[contains(., 'bert, since')])][.//th[.='attempts']]").await;
    let notice = browser.find("//*[@id='notice']").await.text().await.expect("it says");
    assert_eq!(notice, "");
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn one_that_lets_every_call_pass_has_nothing_to_close() {
    static OFF: CircuitBreaker = CircuitBreaker::named("switched off");
    let _scope = isolated();
    assert_eq!(state(&OFF), CircuitState::Closed);
    OFF.disable().expect("it is configured");
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.click("//button[@class='name' and .='switched off']").await;
    browser.row("switched off", "//button[@aria-label='Force open switched off']").await;
    let close = "return document.querySelectorAll('[aria-label=\"Close switched off\"]').length";
    assert_eq!(browser.run(close).await, 0);
}
