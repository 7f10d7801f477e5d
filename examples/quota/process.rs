//! One process of the service.

use crate::Failed;
use reqwest::Client;
use resil::http::{Checked as _, Error};
use resil::policy::rate_limit::Fleet;
use resil::{Db, rate_limit};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::process::{Output, Stdio};
use std::str::FromStr as _;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// The first argument of a process that this program starts.
pub const AGAIN: &str = "--again";

/// How it keeps to the quota.
#[derive(Debug, Clone, Copy)]
pub enum How {
    Nothing,
    /// An eighth of the quota, as is done where processes know nothing of each other.
    Each,
    /// The fleet's.
    Fleet,
}

async fn without_a_limit(http: &Client, url: &str) -> Result<(), Error> {
    http.get(url).checked().await.map(drop)
}

/// An eighth of 100 a second.
#[rate_limit("25/2s", burst = 2)]
async fn with_its_own(http: &Client, url: &str) -> Result<(), Error> {
    http.get(url).checked().await.map(drop)
}

/// Ten less than the quota: at the end of a second the tokens of one lease may be used that were leased in the one before.
#[rate_limit("90/s", burst = 5, name = "partner", fleet)]
async fn with_the_fleets(http: &Client, url: &str) -> Result<(), Error> {
    http.get(url).checked().await.map(drop)
}

/// What came of the calls of one process.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub through: u32,
    /// Answered 429.
    pub refused: u32,
    /// Refused by the process itself, and never sent.
    pub held_back: u32,
}

/// Starts one.
pub fn start(how: How, url: &str, wanted: u32, seconds: u32, database: Option<(&str, &str)>) -> Result<Child, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([AGAIN, &format!("{how:?}"), url, &wanted.to_string(), &seconds.to_string()]);
    if let Some((database, schema)) = database {
        command.args([database, schema]);
    }
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
}

/// What one has counted, when it is done.
pub async fn counted(process: Child) -> Result<Counts, Failed> {
    let Output { status, stdout, .. } = process.wait_with_output().await?;
    let text = String::from_utf8(stdout)?;
    let numbers: Vec<u32> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    match numbers[..] {
        [through, refused, held_back] if status.success() => Ok(Counts { through, refused, held_back }),
        _ => Err(format!("a process ended with {status}").into()),
    }
}

/// The process itself.
pub async fn work(mut words: impl Iterator<Item = String>) -> Result<(), Failed> {
    let mut word = || words.next().ok_or("started by hand");
    let how = match &*word()? {
        "Nothing" => How::Nothing,
        "Each" => How::Each,
        _ => How::Fleet,
    };
    let (url, wanted, seconds) = (word()?, word()?.parse()?, word()?.parse()?);
    if let How::Fleet = how {
        let options = PgConnectOptions::from_str(&word()?)?.options([("search_path", word()?)]);
        let db = Db::new(PgPoolOptions::new().max_connections(1).connect_with(options).await?);
        Fleet::on(&db).await?.install()?;
        resil::check()?;
    }
    let http = resil::http::client().no_proxy().build()?;
    let counts = calls(how, http, url, wanted, seconds).await?;
    println!("{} {} {}", counts.through, counts.refused, counts.held_back);
    Ok(())
}

/// Its work comes evenly, whatever becomes of it.
async fn calls(how: How, http: Client, url: String, wanted: u32, seconds: u32) -> Result<Counts, Failed> {
    let (mut calls, mut counts) = (JoinSet::new(), Counts::default());
    let mut work = interval(Duration::from_secs(1) / wanted);
    work.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for _ in 0..wanted * seconds {
        work.tick().await;
        let (http, url) = (http.clone(), url.clone());
        calls.spawn(async move {
            match how {
                How::Nothing => without_a_limit(&http, &url).await,
                How::Each => with_its_own(&http, &url).await,
                How::Fleet => with_the_fleets(&http, &url).await,
            }
        });
    }
    while let Some(outcome) = calls.join_next().await {
        match outcome? {
            Ok(()) => counts.through += 1,
            Err(Error::Status { code, .. }) if code == 429 => counts.refused += 1,
            Err(Error::Policy(resil::Error::RateLimited { .. })) => counts.held_back += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(counts)
}
