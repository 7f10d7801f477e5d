//! The stack of one function, valid by construction: what `parse` and `check` let through and `expand` writes.

use proc_macro2::{Ident, Span, TokenStream};
use std::time::Duration;
use syn::{Attribute, Expr, Path, Stmt, Type};

/// Our attributes, in the one right order, outermost first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Durable,
    OutsideTransaction,
    NonIdempotent,
    Fallback,
    Deadline,
    Retry,
    CircuitBreaker,
    Semaphore,
    Bulkhead,
    Timeout,
    Transactional,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Durable,
        Self::OutsideTransaction,
        Self::NonIdempotent,
        Self::Fallback,
        Self::Deadline,
        Self::Retry,
        Self::CircuitBreaker,
        Self::Semaphore,
        Self::Bulkhead,
        Self::Timeout,
        Self::Transactional,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::OutsideTransaction => "outside_transaction",
            Self::NonIdempotent => "non_idempotent",
            Self::Fallback => "fallback",
            Self::Deadline => "deadline",
            Self::Retry => "retry",
            Self::CircuitBreaker => "circuit_breaker",
            Self::Semaphore => "semaphore",
            Self::Bulkhead => "bulkhead",
            Self::Timeout => "timeout",
            Self::Transactional => "transactional",
        }
    }

    /// Whether it says what the function does, in the type of its future, and so is right on a declaration too.
    pub(crate) fn is_mark(self) -> bool {
        matches!(self, Self::OutsideTransaction | Self::NonIdempotent)
    }

    /// Whether it stands above all policies, and guards nothing.
    pub(crate) fn is_no_policy(self) -> bool {
        self.is_mark() || self == Self::Durable
    }

    /// Whether it may answer instead of the body.
    pub(crate) fn can_refuse(self) -> bool {
        self != Self::NonIdempotent
    }

    pub(crate) fn named(name: &Ident) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| name == kind.name())
    }
}

/// One attribute of ours as written, not yet read.
pub(crate) struct Written {
    pub(crate) kind: Kind,
    /// The attribute's own name, for messages about the whole of it.
    pub(crate) span: Span,
    pub(crate) arguments: TokenStream,
    /// What its `crate = path` says.
    pub(crate) runtime: Option<Path>,
    /// How it was spelled; `None` for the attribute being expanded.
    pub(crate) path: Option<Path>,
}

/// A setting: known here, or a constant the compiler knows later.
pub(crate) enum Setting<T> {
    Known(T, Span),
    Constant(Expr),
}

impl<T: Copy> Setting<T> {
    pub(crate) fn known(&self) -> Option<T> {
        match self {
            Self::Known(value, _) => Some(*value),
            Self::Constant(_) => None,
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Known(_, span) => *span,
            Self::Constant(expr) => syn::spanned::Spanned::span(expr),
        }
    }
}

pub(crate) struct Stack {
    /// The runtime's path: `::resil`, or what `crate = ..` says.
    pub(crate) runtime: Path,
    /// Attributes we took off the function, whose imports must still count as used.
    pub(crate) siblings: Vec<Path>,
    pub(crate) durable: Option<Durable>,
    pub(crate) outside_transaction: Option<OutsideTransaction>,
    pub(crate) non_idempotent: Option<NonIdempotent>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) retry: Option<Retry>,
    pub(crate) circuit_breaker: Option<CircuitBreaker>,
    pub(crate) semaphore: Option<Semaphore>,
    pub(crate) bulkhead: Option<Bulkhead>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) transactional: Option<Transactional>,
}

impl Stack {
    /// Whether the function's future says in its type what it does.
    pub(crate) fn is_marked(&self) -> bool {
        self.outside_transaction.is_some() || self.non_idempotent.is_some()
    }

