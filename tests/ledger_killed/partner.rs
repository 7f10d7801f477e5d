//! The partner, which outlives every process that calls it: its door. What it makes of a request is in `account.rs`.

use crate::account::{Account, Answer, Request};
use crate::books::Intent;
use crate::spec::Spec;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

type Book = HashMap<i64, Account>;
/// Asks the ledger about this order.
pub type Look = Arc<dyn Fn(i64) -> std::pin::Pin<Box<dyn Future<Output = Option<Intent>> + Send>> + Send + Sync>;

#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    book: Arc<watch::Sender<Book>>,
    looks: Arc<Mutex<HashMap<i64, Look>>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, book: Arc::new(watch::Sender::default()), looks: Arc::default() };
        let running = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let running = running.clone();
                tokio::spawn(async move { _ = running.serve(stream).await });
            }
        });
        server
    }

    pub fn expect(&self, order: i64, spec: Spec, look: Look) {
        self.looks.lock().unwrap().insert(order, look);
        self.book.send_modify(|book| _ = book.insert(order, Account::new(spec)));
    }

    /// Its account, once nothing is under way any more.
    pub async fn account(&self, order: i64) -> Account {
        let mut book = self.book.subscribe();
        let book = book.wait_for(|book| book[&order].is_quiet()).await.unwrap();
        self.looks.lock().unwrap().remove(&order);
        book[&order].clone()
    }

    fn change<R>(&self, order: i64, change: impl FnOnce(&mut Account) -> R) -> R {
        let mut change = Some(change);
        let mut result = None;
        self.book.send_modify(|book| {
            let change = change.take().expect("once");
            result = Some(change(book.get_mut(&order).expect("an order of ours")));
        });
        result.expect("it was changed")
    }

    /// A line is `what order header rest`: the header is the `Idempotency-Key`, `-` if there is none.
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        // A process that died in the middle of a word has sent nothing.
        let words: Vec<_> = line.trim_end_matches('\n').splitn(4, ' ').collect();
        let [what, order, header, rest] = words[..] else { return Ok(()) };
        if !line.ends_with('\n') {
            return Ok(());
        }
        let order = order.parse().unwrap();
        let request = Request::new(what, header, rest);
        let answer = match what {
            "call" => self.call(order, request).await,
            "check" => Some(self.check(order, &request).await),
            _ => Some(self.change(order, |account| account.cancels(&request))),
        };
        if let Some(answer) = answer {
            stream.get_mut().write_all(format!("{answer}\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// `None` loses the connection.
    async fn call(&self, order: i64, request: Request) -> Option<String> {
        let look = self.looks.lock().unwrap().get(&order).cloned();
        let intent = match look {
            Some(look) => look(order).await,
            None => None,
        };
        match self.change(order, |account| account.is_called(&request, intent.as_ref())) {
            Answer::Text(text) => Some(text),
            Answer::Lost => None,
            Answer::Later(time) => {
                self.arrives_in(time, order, request);
                None
            }
        }
    }

    fn arrives_in(&self, time: Duration, order: i64, request: Request) {
        let server = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            server.change(order, |account| account.arrives(&request));
        });
    }

    async fn check(&self, order: i64, request: &Request) -> String {
        let (answer, takes) = self.change(order, |account| account.is_asked(request));
        tokio::time::sleep(takes).await;
        answer
    }
}
