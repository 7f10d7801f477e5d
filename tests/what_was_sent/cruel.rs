//! A partner that is never kind. What it does with each request is drawn from a seed; what it has read is the oracle.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request whose head was read.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub method: String,
    pub origin: String,
    pub path: String,
    pub _query: String,
    pub key: Option<String>,
    pub body: Vec<u8>,
    /// What its header `x-turn` says.
    pub turn: Option<String>,
    /// It is refused with a 4xx that says so: it has had no effect.
    pub is_refused: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Fate {
    Status(u16),
    Redirect(u16, String),
    /// The first bytes of a good answer, then a reset.
    ResetAfter(usize),
    /// A good answer on a connection that is closed without a word before the next request.
    CloseLater,
    /// Chunked, with a trailer.
    Trailers,
    /// The connection is reset when so much of the body was read.
    ResetWhileReading(usize),
    /// Interim answers first.
    Interim(u16),
    /// By HTTP/1.0, which ends with the connection.
    OfOld,
    /// This status as soon as so much of the body was read, and no more of it is.
    Early(u16, usize),
    Withhold,
}

/// Both hosts share a log.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Arrived>>>);

impl Log {
    pub fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// What is drawn for the next requests; shared by both hosts.
pub type Fates = Arc<Mutex<Vec<Fate>>>;

pub struct Cruel {
    pub origin: String,
    running: JoinHandle<()>,
}

impl Drop for Cruel {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Cruel {
    pub async fn start(log: Log, fates: Fates) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let running = tokio::spawn({
            let origin = origin.clone();
            async move {
                let mut connections = tokio::task::JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(serve(stream, origin.clone(), log.clone(), Arc::clone(&fates)));
                }
            }
        });
        Ok(Self { origin, running })
    }
}

async fn serve(mut stream: TcpStream, origin: String, log: Log, fates: Fates) {
    let mut unread = Vec::new();
    loop {
        let Some(head) = read_head(&mut stream, &mut unread).await else { return };
        let fate = fates.lock().unwrap().pop().unwrap_or(Fate::Status(200));
        let number = {
            let mut log = log.0.lock().unwrap();
            log.push(head.arrived(&origin));
            log.len() - 1
        };
        let is_refusal = |status: u16| (400..500).contains(&status) && ![408, 409, 425].contains(&status);
        let most = if let Fate::ResetWhileReading(most) | Fate::Early(_, most) = fate { Some(most) } else { None };
        let body = read_body(&mut stream, &mut unread, &head, most).await;
        let Some(body) = body else {
            if let Fate::Early(status, _) = fate {
                if let Some(arrived) = log.0.lock().unwrap().get_mut(number) {
                    arrived.is_refused = is_refusal(status);
                }
                let answer = format!("HTTP/1.1 {status} Drawn\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}");
                _ = stream.write_all(answer.as_bytes()).await;
                return;
            }
            return reset(&stream);
        };
        // A play that is over has taken the log along.
        let in_log = |f: &dyn Fn(&mut Arrived)| {
            if let Some(arrived) = log.0.lock().unwrap().get_mut(number) {
                f(arrived);
            }
        };
        in_log(&|arrived| arrived.body.clone_from(&body));
        let good = |more: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{more}\r\n{{}}");
        let written = match &fate {
            Fate::Status(status) | Fate::Early(status, _) => {
                if is_refusal(*status) {
                    in_log(&|arrived| arrived.is_refused = true);
                }
                stream.write_all(format!("HTTP/1.1 {status} Drawn\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes()).await
            }
            Fate::Redirect(status, to) => {
                let answer = format!("HTTP/1.1 {status} Drawn\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await
            }
            Fate::ResetAfter(bytes) => {
                let answer = good("");
                _ = stream.write_all(&answer.as_bytes()[..*bytes.min(&answer.len())]).await;
                return reset(&stream);
            }
            Fate::Interim(status) => {
                let hints = format!("HTTP/1.1 {status} Drawn\r\nlink: </a>\r\n\r\n");
                stream.write_all((hints.repeat(2) + &good("")).as_bytes()).await
            }
            Fate::OfOld => {
                _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{}").await;
                return;
            }
            Fate::CloseLater => {
                _ = stream.write_all(good("").as_bytes()).await;
                return;
            }
            Fate::Trailers => {
                let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-sum: 1\r\n\r\n";
                stream.write_all(answer.as_bytes()).await
            }
            Fate::Withhold => {
                while let Ok(1..) = stream.read(&mut [0; 1024]).await {}
                return;
            }
            Fate::ResetWhileReading(_) => return reset(&stream),
        };
        if written.is_err() {
            return;
        }
    }
}

fn reset(stream: &TcpStream) {
    _ = stream.set_zero_linger();
}

struct Head {
    method: String,
    target: String,
    headers: HashMap<String, String>,
}

impl Head {
    fn arrived(&self, origin: &str) -> Arrived {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        Arrived {
            method: self.method.clone(),
            origin: origin.to_owned(),
            path: path.to_owned(),
            _query: query.to_owned(),
            key: self.headers.get("idempotency-key").cloned(),
            body: Vec::new(),
            turn: self.headers.get("x-turn").cloned(),
            is_refused: false,
        }
    }
}

async fn more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 1024];
    let length = stream.read(&mut chunk).await.ok().filter(|length| *length > 0)?;
    unread.extend_from_slice(&chunk[..length]);
    Some(())
}

/// Everything up to and including the first of these.
async fn until(stream: &mut TcpStream, unread: &mut Vec<u8>, end: &[u8]) -> Option<String> {
    loop {
        if let Some(at) = unread.windows(end.len()).position(|window| window == end) {
            let rest = unread.split_off(at + end.len());
            return String::from_utf8(std::mem::replace(unread, rest)).ok();
        }
        more(stream, unread).await?;
    }
}

async fn exactly(stream: &mut TcpStream, unread: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while unread.len() < length {
        more(stream, unread).await?;
    }
    let rest = unread.split_off(length);
    Some(std::mem::replace(unread, rest))
}

async fn read_head(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Head> {
    let text = until(stream, unread, b"\r\n\r\n").await?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Some(Head { method: first.next()?, target: first.next()?, headers: headers.collect() })
}

/// `None` if the client went away, or when so much was read.
async fn read_body(stream: &mut TcpStream, unread: &mut Vec<u8>, head: &Head, most: Option<usize>) -> Option<Vec<u8>> {
    if let Some(length) = head.headers.get("content-length").and_then(|length| length.parse().ok()) {
        let body = exactly(stream, unread, most.map_or(length, |most| most.min(length))).await?;
        return (body.len() == length).then_some(body);
    }
    let mut body = Vec::new();
    if head.headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        loop {
            let line = until(stream, unread, b"\r\n").await?;
            let length = usize::from_str_radix(line.trim(), 16).ok()?;
            let chunk = exactly(stream, unread, length + 2).await?;
            if length == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..length]);
            if most.is_some_and(|most| body.len() > most) {
                return None;
            }
        }
    }
    Some(body)
}
