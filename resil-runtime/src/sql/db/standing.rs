//! How a transaction stands, as far as that is known without asking the database.

use super::text::ends_transaction;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Standing {
    seen: Seen,
    /// A statement of the user's ends it, by its text.
    is_ended_by_hand: bool,
    /// A savepoint was left half way, so that nobody knows what a commit would commit.
    pub(super) is_spoilt: bool,
}

/// Each is less certain than the one before it, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// It is open, and its latest statement has succeeded, as BEGIN has: one of ours would have failed after one that has.
    Open,
    /// It is open, and the latest statement may have failed.
    Used,
    /// It may be over: the user had the connection, or a statement looks like it.
    Lent,
    /// It is over.
    Ended,
}

/// What a database makes of a transaction in which a statement fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// It stays open and failed, and its COMMIT rolls back without a word. A mark tells it from another one.
    Stays,
    /// It goes on, or is rolled back by the database, and COMMIT fails where none is open. The text of a statement is all there is
    /// to tell it from another one by: SQLite's only mark is a savepoint, for which it copies each page that is changed.
    MayEnd,
}

impl Standing {
    /// It has begun.
    pub(super) fn begun() -> Self {
        Self { seen: Seen::Open, is_ended_by_hand: false, is_spoilt: false }
    }

    fn at_least(&mut self, seen: Seen) {
        self.seen = self.seen.max(seen);
    }

    /// The user has the connection.
    pub(super) fn lent(&mut self) {
        self.at_least(Seen::Lent);
    }

    /// The user runs a statement.
    pub(super) fn used(&mut self, sql: &str, failing: Failing) {
        let ends = ends_transaction(sql);
        self.is_ended_by_hand |= ends;
        self.at_least(match failing {
            _ if !ends => Seen::Used,
            Failing::Stays => Seen::Lent,
            Failing::MayEnd => Seen::Ended,
        });
    }

    pub(super) fn runs_ours(&mut self) {
        self.at_least(Seen::Used);
    }

    pub(super) fn ours_succeeded(&mut self) {
        if self.seen == Seen::Used {
            self.seen = Seen::Open;
        }
    }

    /// What one of ours has found: whether it ran in a transaction with our mark. `false` if that has ended.
    pub(super) fn is_marked(&mut self, is_marked: bool) -> bool {
        self.seen = if is_marked && !self.has_ended() { Seen::Open } else { Seen::Ended };
        !self.has_ended()
    }

    pub(super) fn ended(&mut self) {
        self.seen = Seen::Ended;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.seen == Seen::Ended
    }

    /// Whether the database has to be asked before a commit.
    pub(super) fn is_asked_to_commit(&self, failing: Failing) -> bool {
        match failing {
            Failing::Stays => self.seen >= Seen::Used,
            Failing::MayEnd => self.seen >= Seen::Lent,
        }
    }

    /// Whether a roll back may come too late. One that the database has rolled back by itself looks like one that was committed by
    /// hand.
    pub(super) fn is_asked_to_roll_back(&self, failing: Failing) -> bool {
        match failing {
            Failing::Stays => self.seen >= Seen::Lent,
            Failing::MayEnd => self.is_ended_by_hand,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Failing; 2] = [Failing::Stays, Failing::MayEnd];

    #[test]
    fn only_what_is_uncertain_is_asked_for() {
        let asked = |change: fn(&mut Standing, Failing)| {
            BOTH.map(|failing| {
                let mut standing = Standing::begun();
                change(&mut standing, failing);
                (standing.is_asked_to_commit(failing), standing.is_asked_to_roll_back(failing))
            })
        };
        assert_eq!(asked(|_, _| {}), [(false, false), (false, false)]);
        assert_eq!(asked(|standing, of| standing.used("SELECT 1", of)), [(true, false), (false, false)]);
        assert_eq!(asked(|standing, _| standing.lent()), [(true, true), (true, false)]);
        assert_eq!(asked(|standing, of| standing.used("COMMIT", of)), [(true, true), (true, true)]);
        let ours_after = |standing: &mut Standing, of| {
            standing.used("SELECT 1", of);
            standing.runs_ours();
            standing.ours_succeeded();
        };
        assert_eq!(asked(ours_after), [(false, false), (false, false)]);
        assert_eq!(asked(|standing, _| standing.runs_ours()), [(true, false), (false, false)]);
    }

    #[test]
    fn a_text_is_the_last_word_where_there_is_no_mark() {
        let ended = BOTH.map(|failing| {
            let mut standing = Standing::begun();
            standing.used("COMMIT; BEGIN", failing);
            standing.has_ended()
        });
        assert_eq!(ended, [false, true]);
    }

    #[test]
    fn a_statement_of_ours_says_more_if_it_has_seen_the_mark() {
        let mut standing = Standing::begun();
        standing.lent();
        standing.runs_ours();
        standing.ours_succeeded();
        assert!(standing.is_asked_to_commit(Failing::MayEnd), "it may run in another transaction");
        assert!(standing.is_marked(true) && !standing.is_asked_to_commit(Failing::Stays));
        assert!(!standing.is_marked(false) && standing.has_ended());
        assert!(!standing.is_marked(true), "for good");
    }
}
