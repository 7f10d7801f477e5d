//! What is asked of the shop while its partner is down, and what is said of it.

use super::promql::{self, Series};
use super::running::Running;
use crate::Failed;
use crate::alerts::{self, alerts};
use crate::partner::mood::Mood;
use crate::scenarios::stage::expect;
use crate::{books::Books as _, database};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Sqlite;

const BOARD: &str = "examples/checkout/grafana.json";

/// A folder, the partner, and a shop whose circuit stays open once it is.
pub async fn opens(environment: &[(&str, &str)]) -> Result<(tempfile::TempDir, Running, Running), Failed> {
    let folder = tempfile::tempdir()?;
    let settings = "[circuit_breaker.by_name.partner]\nopen_for = '1h'\nmin_calls = 2\n";
    std::fs::write(folder.path().join("resil.toml"), settings)?;
    let partner = Running::partner(folder.path()).await?;
    let shop = Running::shop(folder.path(), &partner, environment).await?;
    Ok((folder, partner, shop))
}

/// A partner that is down is seen, and takes nobody out of the load balancer.
pub async fn health_is_no_readiness() -> Result<(), Failed> {
    let (_folder, partner, mut shop) = opens(&[]).await?;
    let is_well = async |shop: &Running| -> Result<bool, Failed> {
        let (status, text) = shop.get("/health").await?;
        expect(status == StatusCode::OK, "health is always an answer")?;
        let health: Value = serde_json::from_str(&text)?;
        expect(health["circuits"].as_array().is_some_and(|all| all.iter().all(|one| one["name"] == "partner")), &text)?;
        Ok(health["is_well"] == true)
    };
    let stays = async |shop: &Running| -> Result<(), Failed> {
        for (path, word) in [("/live", "alive\n"), ("/ready", "ready\n")] {
            expect(shop.get(path).await? == (StatusCode::OK, word.to_owned()), path)?;
        }
        Ok(())
    };
    expect(is_well(&shop).await?, "nothing is open")?;
    stays(&shop).await?;
    partner.is(Mood::Down).await?;
    shop.order().await?;
    shop.until("circuit breaker `partner`: from Closed to Open").await?;
    expect(!is_well(&shop).await?, "its circuit is open")?;
    stays(&shop).await?;
    expect(shop.number("resil_circuit_state{", "state=\"open\"").await? == 1, "the numbers say so")?;
    expect(shop.order().await.is_ok(), "orders are taken meanwhile")
}

/// Without operators there is no page; with them it is theirs, and what they do bears their name.
pub async fn operators_open_and_close_the_circuit() -> Result<(), Failed> {
    let (_folder, _partner, shop) = opens(&[]).await?;
    for path in ["/resil", "/resil/state.json"] {
        expect(shop.get(path).await?.0 == StatusCode::NOT_FOUND, "there is no page")?;
    }
    let (_folder, _partner, mut shop) = opens(&[("CHECKOUT_OPERATORS", "bert:his,anna:hers")]).await?;
    let ask = |path: &str, secret: &str| shop.request(Method::GET, path).basic_auth("anna", Some(secret)).send();
    for path in ["/resil", "/resil/state.json"] {
        expect(shop.get(path).await?.0 == StatusCode::UNAUTHORIZED, "nobody")?;
        let answer = ask(path, "her").await?;
        expect(
            answer.status() == StatusCode::UNAUTHORIZED && answer.headers().contains_key("www-authenticate"),
            "wrong",
        )?;
    }
    let state: Value = ask("/resil/state.json", "hers").await?.error_for_status()?.json().await?;
    expect(state.to_string().contains("partner"), "it has the circuit")?;
    let page = ask("/resil", "hers").await?.error_for_status()?.text().await?;
    let token = page.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or("no token")?;
    for (act, event) in [("force_open", "from Closed to ForcedOpen"), ("close", "from ForcedOpen to Closed")] {
        let act = json!({ "act": act, "policy": { "kind": "circuit_breaker", "name": "partner" } });
        let request = shop.request(Method::POST, "/resil/act").basic_auth("anna", Some("hers"));
        let answer = request.header("x-resil-token", token).header("origin", shop.url()).json(&act).send().await?;
        expect(answer.status() == StatusCode::OK, &format!("{act}: {answer:?}"))?;
        let line = shop.until(event).await?;
        expect(line.contains("anna"), &format!("{line} names her"))?;
    }
    Ok(())
}

