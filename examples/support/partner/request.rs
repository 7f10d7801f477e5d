//! What is read from the wire: just enough of HTTP/1.1, with every size capped.

/// The most bytes a request line and its headers may take; more is answered 431.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// The most bytes a request body may take; more is answered 413.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// A request the partner could not read, and the status it is refused with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) u16);

/// A request whose body has been read too.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path alone: a query is cut off.
    pub(super) path: String,
    pub(super) idempotency_key: Option<String>,
    /// Whether the client keeps the connection for a further request.
    pub(super) keep_alive: bool,
    pub(super) body: String,
}

/// The request line and headers; the body is still to be read.
#[derive(Debug)]
pub(super) struct Head {
    /// The request, its body still empty.
    pub(super) request: Request,
    /// How long its body is.
    pub(super) body_len: usize,
}

/// Where the head ends in `bytes` (behind its empty line), once all of it is there.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

/// Reads a head, which must be complete.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Head, Refusal> {
    const BAD: Refusal = Refusal(400);
    let text = std::str::from_utf8(bytes).map_err(|_| BAD)?;
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());

    let mut words = lines.next().ok_or(BAD)?.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BAD);
    };
    let mut keep_alive = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(Refusal(505)),
    };
    let path = target.split(['?', '#']).next().unwrap_or(target);
    if method.is_empty() || !path.starts_with('/') {
        return Err(BAD);
    }

    let (mut idempotency_key, mut body_len) = (None, None);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(BAD)?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(BAD); // among them the folded lines of old
        }
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => idempotency_key = Some(value.to_owned()),
            "content-length" => {
                let len = length(value)?;
                if body_len.replace(len).is_some_and(|other| other != len) {
                    return Err(BAD);
                }
            }
            "transfer-encoding" => return Err(Refusal(411)),
            "connection" => {
                for option in value.split(',').map(str::trim) {
                    if option.eq_ignore_ascii_case("close") {
                        keep_alive = false;
                    } else if option.eq_ignore_ascii_case("keep-alive") {
                        keep_alive = true;
                    }
                }
            }
            _ => {}
        }
    }

    Ok(Head {
        request: Request {
            method: method.to_owned(),
            path: path.to_owned(),
            idempotency_key,
            keep_alive,
            body: String::new(),
        },
        body_len: body_len.unwrap_or(0),
    })
}

/// A Content-Length: digits only, and no more than the partner accepts.
fn length(value: &str) -> Result<usize, Refusal> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal(400));
    }
    match value.parse() {
        Ok(len) if len <= MAX_BODY => Ok(len),
        _ => Err(Refusal(413)), // too long to accept, or even to count
    }
}
