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
    /// Whether it refuses by intent.
    pub(crate) refuses: bool,
}

/// Longer texts are cut.
const LONGEST_TEXT: usize = 300;

impl Failed {
    /// A failure with this meaning.
    pub fn new(verdict: Verdict, text: impl fmt::Display) -> Self {
        Self { verdict, text: shortened(&text.to_string()), is_in_doubt: false, refuses: false }
    }

    /// The same as [`From`], conclusive if this says so of the error: see [`Verdict::is_conclusive`].
    ///
    /// ```
    /// use resil::http::Error;
    /// use resil::ledger::Failed;
    ///
    /// fn is_final(error: &Error) -> bool {
    ///     matches!(error, Error::Status { code, .. } if code.as_u16() == 402)
    /// }
    ///
    /// async fn charge() -> Result<u64, Error> {
    ///     # Ok(7)
    /// }
    ///
    /// async fn call() -> Result<u64, Failed> {
    ///     charge().await.map_err(|error| Failed::concluding_if(error, is_final))
    /// }
    /// ```
    pub fn concluding_if<E: Classify + fmt::Display>(error: E, is_conclusive: fn(&E) -> bool) -> Self {
        let is_conclusive = is_conclusive(&error);
        let mut failed = Self::from(error);
        if is_conclusive {
            failed.verdict = failed.verdict.conclusive();
        }
        failed
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
        let refuses = error.is_refusal();
        Self { refuses, ..Self::new(error.verdict(), error) }
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
