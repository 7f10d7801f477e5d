//! A worker that is stopped beyond its lease, and comes back with a refusal while another one is calling.

use crate::books::Books;
use crate::child;
use crate::play::own_schema;
use sqlx::{AssertSqlSafe, Executor as _};
use std::net::SocketAddr;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

const ORDER: i64 = 1;

/// A call that waits for its answer.
type Held = BufReader<TcpStream>;

/// Holds calls, and says of each key that nothing was applied.
async fn partner() -> (SocketAddr, mpsc::UnboundedReceiver<Held>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (calls, held) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let calls = calls.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                _ = stream.read_line(&mut line).await;
                if line.starts_with("call") {
                    _ = calls.send(stream);
                } else if line.starts_with("check") {
                    _ = stream.get_mut().write_all(b"ok absent \n").await;
                }
            });
        }
    });
    (address, held)
}

async fn answer(mut call: Held, answer: &str) {
    // Whoever has given up does not hear it.
    _ = call.get_mut().write_all(answer.as_bytes()).await;
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str, schema: &str, partner: SocketAddr) -> Self {
        let words = format!("{role} postgres {schema} {partner} status ok same kill - {ORDER}");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(child::ORDERS, words).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
    }

    async fn says(&mut self, expected: &str) {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            if line == expected {
                return;
            }
        }
        panic!("it ended without `{expected}`");
    }
}

/// With so many reconcilers in all.
pub async fn run(reconcilers: usize) {
    let schema = format!("resil_stopped_{}_{reconcilers}", std::process::id());
    let db = own_schema(&schema).await;
    let (address, mut calls) = partner().await;

    let mut stopped = Process::start("first", &schema, address);
    let first = calls.recv().await.unwrap();
    stopped.signal("-STOP").await;
    let mut others: Vec<_> = (1..reconcilers).map(|_| Process::start("again", &schema, address)).collect();
    // The lease is over, the partner knows nothing of it, and it is certain that nothing will arrive: another one calls.
    let second = calls.recv().await.unwrap();
    stopped.signal("-CONT").await;
    answer(first, "status 402\n").await;
    stopped.says("driven").await;
    assert_eq!(
        sqlx::Postgres::intent(&db).await.map(|intent| intent.state).as_deref(),
        Some("CALLING"),
        "it has lost its lease, and changes nothing"
    );
    answer(second, "ok 500\n").await;
    for process in others.iter_mut().chain([&mut stopped]) {
        process.says("end").await;
    }
    assert!(calls.try_recv().is_err(), "nothing is called a third time");
    assert_eq!(sqlx::Postgres::intent(&db).await.map(|intent| intent.state).as_deref(), Some("APPLIED"));
    assert_eq!(sqlx::Postgres::order(&db, ORDER).await, Some(("paid".to_owned(), 1)));
    let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
    db.pool().unwrap().execute(drop).await.unwrap();
    println!("stopped beyond its lease, with {reconcilers} reconcilers ... ok");
}
