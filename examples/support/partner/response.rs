//! What is written on the wire when the partner does answer.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::date::imf_fixdate;

/// One whole HTTP answer; how much of it is really sent is the connection's business.
#[derive(Debug, Clone)]
pub(super) struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Response {
    /// An answer whose body is, or claims to be, JSON.
    pub(super) fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type", "application/json".to_owned())], body: body.into() }
    }

    /// An answer that says only its status (in a small JSON body, where the status allows one).
    pub(super) fn status(status: u16) -> Self {
        let reason = reason(status);
        Self::json(status, format!(r#"{{"status":{status},"title":"{reason}"}}"#))
    }

    /// The same answer with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status line and headers, up to and including the empty line.
    pub(super) fn head(&self, keep_alive: bool) -> String {
        let mut head = format!("HTTP/1.1 {:03} {}\r\n", self.status, reason(self.status));
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        line("date", &imf_fixdate(SystemTime::now()));
        for (name, value) in &self.headers {
            line(name, value);
        }
        if self.may_have_body() {
            line("content-length", &self.body.len());
        }
        if !keep_alive {
            line("connection", &"close");
        }
        head.push_str("\r\n");
        head
    }

    /// The body; empty where HTTP allows the status none.
    pub(super) fn body(&self) -> &[u8] {
        if self.may_have_body() { self.body.as_bytes() } else { &[] }
    }

    fn may_have_body(&self) -> bool {
        !matches!(self.status, 100..=199 | 204 | 304)
    }
}

/// The customary phrase of the statuses a test is likely to script.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Scripted",
    }
}
