//! How many intents write our own books in one transaction.

use std::time::Duration;

/// Each holds the locks of all until the commit.
const MOST: usize = 32;
const FIRST: usize = 16;

/// So long all their parts may take together. Where they take longer, a commit for each costs little beside them, and they are
/// done sooner side by side.
const LONG: Duration = Duration::from_millis(20);

/// It falls to one when a group fails, so that one of them, or those that lock the same rows, cannot hold up the others again and
/// again; and grows by one after as many as may go together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Size {
    most: usize,
    grows: usize,
}

impl Size {
    pub(super) fn new() -> Self {
        Self { most: FIRST, grows: 0 }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// So many were written in one transaction, and their parts took so long.
    pub(super) fn written(&mut self, together: usize, took: Duration) {
        if took > LONG {
            *self = Self { most: (together / 2).max(1), grows: 0 };
            return;
        }
        let one = took / u32::try_from(together).unwrap_or(u32::MAX).max(1);
        self.grows += together;
        if self.grows >= self.most && one * u32::try_from(self.most + 1).unwrap_or(u32::MAX) <= LONG {
            *self = Self { most: (self.most + 1).min(MOST), grows: 0 };
        }
    }

    pub(super) fn failed(&mut self) {
        *self = Self { most: 1, grows: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(100);

    #[test]
    fn a_group_that_failed_makes_the_next_ones_small_and_success_lets_them_grow() {
        let mut size = Size::new();
        assert_eq!(size.most(), FIRST);
        size.failed();
        assert_eq!(size.most(), 1);
        let mut written = 0;
        while size.most() < FIRST {
            let together = size.most();
            size.written(together, SHORT);
            written += together;
        }
        assert_eq!(written, (1..FIRST).sum::<usize>(), "slowly");
        for _ in 0..MOST {
            size.written(MOST, SHORT);
        }
        assert_eq!(size.most(), MOST);
    }

    #[test]
    fn what_takes_long_is_done_side_by_side() {
        let mut size = Size::new();
        size.written(8, LONG + SHORT);
        assert_eq!(size.most(), 4);
        for _ in 0..100 {
            size.written(1, LONG / 4);
        }
        assert_eq!(size.most(), 4, "five of these would take too long");
        for _ in 0..3 {
            size.written(size.most(), LONG * 2);
        }
        assert_eq!(size.most(), 1);
        for _ in 0..100 {
            size.written(1, LONG);
        }
        assert_eq!(size.most(), 1);
        size.written(1, SHORT);
        assert_eq!(size.most(), 2);
    }
}
