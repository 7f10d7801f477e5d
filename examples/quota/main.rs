//! A partner with a quota of 100 calls a second, and a service of eight processes: what each of them is answered with no limit,
//! with a limit in each process, and with one that all of them share.
//!
//! `cargo run --example quota` shows the first two. The third needs PostgreSQL: `-- --database postgres://user@host/name`.
//! `--seconds 10` shows each for longer. The program starts itself again, eight times for each.

mod partner;
mod process;
mod table;

use partner::Partner;
use process::{Counts, How};
use resil::policy::rate_limit::Fleet;
use resil::{Db, IdempotencyKey};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::process::ExitCode;
use std::str::FromStr as _;
use table::Table;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What the partner's contract says.
const QUOTA: u32 = 100;
/// How many calls a second each process has to make. Demand is never even: the first has nearly all of it.
const WANTED: [u32; 8] = [120, 5, 5, 5, 5, 5, 5, 5];
const USAGE: &str = "usage: quota [--seconds NUMBER] [--database URL]";

struct Arguments {
    seconds: u32,
    database: Option<String>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let mut all = Self { seconds: 5, database: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value\n{USAGE}"));
            match &*word {
                "--seconds" => all.seconds = value()?.parse()?,
                "--database" => all.database = Some(value()?),
                _ => return Err(format!("`{word}` is not known\n{USAGE}").into()),
            }
        }
        if all.seconds == 0 {
            return Err(format!("`--seconds 0` shows nothing: write 1 or more\n{USAGE}").into());
        }
        Ok(all)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    let done = if words.next_if(|word| word == process::AGAIN).is_some() {
        process::work(words).await
    } else {
        show(words).await
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(words: impl Iterator<Item = String>) -> Result<(), Failed> {
    let Arguments { seconds, database } = Arguments::parse(words)?;
    let table = Table { seconds, wanted: WANTED };
    table.begin();
    table.row("nothing", &run(How::Nothing, seconds, None).await?);
    table.row("a limit each", &run(How::Each, seconds, None).await?);
    match database {
        Some(url) if url.starts_with("postgres") => {
            let schema = Schema::begin(&url).await?;
            let fleet = run(How::Fleet, seconds, Some((&url, &schema.name))).await;
            schema.end().await?;
            let fleet = fleet?;
            table.row("one for all", &fleet);
            table::explain();
            // So that CI sees it, with room for a busy machine.
            let (refused, used) = (table::refused(&fleet), table.used(&fleet));
            if refused > seconds * QUOTA / 10 || used < 0.5 {
                return Err(format!("one for all: {refused} answers of 429, {:.0} % used", used * 100.0).into());
            }
        }
        Some(_) => {
            table::explain();
            println!("\nThe third, one limit for all processes, on a file of SQLite:");
            let db = Db::new(SqlitePool::connect("sqlite::memory:").await?);
            if let Err(error) = Fleet::on(&db).await {
                println!("  {error}");
            }
        }
        None => {
            table::explain();
            println!(
                "\nThe third, one limit for all processes, needs a store that all of them reach: \
                 `-- --database postgres://user@host/name`"
            );
        }
    }
    Ok(())
}

/// Eight processes at a partner, for so long.
async fn run(how: How, seconds: u32, database: Option<(&str, &str)>) -> Result<Vec<Counts>, Failed> {
    let partner = Partner::start().await?;
    let mut processes = Vec::new();
    for wanted in WANTED {
        processes.push(process::start(how, &partner.url(), wanted, seconds, database)?);
    }
    let mut all = Vec::new();
    for process in processes {
        all.push(process::counted(process).await?);
    }
    Ok(all)
}

/// A schema that nobody else uses.
struct Schema {
    db: Db<sqlx::Postgres>,
    name: String,
}

impl Schema {
    async fn begin(url: &str) -> Result<Self, Failed> {
        let name = format!("quota_{}", IdempotencyKey::random().as_str().replace('-', ""));
        let options = PgConnectOptions::from_str(url)?.options([("search_path", &name)]);
        let db = Db::new(PgPoolOptions::new().max_connections(2).connect_with(options).await?);
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(db.pool()?).await?;
        db.migrate().await?;
        Ok(Self { db, name })
    }

    async fn end(self) -> Result<(), Failed> {
        let drop = format!("DROP SCHEMA {} CASCADE", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(self.db.pool()?).await?;
        Ok(())
    }
}
