//! Who is let in when few permits are left.

use super::{Permit, Semaphore};
use crate::Error;
use std::time::Duration;

/// How important a call is. What is less important is refused first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What can be done later, such as an export: let in while more than half of the permits are free.
    Low,
    /// What most calls are: let in while more than a tenth of the permits are free.
    Normal,
    /// What must get through, such as a payment: let in while a permit is free.
    High,
}

impl Priority {
    /// How many of so many permits it leaves free for others. Never all: what may use none would never be served.
    fn leaves(self, limit: u32) -> u32 {
        let reserved = match self {
            Self::Low => limit.div_ceil(2),
            Self::Normal => limit.div_ceil(10),
            Self::High => 0,
        };
        reserved.min(limit.saturating_sub(1))
    }
}

impl Semaphore {
    /// Takes a permit that is not kept free for more important calls. Waits for none.
    pub(crate) fn acquire_unless_reserved(&self, priority: Priority) -> Result<Permit<'_>, Error> {
        let limiter = self.limiter()?;
        let limit = limiter.permits.limit();
        let reserved = priority.leaves(limit);
        if limiter.permits.try_take_beyond(reserved) {
            return Ok(Permit::of(limiter));
        }
        Err(limiter.full_at(limit - reserved, Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_important_leave_more_and_never_all() {
        for (limit, low, normal) in [(0, 0, 0), (1, 0, 0), (2, 1, 1), (3, 2, 1), (10, 5, 1), (11, 6, 2), (200, 100, 20)]
        {
            let left = [Priority::Low, Priority::Normal, Priority::High].map(|priority| priority.leaves(limit));
            assert_eq!(left, [low, normal, 0], "of {limit}");
        }
        assert_eq!(Priority::Low.leaves(u32::MAX), 1 << 31);
    }

    #[test]
    fn what_is_reserved_is_refused_to_the_less_important_alone() {
        let semaphore = Semaphore::new(10);
        let take = |priority, most: usize| {
            let taken: Vec<_> = (0..most).map_while(|_| semaphore.acquire_unless_reserved(priority).ok()).collect();
            (taken.len(), taken)
        };
        let (low, held) = take(Priority::Low, 20);
        assert_eq!(low, 5);
        let refused = semaphore.acquire_unless_reserved(Priority::Low).unwrap_err();
        assert!(matches!(refused, Error::SemaphoreFull { limit: 5, waited: Duration::ZERO, .. }), "{refused:?}");
        let (normal, more) = take(Priority::Normal, 20);
        assert_eq!(normal, 4);
        let (high, most) = take(Priority::High, 20);
        assert_eq!(high, 1);
        drop((held, more, most));
        assert_eq!(semaphore.usage().unwrap().in_use, 0);
    }
}
