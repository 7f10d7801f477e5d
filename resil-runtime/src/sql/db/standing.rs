//! How a transaction stands, as far as that is known without asking the database.

/// Whether it can commit.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen by itself")]
pub(super) struct Standing {
    /// Somebody else began it, and it has no mark of ours.
    is_adopted: bool,
    /// The user had the connection since the transaction was last seen to be open: a statement may have ended it.
    is_touched: bool,
    /// The latest statement was one of ours and succeeded, as BEGIN has: it would have failed after a statement that has.
    is_good: bool,
    /// A savepoint was left half way, so that nobody knows what a commit would commit.
    pub(super) is_spoilt: bool,
    /// It was seen that it is over.
    has_ended: bool,
}

impl Standing {
    /// It has begun.
    pub(super) fn begun() -> Self {
        Self { is_adopted: false, is_touched: false, is_good: true, is_spoilt: false, has_ended: false }
    }

    pub(super) fn adopted() -> Self {
        Self { is_adopted: true, is_touched: true, ..Self::begun() }
    }

    pub(super) fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// The user has the connection.
    pub(super) fn touched(&mut self) {
        (self.is_touched, self.is_good) = (true, false);
    }

    pub(super) fn runs_ours(&mut self) {
        self.is_good = false;
    }

    pub(super) fn ours_succeeded(&mut self) {
        self.is_good = true;
    }

    /// What one of ours has found: whether it ran in a transaction with our mark. `false` if that has ended.
    pub(super) fn is_marked(&mut self, is_marked: bool) -> bool {
        if is_marked {
            self.is_touched = false;
        } else if !self.is_adopted {
            self.has_ended = true;
        }
        !self.has_ended
    }

    pub(super) fn ended(&mut self) {
        self.has_ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether it has to be asked for before a commit.
    pub(super) fn is_unknown(&self) -> bool {
        self.is_touched || !self.is_good
    }
}