/// Whatever the board and the alerts ask for is there, by this very name.
pub async fn board_and_alerts_name_what_is_there() -> Result<(), Failed> {
    expect(promql::finds_slips(), "the check of names finds a slip")?;
    let (_folder, _partner, mut shop) = opens(&[]).await?;
    shop.order().await?;
    shop.until("to APPLIED").await?;
    let series = Series::of(&shop.metrics().await?);
    let mut unknown = Vec::new();

    let alerts = alerts(&std::fs::read_to_string(alerts::FILE)?);
    expect(alerts.len() >= 5, "there are alerts")?;
    for alert in &alerts {
        let expression = alert.says.get("expr").ok_or_else(|| format!("{} has no expression", alert.name))?;
        unknown.extend(series.unknown(expression).into_iter().map(|what| format!("alert {}: {what}", alert.name)));
    }

    let board: Value = serde_json::from_str(&std::fs::read_to_string(BOARD)?)?;
    let panels = board["panels"].as_array().ok_or("no panels")?;
    expect(panels.len() >= 8, "there are panels")?;
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap_or_default();
        expect(title.ends_with('?'), &format!("`{title}` is a question"))?;
        expect(panel["fieldConfig"]["defaults"]["unit"].is_string(), &format!("`{title}` has a unit"))?;
        let targets = panel["targets"].as_array().ok_or_else(|| format!("`{title}` asks for nothing"))?;
        for target in targets {
            let expression = target["expr"].as_str().ok_or_else(|| format!("`{title}` has no expression"))?;
            unknown.extend(series.unknown(expression).into_iter().map(|what| format!("panel `{title}`: {what}")));
        }
    }
    for annotation in board["annotations"]["list"].as_array().into_iter().flatten() {
        let expression = annotation["expr"].as_str().ok_or("an annotation asks for nothing")?;
        unknown.extend(series.unknown(expression));
    }
    for variable in board["templating"]["list"].as_array().into_iter().flatten() {
        let Some(query) = variable["query"]["query"].as_str() else { continue };
        let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).ok_or(query)?;
        let (metric, label) = inside.split_once(',').ok_or(query)?;
        let asked = format!("sum by ({}) ({metric})", label.trim());
        unknown.extend(series.unknown(&asked).into_iter().map(|what| format!("variable {}: {what}", variable["name"])));
    }
    expect(unknown.is_empty(), &format!("everything is there: {unknown:#?}"))
}

/// What is under way when it is told to end is finished; before that it is not ready any more, and still answers.
pub async fn it_ends_in_order() -> Result<(), Failed> {
    let (folder, partner, mut shop) = opens(&[("CHECKOUT_OPERATORS", "anna:hers")]).await?;
    // A page that stays open.
    let page = shop.request(Method::GET, "/resil/events").basic_auth("anna", Some("hers")).send().await?;
    let mut page = page.error_for_status()?;
    expect(page.chunk().await?.is_some(), "it is told how the shop is")?;
    partner.is(Mood::Slow).await?;
    let order = shop.order().await?;
    shop.signal("TERM").await?;
    shop.until("not ready any more").await?;
    expect(shop.get("/ready").await?.0 == StatusCode::SERVICE_UNAVAILABLE, "nothing new is to be sent here")?;
    expect(shop.get("/live").await?.0 == StatusCode::OK, "it still answers")?;
    let another = shop.order().await?;
    shop.signal("TERM").await?;
    while page.chunk().await?.is_some() {}
    let (status, last) = shop.ended().await?;
    expect(status.success(), &format!("{status}: {last:#?}"))?;
    let ended = "the shop has ended; cut off: 0 servers, 0 relays and reconcilers, 0 calls in bulkheads";
    expect(last.last().is_some_and(|line| line == ended), &format!("in order: {last:#?}"))?;
    let db = database::sqlite(&folder.path().join("shop.db")).await?;
    for order in [order, another] {
        let found = Sqlite::order(&db, order).await?.ok_or("no such order")?;
        expect(found.state == "paid", &format!("order {order} is {}", found.state))?;
    }
    Ok(())
}
