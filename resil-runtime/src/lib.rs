//! The runtime of [`resil`](https://docs.rs/resil): what an expansion calls. Use it through the `resil` crate.

#![forbid(unsafe_code)]
#![deny(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Users turn on a database, not what it needs within.
#![cfg_attr(docsrs, doc(auto_cfg(hide(feature = "sqlx"))))]

#[cfg(feature = "serde")]
mod as_data;
mod clock;
#[cfg(feature = "config")]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub mod config;
mod context;
#[cfg(feature = "dashboard")]
#[cfg_attr(docsrs, doc(cfg(feature = "dashboard")))]
pub mod dashboard;
mod failure;
pub mod health {
    //! What [`health()`](crate::health()) and [`Registry::backlogs`](crate::Registry::backlogs) answer.

    pub use crate::registry::{
        Backlogs, Health, Intents, LedgerBacklog, OpenCircuit, OpenKeys, OutboxBacklog, Waiting,
    };
}
#[cfg(feature = "http")]
pub mod http;
mod lazy;
mod mark;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
pub mod net;
pub mod policy;
mod registry;
pub mod shutdown;
#[cfg_attr(not(feature = "sqlx"), path = "sql/absent.rs")]
mod sql;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub mod tonic;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower;
mod transaction;
mod words;

#[cfg(feature = "config")]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub use config::{configure, operator, reload};
#[doc(hidden)]
pub use context::Sent;
pub use failure::{
    Classify, ConnectTimeout, Effect, Error, Failure, Inside, Kind, Misconfiguration, Phase, Represents, Verdict,
};
pub use mark::{NonIdempotent, OutsideTransaction};
pub use net::sent;
pub use policy::attempt::Attempt;
pub use policy::bulkhead::Bulkhead;
pub use policy::circuit_breaker::{CircuitBreaker, CircuitState, Settings, Window};
pub use policy::deadline::{Deadline, remaining, within};
pub use policy::fallback::Fallback;
pub use policy::keyed::Keyed;
pub use policy::rate_limit::RateLimit;
pub use policy::retry::{IdempotencyKey, InvalidKey, Jitter, RequestKey, Retry};
pub use policy::semaphore::Semaphore;
pub use policy::timeout::Timeout;
pub use registry::{CallSite, Event, Events, Outcome, Policy, Registry, Site, check, health, registry};
pub use shutdown::Shutdown;
#[cfg(feature = "sqlx")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgres"))))]
pub use sql::{
    db::{
        Backend, Compared, Connection, Db, HeldBy, Migration, Once, OnceError, OnceProblem, RequestId, Stored,
        Transactional, Tx,
    },
    ledger, outbox,
};
pub use transaction::{
    Allowed, Began, GuardMode, Holds, Step, TransactionError, TransactionGuard, after, allow, spawn,
};

/// Spelled by expansions only. No promise is made about it.
#[doc(hidden)]
pub mod __private {
    pub use crate::failure::{
        Fallible, HttpStatus, Judge, JudgeResponse, Judgement, StatusCode, any, failure_if, output, status, value,
    };
    pub use crate::mark::{
        Awaiting, InTransaction, OtherParameter, TransactionParameter, UnderFallback, UnderRetry, Unmarked, parameter,
    };
    pub use crate::policy::fallback::{Answer, Keepable, answer, answer_within};
    pub use crate::policy::retry::{RepresentsDoubt, Told, Untold};
    pub use crate::registry::calls::{Calls, Ended, EndedOtherwise, EndedSilently, EndedSomehow, EndedWithStatus};
    pub use crate::registry::{CallSite, Policy};
    #[cfg(feature = "sqlx")]
    pub use crate::sql::{
        db::{Begun, On, OnAny, OnPool, database_name, opened},
        ledger::original_key::original,
    };
    pub use inventory;

    /// Adds an annotated function to the program's call sites.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __collect {
        ($site:ident, $calls:ident; $($policy:ident),*) => {
            $crate::__collect!(@ $site, ::core::option::Option::Some(&$calls), $($policy),*);
        };
        ($site:ident; $($policy:ident),*) => {
            $crate::__collect!(@ $site, ::core::option::Option::None, $($policy),*);
        };
        (@ $site:ident, $calls:expr, $($policy:ident),*) => {
            $crate::__private::inventory::submit! {
                $crate::__private::CallSite::new(&$site, $calls, &[$($crate::__private::Policy::new(&$policy)),*])
            }
        };
    }
    pub use crate::__collect as collect;

    /// What the outcome of a call means, whatever its type.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __meaning {
        ($outcome:ident) => {{
            use $crate::__private::{EndedOtherwise as _, EndedSomehow as _, EndedWithStatus as _};
            (&&$crate::__private::Ended(&$outcome)).resil_meaning()
        }};
    }
    pub use crate::__meaning as meaning;

    /// A call is over, with this outcome.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __end {
        ($call:ident, $outcome:ident) => {
            $call.end(
                || $crate::__meaning!($outcome),
                || {
                    use $crate::__private::EndedSilently as _;
                    $crate::__private::Ended(&$outcome).resil_words()
                },
            )
        };
    }
    pub use crate::__end as end;
}
