use super::hygienic;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, TokenStreamExt};

/// The local variables of an expansion: plain names, invisible to the user's body.
#[derive(Clone, Copy)]
pub(super) enum Local {
    Attempt,
    Bulkhead,
    CalledAt,
    CircuitBreaker,
    Deadline,
    Delay,
    Failure,
    Fallback,
    Known,
    LastGood,
    Once,
    Outcome,
    Pass,
    Permit,
    Refusal,
    Retry,
    Scope,
    Semaphore,
    Sent,
    This,
    TransactionGuard,
    Transaction,
    Transactional,
    Timeout,
    Value,
    Verdict,
}

impl ToTokens for Local {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let name = match self {
            Self::Attempt => "attempt",
            Self::Bulkhead => "bulkhead",
            Self::CalledAt => "called_at",
            Self::CircuitBreaker => "circuit_breaker",
            Self::Deadline => "deadline",
            Self::Delay => "delay",
            Self::Failure => "failure",
            Self::Fallback => "fallback",
            Self::Known => "known",
            Self::LastGood => "last_good",
            Self::Once => "once",
            Self::Outcome => "outcome",
            Self::Pass => "pass",
            Self::Permit => "permit",
            Self::Refusal => "refusal",
            Self::Retry => "retry",
            Self::Scope => "scope",
            Self::Semaphore => "semaphore",
            Self::Sent => "sent",
            Self::This => "this",
            Self::TransactionGuard => "transaction_guard",
            Self::Transaction => "transaction",
            Self::Transactional => "transactional",
            Self::Timeout => "timeout",
            Self::Value => "value",
            Self::Verdict => "verdict",
        };
        tokens.append(Ident::new(name, hygienic()));
    }
}

impl Local {
    /// The runtime's type behind a policy's local.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Fallback => "Fallback",
            Self::Deadline => "Deadline",
            Self::Retry => "Retry",
            Self::CircuitBreaker => "CircuitBreaker",
            Self::Semaphore => "Semaphore",
            Self::Bulkhead => "Bulkhead",
            Self::Timeout => "Timeout",
            Self::TransactionGuard => "TransactionGuard",
            Self::Transactional => "Transactional",
            _ => unreachable!("not a policy"),
        }
    }

    /// The static that holds a policy. `check` keeps arguments from naming it by accident.
    pub(super) fn static_name(self) -> &'static str {
        match self {
            Self::Fallback => "FALLBACK",
            Self::Deadline => "DEADLINE",
            Self::Retry => "RETRY",
            Self::CircuitBreaker => "CIRCUIT_BREAKER",
            Self::Semaphore => "SEMAPHORE",
            Self::Bulkhead => "BULKHEAD",
            Self::Timeout => "TIMEOUT",
            Self::TransactionGuard => "TRANSACTION_GUARD",
            Self::Transactional => "TRANSACTIONAL",
            _ => unreachable!("not a policy"),
        }
    }
}
