//! A server of the page, and a client that sends whatever it is told.

use axum::Router;
use http::request::Parts;
use resil::dashboard::{Actor, router};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A real server on a real port, until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

pub async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    Server { address, task }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whoever says so is.
pub async fn access(request: &Parts) -> Option<Actor> {
    Some(Actor::named(request.headers.get("x-user")?.to_str().ok()?))
}

/// The page at its usual place, for those who say who they are.
pub async fn page() -> Server {
    serve(Router::new().nest("/resil", router(access))).await
}

/// The page for anna, whatever her browser says.
pub async fn page_of_anna() -> Server {
    let anna = |_: &Parts| std::future::ready(Some(Actor::named("anna")));
    serve(Router::new().nest("/resil", router(anna))).await
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What the page's script begins with.
    pub fn start(&self) -> Value {
        let (_, rest) = self.body.split_once(r#"id="start">"#).expect("the page");
        serde_json::from_str(rest.split_once("</script>").expect("its end").0).expect("JSON")
    }

    pub fn token(&self) -> String {
        self.start()["token"].as_str().expect("for whoever may act").to_owned()
    }
}

/// One request, of which every header is given but the length of its body.
pub async fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n{lines}\r\n");
    stream.write_all((head + body).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    // Not every server closes because it was asked to.
    while !is_whole(&answer) && stream.read_buf(&mut answer).await.expect("it answers") > 0 {}
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Answer { status: status.expect("a status"), headers: headers.collect(), body: body.to_owned() }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.to_lowercase().split("content-length:").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
    length.is_some_and(|length: usize| answer.len() >= head.len() + 4 + length)
}

pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let host = address.to_string();
    let with_host: Vec<_> = headers.iter().copied().chain([("host", &*host)]).collect();
    send(address, "GET", path, &with_host, "").await
}

/// The page's events, as a browser gets them.
pub struct Events(Lines<BufReader<TcpStream>>);

impl Events {
    pub async fn of(address: SocketAddr, user: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let head = format!("GET /resil/events HTTP/1.1\r\nhost: {address}\r\nx-user: {user}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        Self(BufReader::new(stream).lines())
    }

    pub async fn next(&mut self) -> Value {
        loop {
            let line = self.0.next_line().await.expect("it is open").expect("and goes on");
            if let Some(event) = line.strip_prefix("data: ") {
                return serde_json::from_str(event).expect("JSON");
            }
        }
    }

    /// The first that has this part, as it is then.
    pub async fn part(&mut self, name: &str, is_meant: impl Fn(&Value) -> bool) -> (Value, Value) {
        loop {
            let event = self.next().await;
            let part = event["parts"][name].clone();
            if is_meant(&part) {
                return (event, part);
            }
        }
    }
}