    /// What the ledger does about an outcome that stays unknown. A retry that repeats what may have been sent has the proof
    /// that the ledger needs.
    pub(crate) fn in_doubt(&self) -> InDoubt {
        let repeats = self.retry.as_ref().is_some_and(|retry| !matches!(retry.proof, Proof::Unsent));
        let default = if repeats { InDoubt::Repeat } else { InDoubt::Manual };
        self.durable.as_ref().and_then(|durable| durable.in_doubt).map_or(default, |(in_doubt, _)| in_doubt)
    }

    /// Whether anything guards the call.
    pub(crate) fn has_policies(&self) -> bool {
        self.can_refuse() || self.retry.is_some()
    }

    /// Whether anything but the body itself can fail: a retry alone never does.
    pub(crate) fn can_refuse(&self) -> bool {
        let Self { fallback, deadline, circuit_breaker, semaphore, bulkhead, timeout, transactional, .. } = self;
        let bounds = deadline.is_some() || timeout.is_some();
        let isolates = semaphore.is_some() || bulkhead.is_some();
        fallback.is_some() || bounds || circuit_breaker.is_some() || isolates || transactional.is_some()
    }
}

/// An operation of the ledger.
pub(crate) struct Durable {
    /// The kinds of databases whose ledgers it may be in.
    pub(crate) databases: Vec<Path>,
    pub(crate) op: Expr,
    pub(crate) version: Option<Setting<u32>>,
    /// What an intent is about, of which there is one.
    pub(crate) per: Option<Expr>,
    pub(crate) amount: Option<Expr>,
    pub(crate) verify: Option<Path>,
    pub(crate) compensate: Option<Path>,
    pub(crate) applied: Option<Path>,
    pub(crate) undone: Option<Path>,
    pub(crate) settle: Option<Setting<Duration>>,
    pub(crate) attempts: Option<Setting<u32>>,
    pub(crate) base: Option<Setting<Duration>>,
    pub(crate) max: Option<Setting<Duration>>,
    pub(crate) in_doubt: Option<(InDoubt, Span)>,
}

/// What to do about an outcome that stays unknown.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum InDoubt {
    Repeat,
    Cancel,
    Manual,
}

/// A mark, and the guard beneath it: it has nothing to set.
pub(crate) struct OutsideTransaction;

/// A mark: it has nothing to set.
pub(crate) struct NonIdempotent;

pub(crate) struct Fallback {
    pub(crate) instead: Instead,
}

/// What a fallback answers.
pub(crate) enum Instead {
    Value(Expr),
    With(Path, Acting),
    Stale { max_age: Setting<Duration>, key: Expr },
}

/// Whether a fallback function may act a second time, after a call that has acted.
pub(crate) enum Acting {
    /// It does not act, as far as anybody can see.
    Unsaid,
    /// It may; so it answers only what certainly was never done.
    Unsent,
    /// It may, and the user says why it is harmless.
    Harmless(String),
}

pub(crate) struct Deadline {
    pub(crate) limit: Setting<Duration>,
}

pub(crate) struct Retry {
    pub(crate) proof: Proof,
    pub(crate) attempts: Option<Setting<u32>>,
    pub(crate) base: Option<Setting<Duration>>,
    pub(crate) factor: Option<Setting<f64>>,
    pub(crate) max: Option<Setting<Duration>>,
    pub(crate) jitter: Option<Jitter>,
    pub(crate) retry_status: Vec<u16>,
    pub(crate) budget: Option<Budget>,
    pub(crate) failure_if: Option<Path>,
}

pub(crate) enum Proof {
    Idempotent,
    Because(String),
    Key(Ident),
    Unsent,
}

