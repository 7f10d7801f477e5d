//! For whoever has no mouse, does not see, or has a small screen.

use super::driver::Browser;
use crate::support::page_of_anna;
use fantoccini::key::Key;
use resil::testing::isolated;
use resil::{CircuitBreaker, CircuitState, Semaphore};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_keyboard_reaches_every_control_and_does_what_a_click_does() {
    static TYPED: CircuitBreaker = CircuitBreaker::named("typed");
    let _scope = isolated();
    TYPED.force_open().expect("it is configured");
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.row("typed", "[contains(@class, 'wrong')]").await;
    browser.find("//input[@id='filter']").await.send_keys("typed").await.expect("it can be written");
    browser
        .run(
            "document.querySelectorAll('[aria-expanded=false]').forEach(one => one.closest('[hidden]') || one.click())",
        )
        .await;
    let wanted = "return [...document.querySelectorAll('a, button, input')].filter(one => one.checkVisibility()) \
                  .map(one => one.getAttribute('aria-label') || one.textContent)";
    let wanted: BTreeSet<String> = serde_json::from_value(browser.run(wanted).await).expect("names");
    assert!(wanted.contains("Close typed") && wanted.contains("Filter policies and functions"), "{wanted:?}");
    browser.run("document.activeElement.blur()").await;
    let mut reached = BTreeSet::new();
    let focused = "return document.activeElement.getAttribute('aria-label') || document.activeElement.textContent";
    for _ in 0..3 * wanted.len() + 20 {
        browser.press(Key::Tab.into()).await;
        reached.extend(browser.run(focused).await.as_str().map(str::to_owned));
    }
    let missed: Vec<_> = wanted.difference(&reached).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");

    let outlined = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.run(outlined).await, "solid", "one sees where the focus is");
    browser.run("document.querySelector('[aria-label=\"Close typed\"]').focus()").await;
    browser.press(Key::Enter.into()).await;
    browser.row("typed", "[.//p[@class='state' and .='closed']]").await;
    assert_eq!(TYPED.snapshot().expect("it is configured").state, CircuitState::Closed);
    browser.find("//p[@id='announcer' and contains(., 'typed')]").await;

    browser.run("document.querySelector('[aria-label=\"Force open typed\"]').focus()").await;
    browser.press(Key::Enter.into()).await;
    browser.find("//dialog[@open]").await;
    browser.press(Key::Escape.into()).await;
    browser.until("return document.activeElement.getAttribute('aria-label') === 'Force open typed'").await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn everything_in_the_accessibility_tree_has_a_name() {
    static NAMED: CircuitBreaker = CircuitBreaker::named("to be named");
    static HELD: Semaphore = Semaphore::new(1).name("to be held");
    let _scope = isolated();
    NAMED.admit().expect("closed").record(None);
    let held = HELD.acquire().await.expect("free");
    let (server, browser) = (page_of_anna().await, Browser::new(1280, 900).await);
    browser.open(server.address, "/resil").await;
    browser.click("//button[@class='name' and .='to be held']").await;
    browser.click("//button[@class='name' and .='to be named']").await;
    browser.click("//button[@aria-label='Force open to be named']").await;
    browser.find("//dialog[@open]").await;
    let in_dialog = names(&browser).await;
    browser.click("//dialog//button[.='Cancel']").await;
    let mut all = names(&browser).await;
    all.extend(in_dialog);
    let nameless: Vec<_> = all.iter().filter(|(_, name)| name.trim().is_empty()).collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    for role in ["button", "searchbox", "region", "image", "dialog", "combobox", "heading", "link"] {
        assert!(all.iter().any(|(known, _)| known == role), "no {role}");
    }
    drop(held);
}

/// Role and name of whatever has to have one.
async fn names(browser: &Browser) -> Vec<(String, String)> {
    const NEED: [&str; 12] = [
        "button",
        "searchbox",
        "textbox",
        "spinbutton",
        "combobox",
        "region",
        "image",
        "img",
        "dialog",
        "heading",
        "link",
        "columnheader",
    ];
    let tree = browser.cdp("Accessibility.getFullAXTree", &json!({})).await;
    let nodes = tree["nodes"].as_array().expect("a tree").iter().filter(|node| node["ignored"] != true);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = nodes.map(|node| (text(&node["role"]["value"]), text(&node["name"]["value"])));
    all.filter(|(role, _)| NEED.contains(&role.as_str())).collect()
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_phone_shows_all_of_it_without_scrolling_sideways() {
    let _scope = isolated();
    CircuitBreaker::named("a_name_that_is_far_too_long_for_a_phone_and_has_no_place_to_break_it_at_all")
        .force_open()
        .expect("it is configured");
    CircuitBreaker::named("phoned").force_open().expect("it is configured");
    let (server, browser) = (page_of_anna().await, Browser::new(390, 844).await);
    browser.open(server.address, "/resil").await;
    browser.click("//button[@class='name' and .='phoned']").await;
    browser.row("phoned", "//th[.='failure rate']").await;
    let widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert_eq!(widths, json!([390, 390]));
    browser.click("//button[@aria-label='Close phoned']").await;
    browser.row("phoned", "[.//p[@class='state' and .='closed']]").await;
}
