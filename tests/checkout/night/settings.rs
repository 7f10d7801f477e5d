//! One file moves every setting of a shop that runs, and a bad one moves none.

use super::running::{Reloaded, Running};
use crate::Failed;
use crate::partner::mood::Mood;
use crate::scenarios::stage::{expect, wait_until};
use resil::config::PolicySettings;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const OURS: &str = "examples/checkout/resil.toml";

/// Another value than the shop has, and than the default.
fn other(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "attempts" => "4",
        "base" => "\"30ms\"",
        "factor" => "3.0",
        "max" => "\"2s\"",
        "jitter" => "\"none\"",
        "retry_status" => "[409]",
        "window" => "40",
        "min_calls" => "12",
        "failure_rate" => "0.6",
        "slow_call" => "\"900ms\"",
        "slow_rate" => "0.7",
        "open_for" => "\"300ms\"",
        "open_factor" => "1.5",
        "open_max" => "\"5s\"",
        "half_open_calls" => "3",
        "half_open_max_wait" => "\"9s\"",
        "mode" => "\"observe\"",
        "permits" => "7",
        "max_wait" => "\"950ms\"",
        "attempt" => "\"4s\"",
        "connect" => "\"700ms\"",
        "read" => "\"800ms\"",
        "rate" => "\"150/s\"",
        "burst" => "30",
        "follow_max" => "\"40s\"",
        _ => return None,
    })
}

/// A phase can be bounded where the attribute bounds one, and only a rate that is shared can lose its store.
fn is_settable(policy: &PolicySettings, setting: &str) -> bool {
    let has = |phase| policy.settings.iter().any(|one| one.setting == phase && one.value.is_some());
    match setting {
        "connect" | "read" => has("connect") || has("read"),
        "lost" => has("lost"),
        _ => true,
    }
}

/// A file with every setting of this program, and what each change begins with.
fn every_setting() -> Result<(String, Vec<String>), Failed> {
    let (mut file, mut changes) = (String::new(), Vec::new());
    for policy in resil::registry().settings() {
        match policy.name {
            Some(name) => writeln!(file, "[{}.by_name.{name:?}]", policy.kind)?,
            None => writeln!(file, "[{}.by_site.{:?}]", policy.kind, policy.site)?,
        }
        for one in policy.settings.iter().filter(|one| is_settable(&policy, one.setting)) {
            let value = other(one.setting).ok_or_else(|| format!("give `{}` another value here", one.setting))?;
            writeln!(file, "{} = {value}", one.setting)?;
            let (kind, label) = (policy.kind.replace('_', " "), policy.label);
            let from = one.value.as_deref().unwrap_or("none");
            changes.push(format!("{kind} `{label}`: {} from {from} to {},", one.setting, value.trim_matches('"')));
        }
    }
    Ok((file, changes))
}

pub async fn one_file_moves_every_setting() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("resil.toml");
    std::fs::copy(OURS, &file)?;
    let partner = Running::partner(folder.path()).await?;
    let mut shop = Running::shop(folder.path(), &partner, &[]).await?;

    let (every, mut expected) = every_setting()?;
    std::fs::write(&file, &every)?;
    let Reloaded { is_refused, mut lines } = shop.reload().await?;
    expect(!is_refused, &format!("it is accepted: {lines:#?}"))?;
    lines.sort();
    expected.sort();
    expect(lines.len() == expected.len(), &format!("all have changed: {lines:#?}, expected {expected:#?}"))?;
    for (line, expected) in lines.iter().zip(&expected) {
        let says = line.trim().replace(".0,", ",").starts_with(&expected.replace(".0,", ","));
        expect(says && line.contains("resil.toml:"), &format!("{line} is to be {expected}"))?;
    }
    expect(shop.number("resil_permits_limit", "partner").await? == 7, "the numbers say so")?;

    // Each of them has another value here, and none is moved.
    let mistakes = "[circuit_braker]\n[timeout]\nattemt = '1s'\nattempt = 5\n";
    std::fs::write(&file, format!("{}{mistakes}", std::fs::read_to_string(OURS)?))?;
    let Reloaded { is_refused, lines } = shop.reload().await?;
    expect(is_refused && lines.len() == 3, &format!("every mistake is told: {lines:#?}"))?;
    expect(lines.iter().all(|line| line.contains("resil.toml:")), &format!("with its place: {lines:#?}"))?;
    expect(lines.iter().any(|line| line.contains("did you mean `circuit_breaker`")), &format!("{lines:#?}"))?;
    expect(shop.number("resil_settings_refused", "").await? == 1, "the numbers say so")?;
    std::fs::write(&file, &every)?;
    let Reloaded { is_refused, lines } = shop.reload().await?;
    expect(!is_refused && lines.is_empty(), &format!("nothing was moved: {lines:#?}"))?;
    expect(shop.number("resil_settings_refused", "").await? == 0, "it is over")
}