impl Proof {
    /// Whether an attempt that may have had an effect is repeated on the word of the user alone.
    pub(crate) fn repeats_what_was_sent(&self) -> bool {
        matches!(self, Self::Idempotent | Self::Because(_))
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Jitter {
    None,
    Full,
    Equal,
    Decorrelated,
    Fraction(f64),
}

pub(crate) enum Budget {
    Named(Expr),
    None,
}

/// `key = .., max_keys = ..`: a state for each key.
pub(crate) struct Keyed {
    pub(crate) key: Expr,
    pub(crate) max_keys: Option<Setting<u32>>,
}

pub(crate) struct CircuitBreaker {
    pub(crate) name: Option<Expr>,
    pub(crate) keyed: Option<Keyed>,
    pub(crate) window: Option<Window>,
    pub(crate) min_calls: Option<Setting<u32>>,
    pub(crate) failure_rate: Option<Setting<f64>>,
    pub(crate) slow_call: Option<Setting<Duration>>,
    pub(crate) slow_rate: Option<Setting<f64>>,
    pub(crate) open_for: Option<Setting<Duration>>,
    pub(crate) open_factor: Option<Setting<f64>>,
    pub(crate) open_max: Option<Setting<Duration>>,
    pub(crate) half_open_calls: Option<Setting<u32>>,
    pub(crate) half_open_max_wait: Option<Setting<Duration>>,
    pub(crate) failure_if: Option<Path>,
}

pub(crate) enum Window {
    Calls(Setting<u32>),
    Time(Setting<Duration>),
}

pub(crate) struct Semaphore {
    pub(crate) name: Option<Expr>,
    pub(crate) keyed: Option<Keyed>,
    pub(crate) permits: Setting<u32>,
    pub(crate) max_wait: Option<Setting<Duration>>,
}

pub(crate) struct Bulkhead {
    /// The attribute's own name.
    pub(crate) span: Span,
    pub(crate) name: Option<Expr>,
    pub(crate) threads: Setting<u32>,
    pub(crate) max_concurrent: Option<Setting<u32>>,
    pub(crate) queue: Option<Setting<u32>>,
    pub(crate) max_wait: Option<Setting<Duration>>,
}

pub(crate) struct Timeout {
    pub(crate) attempt: Option<Setting<Duration>>,
    pub(crate) connect: Option<Setting<Duration>>,
    pub(crate) read: Option<Setting<Duration>>,
    /// `allow(range)`: the phases are meant to be outside the recommended range.
    pub(crate) any_range: bool,
}

pub(crate) struct Transactional {
    /// What the body calls the transaction.
    pub(crate) tx: Ident,
    /// Where it is opened; `None` if it is the caller's.
    pub(crate) database: Option<Expr>,
    /// What makes it run once.
    pub(crate) once: Option<Once>,
}

/// A transaction that runs once for each request ID.
pub(crate) struct Once {
    pub(crate) op: Expr,
    pub(crate) id: Expr,
    pub(crate) keep: Option<Setting<Duration>>,
    pub(crate) max_wait: Option<Setting<Duration>>,
    /// What is compared between two requests, if not all parameters.
    pub(crate) fingerprint: Option<Expr>,
}

/// The function, taken apart: what stands around the body, and the body that becomes the attempt.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) signature: syn::Signature,
    /// Everything up to the body.
    pub(crate) head: TokenStream,
    pub(crate) shell: Shell,
    pub(crate) body: Vec<Stmt>,
    /// What the body evaluates to.
    pub(crate) output: Type,
}

impl Function {
    /// Where messages about what success holds belong.
    pub(crate) fn output_span(&self) -> Span {
        syn::spanned::Spanned::span(&self.output)
    }
}

/// What stands between the function's braces and the body.
pub(crate) enum Shell {
    /// `async fn f() -> R;`
    Declaration,
    /// `async fn f() -> R { body }`
    AsyncFn,
    /// `fn f() -> impl Future<Output = R> { before; async move { body } }`
    ImplFuture { before: Vec<Stmt>, capture: Option<syn::token::Move> },
    /// `Box::pin(async move { before; let __ret: R = { body }; after })`, which `#[async_trait]` writes
    AsyncTrait { before: Vec<Stmt>, pin: Box<Expr>, inner: Vec<Stmt>, after: Vec<Stmt>, ret: Box<syn::Local> },
}
