//! What the call being polled holds.

use crate::Site;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

thread_local! {
    static INNERMOST: RefCell<Option<Arc<Scope>>> = const { RefCell::new(None) };
}

/// What runs after a commit.
pub(crate) type After = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A transaction or a connection that is held, or the permission to call out all the same.
pub(crate) struct Scope {
    mark: Mark,
    /// What was held where this began.
    outer: Option<Arc<Scope>>,
}

enum Mark {
    Held {
        began: Began,
        /// Which database, so that a second connection of it is noticed.
        database: usize,
        is_over: AtomicBool,
        /// What runs after the commit.
        after: Mutex<Vec<After>>,
    },
    Allowed(&'static str),
}

/// What of a database a call holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Holds {
    /// An open transaction, and with it a connection.
    Transaction,
    /// A connection that was checked out.
    Connection,
}

/// What is held, and the place where it began. It prints as both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Began {
    /// A transaction or a connection.
    pub holds: Holds,
    /// The annotated function, or the line that opened it.
    pub site: Site,
}

impl Began {
    /// What begins at this line.
    pub(crate) fn at(holds: Holds, function: &'static str, caller: &'static Location<'static>) -> Self {
        Self { holds, site: Site { function, file: caller.file(), line: caller.line() } }
    }
}

impl fmt::Display for Began {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.holds {
            Holds::Transaction => "transaction",
            Holds::Connection => "connection",
        };
        write!(f, "the {what} of {}", self.site)
    }
}

/// What the guard finds around a call.
pub(super) enum Around {
    Nothing,
    Held(Began),
    Allowed(&'static str),
}

impl Scope {
    /// Holds something of this database from now on.
    pub(crate) fn hold(began: Began, database: usize) -> Arc<Self> {
        let mark = Mark::Held { began, database, is_over: AtomicBool::new(false), after: Mutex::default() };
        Arc::new(Self { mark, outer: Self::innermost() })
    }

    pub(super) fn allow(reason: &'static str) -> Arc<Self> {
        Arc::new(Self { mark: Mark::Allowed(reason), outer: Self::innermost() })
    }

    /// Nothing is held any more; a task that inherited this is free.
    pub(crate) fn end(&self) {
        if let Mark::Held { is_over, .. } = &self.mark {
            is_over.store(true, Ordering::Relaxed);
        }
    }

    /// What the call being polled holds, to hand on.
    pub(crate) fn innermost() -> Option<Arc<Self>> {
        INNERMOST.try_with(|innermost| innermost.borrow().clone()).ok().flatten()
    }

    /// What is around the call being polled. One load where nothing is.
    #[inline]
    pub(super) fn around() -> Around {
        let around = INNERMOST.try_with(|innermost| match &*innermost.borrow() {
            None => Around::Nothing,
            Some(scope) => scope.look(),
        });
        around.unwrap_or(Around::Nothing)
    }

    #[cold]
    fn look(&self) -> Around {
        for scope in self.outwards() {
            match &scope.mark {
                Mark::Allowed(reason) => return Around::Allowed(reason),
                Mark::Held { began, is_over, .. } if !is_over.load(Ordering::Relaxed) => return Around::Held(*began),
                Mark::Held { .. } => {}
            }
        }
        Around::Nothing
    }

    /// What the call being polled holds of this database.
    pub(crate) fn held_of(database: usize) -> Option<Began> {
        let innermost = Self::innermost()?;
        innermost.outwards().find_map(|scope| match &scope.mark {
            Mark::Held { began, database: of, is_over, .. } if *of == database && !is_over.load(Ordering::Relaxed) => {
                Some(*began)
            }
            _ => None,
        })
    }

    /// Keeps this until the transaction being polled has committed; hands it back if there is none.
    pub(super) fn when_committed(task: After) -> Option<After> {
        let Some(innermost) = Self::innermost() else { return Some(task) };
        let transaction = innermost.outwards().find_map(|scope| match &scope.mark {
            Mark::Held { began: Began { holds: Holds::Transaction, .. }, is_over, after, .. }
                if !is_over.load(Ordering::Relaxed) =>
            {
                Some(after)
            }
            _ => None,
        });
        match transaction {
            Some(after) => {
                lock(after).push(task);
                None
            }
            None => Some(task),
        }
    }

    /// What is to run after the commit, but for the first `keep`.
    pub(crate) fn take_after(&self, keep: usize) -> Vec<After> {
        match &self.mark {
            Mark::Held { after, .. } => lock(after).drain(keep..).collect(),
            Mark::Allowed(_) => Vec::new(),
        }
    }

    /// How much is to run after the commit.
    pub(crate) fn number_after(&self) -> usize {
        if let Mark::Held { after, .. } = &self.mark { lock(after).len() } else { 0 }
    }

    fn outwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |scope| scope.outer.as_deref())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mark {
            Mark::Held { began, .. } => write!(f, "Held({began})"),
            Mark::Allowed(reason) => write!(f, "Allowed({reason:?})"),
        }
    }
}

/// Runs one poll inside a scope. It is swapped in and out, so that no count is touched; between polls `scope` has it.
#[inline]
pub(crate) fn enter<R>(scope: &mut Option<Arc<Scope>>, poll: impl FnOnce() -> R) -> R {
    struct Leave<'a>(&'a mut Option<Arc<Scope>>);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            swap(self.0);
        }
    }
    swap(scope);
    let _leave = Leave(scope);
    poll()
}

fn swap(scope: &mut Option<Arc<Scope>>) {
    // A thread that is ending has no calls to guard.
    _ = INNERMOST.try_with(|innermost| std::mem::swap(&mut *innermost.borrow_mut(), scope));
}

/// A scope to run futures in.
#[doc(hidden)]
#[derive(Debug)]
pub struct Holding(pub(crate) Arc<Scope>);

impl Holding {
    /// Runs a future in this scope.
    pub fn around<F>(&self, body: F) -> InScope<F> {
        InScope { body, scope: Some(Arc::clone(&self.0)) }
    }
}

pin_project! {
    /// A future that runs in a scope.
    #[doc(hidden)]
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct InScope<F> {
        #[pin]
        body: F,
        scope: Option<Arc<Scope>>,
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        enter(this.scope, || this.body.poll(cx))
    }
}
