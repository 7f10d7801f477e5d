//! All the partner knows: its scripts, what it has seen, and its book.

use std::collections::HashMap;

use super::answer::{Act, Answer};
use super::book::Book;
use super::request::Request;

/// A request the partner has read, whatever it then did with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method, as sent.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The `idempotency-key` header.
    pub idempotency_key: Option<String>,
    /// Which connection it came over, counted from 1 in the order they were accepted. A pooling
    /// client may open connections that it sends nothing over, so expect gaps.
    pub connection: usize,
}

/// The state shared by the handle and every connection.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) book: Book,
    pub(super) seen: Vec<Seen>,
    /// Set once, when the partner stops: no request is served after that.
    pub(super) stopped: bool,
    scripts: HashMap<String, Script>,
    left: HashMap<String, usize>,
}

/// The answers for one path, and how many of them have been given.
#[derive(Debug)]
struct Script {
    answers: Vec<Answer>,
    given: usize,
}

impl State {
    /// Replaces the script of `path`; without answers, the path is back to the usual.
    pub(super) fn script(&mut self, path: String, answers: Vec<Answer>) {
        self.scripts.insert(path, Script { answers, given: 0 });
    }

    /// Notes a request, applies it to the book if its answer says so, and returns what is to be
    /// done on the wire; a partner who has stopped does none of it. All in one step: who sees
    /// the request sees what it did to the book.
    pub(super) fn arrive(&mut self, request: &Request, connection: usize) -> Option<Act> {
        if self.stopped {
            return None;
        }
        self.seen.push(Seen {
            method: request.method.clone(),
            path: request.path.clone(),
            idempotency_key: request.idempotency_key.clone(),
            connection,
        });
        let answer = self.scripts.get_mut(&request.path).and_then(Script::next).unwrap_or(Answer::AsUsual);
        Some(answer.act(|| self.book.serve(request)))
    }

    /// Notes that a client went away from `path` before it had its answer.
    pub(super) fn leave(&mut self, path: String) {
        *self.left.entry(path).or_default() += 1;
    }

    /// How many requests for `path` have been read.
    pub(super) fn requests(&self, path: &str) -> usize {
        self.seen.iter().filter(|seen| seen.path == path).count()
    }

    /// How many clients went away from `path` before they had their answer.
    pub(super) fn left(&self, path: &str) -> usize {
        self.left.get(path).copied().unwrap_or(0)
    }
}

impl Script {
    /// The next answer, or the last one again; none from an empty script.
    fn next(&mut self) -> Option<Answer> {
        let answer = self.answers.get(self.given).or(self.answers.last())?;
        self.given = self.given.saturating_add(1);
        Some(answer.clone())
    }
}
