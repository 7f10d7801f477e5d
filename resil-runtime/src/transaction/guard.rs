use super::scope::{Around, Scope};
use crate::registry::{Handle, Written, events};
use crate::sync::Ordering;
use crate::{Error, Registry, Site};
use std::panic::Location;

/// The run-time net of `#[outside_transaction]`, for what types cannot see: refuses a call while its caller holds a
/// transaction or a connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use resil::{Error, TransactionGuard};
///
/// static GUARD: TransactionGuard = TransactionGuard::new();
///
/// async fn charge(won: u64) -> Result<u64, Error> {
///     GUARD.check()?;
///     Ok(won) // the external call
/// }
/// assert_eq!(charge(5_000).await.unwrap(), 5_000, "nothing is held here");
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a guard keeps nothing out until it is asked"]
pub struct TransactionGuard {
    site: &'static Site,
}

/// What happens to an external call inside a transaction. Set it with [`Registry::guard_transactions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum GuardMode {
    /// It is refused before anything is sent, with [`Error::InsideTransaction`].
    #[default]
    Deny,
    /// It is let through, and reported as an event and in the log.
    Warn,
    /// It is let through and counted: for trying the guard in production.
    Count,
}

impl GuardMode {
    fn of(number: u32) -> Self {
        [Self::Deny, Self::Warn, Self::Count].into_iter().find(|mode| *mode as u32 == number).unwrap_or_default()
    }
}

impl TransactionGuard {
    /// A guard of a call without a place of its own.
    pub const fn new() -> Self {
        Self { site: &Site::UNKNOWN }
    }

    /// The function that makes the external call.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Whether the call may be made here and now. Ask it in the call's own future, not before.
    ///
    /// # Errors
    ///
    /// [`Error::InsideTransaction`] if the caller holds a transaction or a connection and the mode is
    /// [`GuardMode::Deny`].
    #[track_caller]
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        self.check_call(Location::caller())
    }

    /// The same for a call made at another place than this.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    #[inline]
    pub fn check_call(&self, called_at: &'static Location<'static>) -> Result<(), Error> {
        match Scope::around() {
            Around::Nothing => Ok(()),
            around => self.judge(&around, called_at),
        }
    }

    #[cold]
    fn judge(&self, around: &Around, called_at: &'static Location<'static>) -> Result<(), Error> {
        let began = match around {
            Around::Nothing => return Ok(()),
            Around::Allowed(reason) => {
                events::allowed_inside(self.site, called_at, reason);
                return Ok(());
            }
            Around::Held(began) => *began,
        };
        let mode = Registry::with(|states| {
            states.called_inside.fetch_add(1, Ordering::Relaxed);
            GuardMode::of(states.guard_mode.load(Ordering::Relaxed))
        });
        if mode != GuardMode::Count {
            events::called_inside(self.site, called_at, began, mode == GuardMode::Deny);
        }
        if mode == GuardMode::Deny { Err(Error::inside(self.site, called_at, began)) } else { Ok(()) }
    }
}

impl Handle for TransactionGuard {
    fn written(&self) -> Written {
        Written { kind: "outside transaction", name: None, site: self.site, settings: Vec::new() }
    }
}

impl Default for TransactionGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// What happens from now on to external calls inside a transaction. The default is [`GuardMode::Deny`].
    ///
    /// ```
    /// use resil::{GuardMode, registry};
    ///
    /// registry().guard_transactions(GuardMode::Count); // for a look at how many there are
    /// assert_eq!(registry().calls_inside_transactions(), 0);
    /// ```
    pub fn guard_transactions(self, mode: GuardMode) {
        Self::with(|states| states.guard_mode.store(mode as u32, Ordering::Relaxed));
    }

    /// How many external calls inside a transaction there were so far, refused or let through.
    pub fn calls_inside_transactions(self) -> u64 {
        Self::with(|states| states.called_inside.load(Ordering::Relaxed))
    }
}
