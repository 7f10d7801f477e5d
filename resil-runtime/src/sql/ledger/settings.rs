use std::time::Duration;

/// How an operation is driven.
///
/// | setting | default |
/// |---|---|
/// | [`settle`](Self::settle) | 60 s |
/// | [`key_lifetime`](Self::key_lifetime) | 24 h |
/// | [`give_up`](Self::give_up) | 24 h |
/// | [`attempts`](Self::attempts) | as many as fit into `give_up` |
/// | [`base`](Self::base), [`max`](Self::max) | 1 s, 5 min |
/// | [`in_doubt`](Self::in_doubt) | [`InDoubt::Manual`] |
/// | [`conclusive`](Self::conclusive) | none |
///
/// ```
/// use resil::ledger::{InDoubt, Settings};
/// use std::time::Duration;
///
/// let settings = Settings::new().settle(Duration::from_secs(120)).verifies().in_doubt(InDoubt::Cancel);
/// ```
#[must_use = "settings do nothing by themselves"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub(super) settle: Duration,
    pub(super) key_lifetime: Duration,
    pub(super) give_up: Duration,
    pub(super) attempts: u32,
    pub(super) base: Duration,
    pub(super) max: Duration,
    pub(super) in_doubt: InDoubt,
    pub(super) verifies: bool,
    pub(super) compensates: bool,
    pub(super) conclusive: &'static [u16],
}

/// What to do about an unknown outcome that no status check has cleared up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InDoubt {
    /// Call again under the same key: the partner recognises it, and does nothing twice.
    Repeat,
    /// Cancel it by the key that it had, which does no harm if it never arrived. Needs `compensate`.
    Cancel,
    /// Leave it to an operator.
    #[default]
    Manual,
}

/// The shortest time for which large partners promise to know a key.
const DAY: Duration = Duration::from_hours(24);

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            settle: Duration::from_secs(60),
            key_lifetime: DAY,
            give_up: DAY,
            attempts: u32::MAX,
            base: Duration::from_secs(1),
            max: Duration::from_secs(300),
            in_doubt: InDoubt::Manual,
            verifies: false,
            compensates: false,
            conclusive: &[],
        }
    }

    /// The longest time after which a late request may still arrive at the partner. Until it has passed, "there is no
    /// such payment" is not believed, and nothing is cancelled.
    pub const fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// For how long the partner knows a key: it counts from the beginning of the first call. Afterwards the key is not sent
    /// any more, neither by a repeat nor for an operator or a comparison; the last request leaves earlier by `settle`, which
    /// is below it. What is in doubt by then, and no status check clears up, is left to an operator.
    pub const fn key_lifetime(mut self, key_lifetime: Duration) -> Self {
        self.key_lifetime = key_lifetime;
        self
    }

    /// For how long calls and status checks are tried, and then cancellations or writes of our own, before it is given up:
    /// rejected if nothing was certainly done, else left to an operator. It is judged when an attempt has failed or one of
    /// our own policies has refused, so that there is one attempt at least.
    pub const fn give_up(mut self, give_up: Duration) -> Self {
        self.give_up = give_up;
        self
    }

    /// How many attempts there are before it is given up, if that is sooner than [`give_up`](Self::give_up). What one of
    /// our own policies refuses is no attempt.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// What is wrong with them together.
    pub(super) fn problem(&self) -> Option<String> {
        let Self { settle, key_lifetime, .. } = *self;
        (settle >= key_lifetime).then(|| {
            format!(
                "`settle` ({settle:?}) is not below `key_lifetime` ({key_lifetime:?}), so that the partner may have forgotten \
                 the key when a repeat arrives: write a shorter `settle`, or the time for which the partner keeps a key"
            )
        })
    }

    /// The first wait between two attempts, which doubles; each is uniform between zero and that.
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The longest wait between two attempts.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// What to do in doubt where there is no status check, or it never gave an answer.
    pub const fn in_doubt(mut self, in_doubt: InDoubt) -> Self {
        self.in_doubt = in_doubt;
        self
    }

    /// HTTP statuses that say for good that the operation was not done, also as the answer to a repeat: the partner answers a
    /// key that it has applied with that first answer, and never with one of these. Believed when no earlier request may
    /// arrive any more.
    pub const fn conclusive(mut self, statuses: &'static [u16]) -> Self {
        self.conclusive = statuses;
        self
    }

    /// There is a status check: [`Operation::verify`](super::Operation::verify).
    pub const fn verifies(mut self) -> Self {
        self.verifies = true;
        self
    }

    /// There is a cancellation: [`Operation::compensate`](super::Operation::compensate).
    pub const fn compensates(mut self) -> Self {
        self.compensates = true;
        self
    }
}
