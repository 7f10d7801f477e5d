//! The partner, which outlives every process that calls it.

use crate::spec::{LATE, Skill, Way};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the partner knows of an order.
#[derive(Debug, Clone)]
pub struct Account {
    pub skill: Skill,
    /// What happens to the next call; afterwards all goes well, but a refusal stays one.
    pub way: Way,
    pub keys: BTreeSet<String>,
    pub calls: u32,
    /// Calls that had an effect.
    pub applied: u32,
    pub cancelled: bool,
    /// Calls that arrived while the ledger did not say so.
    pub unannounced: u32,
    won: u64,
    /// Calls under way in the network.
    late: u32,
}

type Book = HashMap<i64, Account>;
/// Asks the ledger of this order in which state it is.
pub type Look = Arc<dyn Fn(i64) -> std::pin::Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

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

    pub fn expect(&self, order: i64, skill: Skill, way: Way, look: Look) {
        let account = Account {
            skill,
            way,
            keys: BTreeSet::new(),
            calls: 0,
            applied: 0,
            cancelled: false,
            unannounced: 0,
            won: 0,
            late: 0,
        };
        self.looks.lock().unwrap().insert(order, look);
        self.book.send_modify(|book| _ = book.insert(order, account));
    }

    /// Its account, once nothing is under way any more.
    pub async fn account(&self, order: i64) -> Account {
        let mut book = self.book.subscribe();
        let book = book.wait_for(|book| book[&order].late == 0).await.unwrap();
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

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let words: Vec<_> = line.split_whitespace().collect();
        let (what, order, key) = match words[..] {
            // A process that died in the middle of a word has sent nothing.
            [what, order, key, ..] if line.ends_with('\n') => (what, order.parse().unwrap(), key.to_owned()),
            _ => return Ok(()),
        };
        let answer = match what {
            "call" => self.call(order, key, words[3].parse().unwrap()).await,
            "check" => Some(self.change(order, |account| {
                account.keys.insert(key);
                if account.applied > 0 && !account.cancelled {
                    format!("ok applied {}", account.won)
                } else {
                    "ok absent ".to_owned()
                }
            })),
            _ => Some(self.change(order, |account| {
                account.keys.insert(key);
                account.cancelled |= account.applied > 0;
                "ok cancelled".to_owned()
            })),
        };
        if let Some(answer) = answer {
            stream.get_mut().write_all(format!("{answer}\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// `None` loses the connection.
    async fn call(&self, order: i64, key: String, won: u64) -> Option<String> {
        let look = self.looks.lock().unwrap().get(&order).cloned();
        let state = match look {
            Some(look) => look(order).await,
            None => None,
        };
        let way = self.change(order, |account| {
            account.keys.insert(key);
            account.calls += 1;
            account.won = won;
            account.unannounced += u32::from(state.as_deref() != Some("CALLING"));
            let way = account.way;
            if way != Way::Refuses {
                account.way = Way::Ok;
            }
            if way == Way::Late {
                account.late += 1;
            }
            way
        });
        let answer = format!("ok {won}");
        match way {
            Way::Ok | Way::Duplicates => {
                self.apply(order);
                Some(answer)
            }
            Way::Refuses => Some("status 402".to_owned()),
            Way::LostBefore => None,
            Way::LostAfter => {
                self.apply(order);
                None
            }
            Way::Broken => {
                self.apply(order);
                Some("status 500".to_owned())
            }
            Way::Late => {
                let server = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(LATE).await;
                    server.apply(order);
                    server.change(order, |account| account.late -= 1);
                });
                None
            }
        }
    }

    fn apply(&self, order: i64) {
        self.change(order, |account| {
            if account.skill != Skill::Deduplicates || account.applied == 0 {
                account.applied += 1;
            }
        });
    }
}
