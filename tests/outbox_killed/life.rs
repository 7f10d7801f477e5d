//! What two processes do on a database they share, and the lives of the other one.

use crate::child;
use resil::{Backend, Db};
use sqlx::{Postgres, Sqlite};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// What SQL the tests need, on either database.
pub trait Sql: Backend {
    const WORD: &'static str;
    async fn run(db: &Db<Self>, sql: &'static str);
    async fn number(db: &Db<Self>, sql: &'static str) -> i64;
}

macro_rules! sql {
    ($database:ty, $word:literal) => {
        impl Sql for $database {
            const WORD: &'static str = $word;

            async fn run(db: &Db<Self>, sql: &'static str) {
                sqlx::raw_sql(sql).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn number(db: &Db<Self>, sql: &'static str) -> i64 {
                sqlx::query_scalar(sql).fetch_one(db.pool().unwrap()).await.unwrap()
            }
        }
    };
}
sql!(Sqlite, "sqlite");
sql!(Postgres, "postgres");

/// What the processes have said, all lives after one another.
#[derive(Debug, Default)]
pub struct Account {
    pub lives: usize,
    /// What was begun, with the number of the attempt.
    pub begun: Vec<(String, u32)>,
    pub taken: Vec<String>,
}

impl Account {
    pub fn begun(&self, payload: &str) -> Vec<u32> {
        self.begun.iter().filter(|(begun, _)| begun == payload).map(|(_, attempt)| *attempt).collect()
    }

    pub fn taken(&self, payload: &str) -> usize {
        self.taken.iter().filter(|taken| *taken == payload).count()
    }
}

/// Lives one process after the other, until one has nothing to do.
pub async fn lives<DB: Sql>(db: &Db<DB>, address: &str, death: &str, gathered: usize) -> Account {
    let mut account = Account::default();
    loop {
        let orders = format!("{} {} {address} {death} {gathered}", account.lives, DB::WORD);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(child::ORDERS, orders).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut last = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["begins", payload, attempt] => account.begun.push((payload.to_owned(), attempt.parse().unwrap())),
                ["takes", payload] => account.taken.push(payload.to_owned()),
                ["at", "poison"] if death == "kill" => process.kill().await.unwrap(),
                _ => {}
            }
            last = line;
        }
        process.wait().await.unwrap();
        account.lives += 1;
        if last == "end" {
            return account;
        }
        assert_eq!(last, "at poison", "{account:?}");
        assert!(account.lives < 40, "it goes on for ever: {account:?}");
        // Its leases are over.
        DB::run(db, "UPDATE resil_outbox SET due = 0 WHERE alone >= 2 AND due IS NOT NULL").await;
    }
}
