//! One connection: reads requests one after another, and misbehaves as told.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Shared;
use super::answer::{Act, Ending};
use super::request::{MAX_BODY, MAX_HEAD, Refusal, Request, head_end, parse_head};
use super::response::Response;

/// Serves `stream`, the `number`th connection, until either side ends it.
pub(super) async fn serve(stream: TcpStream, number: usize, shared: Shared) {
    // Without it, the bytes of a drip could arrive in lumps.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection { stream, unread: Vec::new() };
    loop {
        let request = match connection.request().await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(refusal) => return connection.refuse(refusal).await,
        };
        let mut act = None;
        shared.send_modify(|state| act = state.arrive(&request, number));
        let Some(act) = act else { return };
        // A failed write is a client that left; only a pending answer has it noted.
        match connection.play(act, &request).await.unwrap_or(Next::Gone) {
            Next::Another if request.keep_alive => {}
            Next::Another | Next::End(Ending::Close) => return connection.close().await,
            Next::End(Ending::Reset) => return connection.reset(),
            Next::ClientLeft => {
                return shared.send_modify(|state| state.leave(request.path));
            }
            Next::Gone => return,
        }
    }
}

/// What comes after an answer.
enum Next {
    /// A further request, if the client wants one.
    Another,
    /// The end, brought about by the partner.
    End(Ending),
    /// The end, brought about by a client that was still to be answered.
    ClientLeft,
    /// The end, by a write that failed.
    Gone,
}

struct Connection {
    stream: TcpStream,
    /// What has been received and not yet read as a request.
    unread: Vec<u8>,
}

impl Connection {
    /// The next request, its body included; none once the client is gone.
    async fn request(&mut self) -> Result<Option<Request>, Refusal> {
        let end = loop {
            match head_end(&self.unread) {
                Some(end) if end <= MAX_HEAD => break end,
                None if self.unread.len() <= MAX_HEAD => {}
                _ => return Err(Refusal(431)),
            }
            if !self.receive().await {
                return Ok(None);
            }
        };
        let head = parse_head(&self.unread[..end])?;
        let whole = end + head.body_len;
        while self.unread.len() < whole {
            if !self.receive().await {
                return Ok(None);
            }
        }
        let mut request = head.request;
        request.body = String::from_utf8_lossy(&self.unread[end..whole]).into_owned();
        self.unread.drain(..whole);
        Ok(Some(request))
    }

    /// Receives some more; false once the client is gone. Cancelling it loses nothing.
    async fn receive(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(received) => {
                // A client that floods a partner who is not reading requests is not kept up with.
                if self.unread.len() <= MAX_HEAD + MAX_BODY {
                    self.unread.extend_from_slice(&chunk[..received]);
                }
                true
            }
        }
    }

    /// Resolves when the client closes or resets the connection. Cancelling it loses nothing.
    async fn client_leaves(&mut self) {
        while self.receive().await {}
    }

    /// Does on the wire what the script says.
    async fn play(&mut self, act: Act, request: &Request) -> io::Result<Next> {
        match act {
            Act::Send(response) => {
                let mut bytes = response.head(request.keep_alive).into_bytes();
                if request.method != "HEAD" {
                    bytes.extend_from_slice(response.body());
                }
                self.stream.write_all(&bytes).await?;
                Ok(Next::Another)
            }
            Act::Drip(response, every) => Ok(self.drip(&response, every, request).await),
            Act::Cut(response, ending) => {
                let mut bytes = response.head(request.keep_alive).into_bytes();
                let body = response.body();
                bytes.extend_from_slice(&body[..body.len() / 2]);
                self.stream.write_all(&bytes).await?;
                Ok(Next::End(ending))
            }
            Act::Vanish(ending) => Ok(Next::End(ending)),
            Act::Withhold => {
                self.client_leaves().await;
                Ok(Next::ClientLeft)
            }
        }
    }

    async fn drip(&mut self, response: &Response, every: Duration, request: &Request) -> Next {
        let head = response.head(request.keep_alive);
        if self.stream.write_all(head.as_bytes()).await.is_err() {
            return Next::ClientLeft;
        }
        for byte in response.body() {
            let left = timeout(every, self.client_leaves()).await.is_ok();
            if left || self.stream.write_all(&[*byte]).await.is_err() {
                return Next::ClientLeft;
            }
        }
        Next::Another
    }

    /// Answers a request that could not be read, and waits for the client to take the answer:
    /// to close with bytes unread would send an RST, which may overtake it.
    async fn refuse(mut self, Refusal(status): Refusal) {
        let response = Response::status(status);
        let mut bytes = response.head(false).into_bytes();
        bytes.extend_from_slice(response.body());
        if self.stream.write_all(&bytes).await.is_ok() && self.stream.shutdown().await.is_ok() {
            self.client_leaves().await;
        }
    }

    /// Ends the connection in order.
    async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Ends the connection with an RST: what a close does when it may not linger.
    fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }
}
