//! What the program is told on its command line.

use crate::Failed;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "usage: checkout [--play] [--database URL] [--nats URL]     plays the four scenarios
       checkout --serve [--listen ADDRESS] [--partner-at URL] [--database FILE-OR-URL]
                [--schema NAME | --pooled] [--nats URL] [--stream NAME] [--compare SECONDS]
                [--settings FILE] [--leave SECONDS]
       checkout --partner [--listen ADDRESS] [--book FILE] [--seed NUMBER]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Play,
    Serve,
    Partner,
}

#[derive(Debug)]
pub struct Arguments {
    pub role: Role,
    pub listen: SocketAddr,
    pub partner_at: String,
    /// `postgres://..`, or else a file of SQLite.
    pub database: Option<String>,
    pub schema: Option<String>,
    /// PostgreSQL is behind `PgBouncer` in transaction mode.
    pub is_pooled: bool,
    pub nats: Option<String>,
    pub stream: String,
    /// In seconds; 0 is never.
    pub compare: u64,
    /// Settings from outside.
    pub settings: PathBuf,
    /// In seconds: how long it still answers once it is told to end.
    pub leave: u64,
    pub book: PathBuf,
    pub seed: u64,
}

impl Arguments {
    fn new() -> Self {
        Self {
            role: Role::Play,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            partner_at: "http://127.0.0.1:4001".to_owned(),
            database: None,
            schema: None,
            is_pooled: false,
            nats: None,
            stream: "checkout".to_owned(),
            compare: 2,
            settings: PathBuf::from("examples/checkout/resil.toml"),
            leave: 0,
            book: PathBuf::from("partner.db"),
            seed: 7,
        }
    }

    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let mut all = Self::new();
        let mut listen = None;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value\n{USAGE}"));
            match &*word {
                "--play" => all.role = Role::Play,
                "--serve" => all.role = Role::Serve,
                "--partner" => all.role = Role::Partner,
                "--listen" => listen = Some(value()?.parse()?),
                "--partner-at" => all.partner_at = value()?,
                "--database" => all.database = Some(value()?),
                "--schema" => all.schema = Some(value()?),
                "--pooled" => all.is_pooled = true,
                "--nats" => all.nats = Some(value()?),
                "--stream" => all.stream = value()?,
                "--compare" => all.compare = value()?.parse()?,
                "--settings" => all.settings = value()?.into(),
                "--leave" => all.leave = value()?.parse()?,
                "--book" => all.book = value()?.into(),
                "--seed" => all.seed = value()?.parse()?,
                _ => return Err(format!("`{word}` is not known\n{USAGE}").into()),
            }
        }
        let port = if all.role == Role::Partner { 4001 } else { 4000 };
        all.listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port)));
        Ok(all)
    }

    /// How often both books are compared.
    pub fn compare_every(&self) -> Option<Duration> {
        (self.compare > 0).then(|| Duration::from_secs(self.compare))
    }

    /// Where PostgreSQL is, if the books are there.
    pub fn postgres(&self) -> Option<&str> {
        self.database.as_deref().filter(|url| url.starts_with("postgres"))
    }
}