/// A writer that is slow, or dies.
pub async fn a_half_written_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("resil.toml");
    std::fs::copy(OURS, &file)?;
    let partner = Running::partner(folder.path()).await?;
    let mut shop = Running::shop(folder.path(), &partner, &[]).await?;
    let whole = "[circuit_breaker.by_name.partner]\nopen_for = \"7s\"\n[semaphore.by_name.partner]\npermits = 9\n";
    for end in [5, whole.find("7s").unwrap_or_default(), whole.len() - "9\n".len()] {
        std::fs::write(&file, &whole[..end])?;
        let told = shop.reload().await?;
        expect(told.is_refused, &format!("{:?} is refused: {told:?}", &whole[..end]))?;
        expect(shop.number("resil_permits_limit", "partner").await? == 20, "nothing is moved")?;
        shop.order().await?;
        shop.until("to APPLIED").await?;
    }
    std::fs::write(&file, whole)?;
    let told = shop.reload().await?;
    expect(!told.is_refused && told.lines.len() == 2, &format!("then it is whole: {told:?}"))?;
    std::fs::remove_file(&file)?;
    let told = shop.reload().await?;
    expect(told.is_refused && told.lines.len() == 1, &format!("then it is gone: {told:?}"))
}

/// The files that are checked in, as they are read in production and in staging.
pub async fn staging_differs_by_its_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for name in ["resil.toml", "resil.staging.toml"] {
        std::fs::copy(Path::new(OURS).with_file_name(name), folder.path().join(name))?;
    }
    let partner = Running::partner(folder.path()).await?;
    let shop = Running::shop(folder.path(), &partner, &[]).await?;
    expect(shop.number("resil_circuit_state{", "state=\"closed\"").await? == 1, "production")?;
    drop(shop);
    let mut shop = Running::shop(folder.path(), &partner, &[("RESIL_PROFILE", "staging")]).await?;
    expect(shop.number("resil_circuit_state{", "state=\"observing\"").await? == 1, "staging")?;
    expect(shop.number("resil_permits_limit", "partner").await? == 5, "its file wins")?;
    std::fs::write(folder.path().join("resil.staging.toml"), "")?;
    let told = shop.reload().await?;
    let from = |from: &str| told.lines.iter().any(|line| line.contains(from));
    expect(
        told.lines.len() == 3 && from("mode from observe") && from("permits from 5") && from("read from 2s"),
        &format!("it is as production: {told:?}"),
    )
}

/// Orders are paid while the file is replaced and read again, every 10 ms: the window loses no attempt, and no permit is lost.
pub async fn reloads_under_load() -> Result<(), Failed> {
    const ORDERS: usize = 200;
    let folder = tempfile::tempdir()?;
    let [file, next] = ["resil.toml", "next.toml"].map(|name| folder.path().join(name));
    let write = |permits: u32, min_calls: u32, open_for: u32| {
        let text = format!(
            "[circuit_breaker.by_name.partner]\nwindow = 5000\nmin_calls = {min_calls}\nopen_for = '{open_for}s'\n\
             [semaphore.by_name.partner]\npermits = {permits}\nmax_wait = '60s'\n"
        );
        // As an editor does: never seen half-written.
        std::fs::write(&next, text).and_then(|()| std::fs::rename(&next, &file))
    };
    write(20, 5000, 1)?;
    let partner = Running::partner(folder.path()).await?;
    let mut shop = Running::shop(folder.path(), &partner, &[]).await?;
    let again = format!("while kill -HUP {}; do sleep 0.01; done", shop.id()?);
    let mut again = Command::new("sh").args(["-c", &again]).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let writes = async {
        let mut random = fastrand::Rng::with_seed(18);
        let mut every = tokio::time::interval(Duration::from_millis(10));
        loop {
            every.tick().await;
            if let Err(error) = write(random.u32(1..20), random.u32(4000..5000), random.u32(1..100)) {
                return error;
            }
        }
    };
    let orders = async {
        let customer = async || {
            for _ in 0..ORDERS / 4 {
                // None of which is the caller's fault, which no window counts.
                partner.is([Mood::Ok, Mood::Down, Mood::ApplyThenFail][fastrand::usize(..3)]).await?;
                shop.order().await?;
            }
            Ok::<_, Failed>(())
        };
        tokio::try_join!(customer(), customer(), customer(), customer()).map(drop)
    };
    tokio::select! {
        ordered = orders => ordered?,
        failed = writes => return Err(failed.into()),
    }
    again.kill().await?;
    // One that was under way may still come.
    write(13, 5000, 1)?;
    partner.is(Mood::Ok).await?;
    let mut said = shop.unread();
    shop.reload().await?;
    wait_until("both books agree", async || {
        let (_, books) = shop.get("/books").await?;
        let books: crate::shop::compare::Comparison = serde_json::from_str(&books)?;
        Ok(books.agrees() && books.paid + books.failed == ORDERS)
    })
    .await?;
    said.extend(shop.unread());
    let reloads = said.iter().filter(|line| line.contains("settings: revision")).count();
    expect(reloads >= 20, &format!("there were {reloads} reloads"))?;
    expect(!said.iter().any(|line| line.contains("settings: refused")), "none was refused")?;
    for (name, expected) in [("resil_permits_used", 0), ("resil_permits_waiting", 0), ("resil_permits_limit", 13)] {
        let found = shop.number(name, "partner").await?;
        expect(found == expected, &format!("{name} is {found}, not {expected}"))?;
    }
    let counted = shop.number("resil_circuit_buffered_calls", "partner").await?;
    let attempts = shop.number("resil_attempts_total", "payment::pay").await?;
    expect(attempts > 200 && counted == attempts, &format!("all {attempts} attempts are counted, not {counted}"))
}
