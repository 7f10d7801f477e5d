use super::Arguments;
use super::values::{BudgetOf, Count, Factor, Function, Idempotent, JitterOf, Parameter, Statuses, Wait, Word};
use crate::diagnostics::{self, Errors};
use crate::model::{Proof, Retry};
use darling::FromMeta;
use proc_macro2::Span;
use syn::Path;

#[derive(FromMeta)]
pub(crate) struct RetryArguments {
    idempotent: Option<Idempotent>,
    idempotency_key: Option<Parameter>,
    unsent: Option<Word>,
    attempts: Option<Count>,
    base: Option<Wait>,
    factor: Option<Factor>,
    max: Option<Wait>,
    jitter: Option<JitterOf>,
    retry_status: Option<Statuses>,
    budget: Option<BudgetOf>,
    failure_if: Option<Function>,
    #[darling(rename = "crate")]
    runtime: Option<Function>,
}

impl Arguments for RetryArguments {
    type Model = Retry;
    const KNOWN: &'static [&'static str] = &[
        "idempotent",
        "idempotency_key",
        "unsent",
        "attempts",
        "base",
        "factor",
        "max",
        "jitter",
        "retry_status",
        "budget",
        "failure_if",
        "crate",
    ];
    const EXAMPLE: &'static str = "retry(idempotent, attempts = 3)";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, errors: &mut Errors) -> Option<Retry> {
        let proof = match (self.idempotent, self.idempotency_key, self.unsent) {
            (Some(Idempotent(None)), None, None) => Proof::Idempotent,
            (Some(Idempotent(Some(reason))), None, None) => Proof::Because(reason),
            (None, Some(key), None) => Proof::Key(key.0),
            (None, None, Some(Word)) => Proof::Unsent,
            (None, None, None) => {
                errors.push(diagnostics::no_proof(span));
                return None;
            }
            _ => {
                errors.push(diagnostics::two_proofs(span));
                return None;
            }
        };
        Some(Retry {
            proof,
            attempts: self.attempts.map(|count| count.0),
            base: self.base.map(|wait| wait.0),
            factor: self.factor.map(|factor| factor.0),
            max: self.max.map(|wait| wait.0),
            jitter: self.jitter.map(|jitter| jitter.0),
            retry_status: self.retry_status.map(|statuses| statuses.0).unwrap_or_default(),
            budget: self.budget.map(|budget| budget.0),
            failure_if: self.failure_if.map(|path| path.0),
        })
    }
}
