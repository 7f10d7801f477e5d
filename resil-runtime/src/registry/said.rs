//! The text of an error, for those who asked for it: what a partner has sent may be in it.

use super::calls::{one_listener_less, one_listener_more};
use super::{Registry, States};
use crate::sync::Ordering;

/// As much of a text is told.
const LONGEST: usize = 500;

/// Bounded, in one line, and without what a URL may hold of secrets: its query, its fragment, and who logs in by it.
pub(super) fn said(text: &str) -> String {
    // What a partner sends has no bound.
    let is_cut = text.len() > LONGEST;
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        said.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')' | ']'));
        let (url, after) = url.split_at(end.unwrap_or(url.len()));
        let path = url.find(['?', '#']).map_or(url, |query| &url[..query]);
        let host = path.find('/').unwrap_or(path.len());
        let login = path[..host].rfind('@');
        // Where the text was cut before the end of a host, it may have been cut within the login.
        let may_be_login = is_cut && end.is_none() && login.is_none() && host == url.len();
        if !may_be_login {
            said.push_str(login.map_or(path, |login| &path[login + 1..]));
        }
        rest = after;
    }
    said.push_str(rest);
    if said.contains(is_hidden) {
        said = said.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    }
    if is_cut {
        said.push('…');
    }
    said
}

impl Registry {
    /// Whether the end of a failed call tells the text of its error: in the log line `call ended`, and in
    /// [`Event::Finished`](crate::Event::Finished). Off until it is asked for, because a text may hold what a partner or a
    /// user has sent.
    ///
    /// It needs the feature `metrics`, without which no call is watched.
    ///
    /// Where the error has `Display`, 500 bytes of it at most are told, in one line; a URL in it is told without its query. While
    /// it is on, each call is timed.
    ///
    /// ```
    /// resil::registry().tell_errors(true);
    /// # resil::registry().tell_errors(false);
    /// ```
    pub fn tell_errors(self, tell: bool) {
        Self::with(|states| {
            let before = states.tells_errors.swap(tell, Ordering::Relaxed);
            match (before, tell) {
                (false, true) => one_listener_more(),
                (true, false) => one_listener_less(),
                _ => {}
            }
        });
    }
}

impl States {
    pub(super) fn tells_errors(&self) -> bool {
        self.tells_errors.load(Ordering::Relaxed)
    }
}

/// What no line shows, or what makes it read otherwise.
pub(super) fn is_hidden(char: char) -> bool {
    let turns = matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    char.is_control() || turns || matches!(char, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_one_short_line_without_the_query_of_a_url() {
        for (text, told) in [
            ("connection reset", "connection reset"),
            (
                "error for url (https://p.example/pay?card=4111&pin=1): 503",
                "error for url (https://p.example/pay): 503",
            ),
            ("https://me:secret@p.example/a@b", "https://p.example/a@b"),
            ("two https://a/?x=1 and https://b/#y.", "two https://a/ and https://b/"),
            ("a\nb\u{1b}[31m", "a b [31m"),
            ("a\u{2028}b\u{202e}c", "a b c"),
            ("://", "://"),
            ("http://?", "http://"),
        ] {
            assert_eq!(said(text), told);
        }
        let long = said(&"가".repeat(1_000));
        assert_eq!((long.len(), long.ends_with('…')), (498 + '…'.len_utf8(), true));
        assert!(said(&format!("https://p.example/{}?secret", "a".repeat(600))).ends_with("aaa…"));
        let cut = said(&format!("{}https://me:secret{}@p.example", "a".repeat(480), "b".repeat(20)));
        assert!(cut.ends_with("aaahttps://…"), "{cut}");
    }
}
