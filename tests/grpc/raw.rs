//! A partner that speaks HTTP/2 frame by frame, so that it can do what no library allows.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// Runs this partner on a port of its own; what it says at its end comes back.
pub fn partner<T: Send + 'static>(
    play: impl AsyncFnOnce(Listening) -> T + Send + 'static,
) -> (SocketAddr, oneshot::Receiver<T>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (end, has_ended) = oneshot::channel();
    // A runtime of its own, so that its future need not be `Send`.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let said = runtime.block_on(async { play(Listening(TcpListener::from_std(listener).unwrap())).await });
        _ = end.send(said);
    });
    (address, has_ended)
}

pub struct Listening(TcpListener);

impl Listening {
    /// The next connection, greeted.
    pub async fn accept(&self) -> Raw {
        let mut stream = self.0.accept().await.unwrap().0;
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut raw = Raw(stream);
        raw.send(SETTINGS, 0, 0, &[]).await;
        raw
    }
}

pub struct Raw(TcpStream);

impl Raw {
    /// The stream of the next request, of which the whole message has arrived; `None` when the caller has gone.
    pub async fn request(&mut self) -> Option<u32> {
        loop {
            let (kind, flags, stream, payload) = self.frame().await?;
            match kind {
                SETTINGS if flags & 1 == 0 => self.send(SETTINGS, 1, 0, &[]).await,
                PING if flags & 1 == 0 => self.send(PING, 1, 0, &payload).await,
                DATA | HEADERS if flags & 1 == 1 => return Some(stream),
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, s @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((kind, flags, u32::from_be_bytes(s), payload))
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // Who has gone hears nothing.
        _ = self.0.write_all(&frame).await;
    }

    /// Allows no more streams, and waits until the caller has heard so.
    pub async fn allow_no_streams(&mut self) {
        const MAX_CONCURRENT_STREAMS: u8 = 3;
        self.send(SETTINGS, 0, 0, &[0, MAX_CONCURRENT_STREAMS, 0, 0, 0, 0]).await;
        while !matches!(self.frame().await, Some((SETTINGS, 1, ..)) | None) {}
    }

    /// Headers, which end the stream or do not.
    pub async fn headers(&mut self, stream: u32, headers: &[(&str, &str)], ends: bool) {
        let mut block = Vec::new();
        for (name, value) in headers {
            block.push(0);
            for text in [name, value] {
                assert!(text.len() < 127, "one byte of length");
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.send(HEADERS, 4 | u8::from(ends), stream, &block).await;
    }

    pub async fn head(&mut self, stream: u32) {
        self.headers(stream, &[(":status", "200"), ("content-type", "application/grpc")], false).await;
    }

    /// A status of gRPC and nothing else.
    pub async fn only_status(&mut self, stream: u32, status: &str, more: &[(&str, &str)]) {
        let mut headers = vec![(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", status)];
        headers.extend(more);
        self.headers(stream, &headers, true).await;
    }

    /// SERVING.
    pub async fn message(&mut self, stream: u32) {
        self.send(DATA, 0, stream, &[0, 0, 0, 0, 2, 8, 1]).await;
    }

    pub async fn part_of_a_message(&mut self, stream: u32) {
        self.send(DATA, 0, stream, &[0, 0, 0, 0, 2, 8]).await;
    }

    /// A whole answer.
    pub async fn answer(&mut self, stream: u32) {
        self.head(stream).await;
        self.message(stream).await;
        self.headers(stream, &[("grpc-status", "0")], true).await;
    }

    pub async fn reset(&mut self, stream: u32, why: u32) {
        self.send(RST_STREAM, 0, stream, &why.to_be_bytes()).await;
    }

    /// Says no more, and hears the caller out, so that nothing that was said is lost.
    pub async fn close(mut self) {
        _ = self.0.shutdown().await;
        _ = self.0.read_to_end(&mut Vec::new()).await;
    }

    pub async fn go_away(&mut self, last: u32) {
        let payload = [last.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        self.send(GOAWAY, 0, 0, &payload).await;
    }
}
