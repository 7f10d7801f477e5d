//! What is told of a store that does not answer.

use crate::words::words;

/// What a process does whose store does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lost {
    /// It keeps the share of the rate that it had last.
    #[default]
    Share,
    /// It refuses calls, once the tokens that it has are used up.
    Refuse,
}

words! {
    Lost {
        Share => "share",
        Refuse => "refuse",
    }
}
