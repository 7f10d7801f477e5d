use super::machine::{Millis, Now};
use crate::clock;
use tokio::time::Instant;

/// A reading of the database's clock, which was made somewhere between question and answer: waiting for a connection is a
/// part of the way, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    shown: Millis,
    asked: Instant,
    answered: Instant,
}

impl Reading {
    /// One that was asked for at this moment, and is answered now.
    pub(super) fn new(shown: Millis, asked: Instant) -> Self {
        Self { shown, asked, answered: clock::instant() }
    }

    /// What the clock may show by now.
    pub(super) fn now(&self) -> Now {
        let after = |instant| {
            let passed = clock::instant().saturating_duration_since(instant);
            self.shown.saturating_add(Millis::try_from(passed.as_millis()).unwrap_or(Millis::MAX))
        };
        Now { early: after(self.answered), late: after(self.asked) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_a_connection_makes_the_clock_neither_earlier_nor_later_than_it_is() {
        const WAIT: Duration = Duration::from_millis(1_800);
        // The clock may have been read at the beginning of the wait, or at its end.
        for (before, after) in [(WAIT, Duration::ZERO), (Duration::ZERO, WAIT)] {
            let asked = clock::instant();
            tokio::time::advance(before).await;
            let (shown, read) = (5_000, clock::instant());
            tokio::time::advance(after).await;
            let reading = Reading::new(shown, asked);
            tokio::time::advance(Duration::from_secs(4)).await;
            let really = shown + Millis::try_from(read.elapsed().as_millis()).unwrap();
            let Now { early, late } = reading.now();
            assert!(early <= really && really <= late, "{early} {really} {late}");
            assert_eq!(late - early, 1_800, "and no less is known than can be");
        }
    }
}
