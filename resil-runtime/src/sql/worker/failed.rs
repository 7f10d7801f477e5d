use crate::{Classify, Verdict};
use std::fmt;

/// Why one step of an operation failed: any error that says what it means, with its text for the history.
///
/// ```
/// use resil::Error;
/// use resil::ledger::Failed;
///
/// async fn step() -> Result<(), Failed> {
///     Err(Error::MissingKey { method: "POST" })?
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    pub(crate) verdict: Verdict,
    pub(crate) text: String,
    /// Whether something was repeated in it whose first outcome is unknown.
    pub(crate) is_in_doubt: bool,
}

/// Longer texts are cut.
const LONGEST_TEXT: usize = 300;

impl Failed {
    /// A failure with this meaning.
    pub fn new(verdict: Verdict, text: impl fmt::Display) -> Self {
        Self { verdict, text: shortened(&text.to_string()), is_in_doubt: false }
    }

    /// What it means.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl<E: Classify + fmt::Display> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::new(error.verdict(), error)
    }
}

/// One line, of a length that a history can hold.
pub(crate) fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
