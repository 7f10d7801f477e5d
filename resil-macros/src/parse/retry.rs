use super::arguments::arguments;
use super::values::{BudgetOf, Count, Factor, Function, Idempotent, JitterOf, Parameter, Statuses, Wait, Word};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::{Proof, Retry};
use proc_macro2::Span;
use syn::{Lit, Path};

const PROOFS: [&str; 3] = ["idempotent", "idempotency_key", "unsent"];

arguments! {
    RetryArguments {
        idempotent = "idempotent": Idempotent,
        idempotency_key = "idempotency_key": Parameter,
        unsent = "unsent": Word,
        attempts = "attempts": Count,
        base = "base": Wait,
        factor = "factor": Factor,
        max = "max": Wait,
        jitter = "jitter": JitterOf,
        retry_status = "retry_status": Statuses,
        budget = "budget": BudgetOf,
        failure_if = "failure_if": Function,
        runtime = "crate": Function,
    }
}

impl Arguments for RetryArguments {
    type Model = Retry;
    const EXAMPLE: &'static str = "retry(idempotent, attempts = 3)";

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Int(_)).then_some("attempts")
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Retry> {
        let proof = match (self.idempotent, self.idempotency_key, self.unsent) {
            (Some(Idempotent(None)), None, None) => Proof::Idempotent,
            (Some(Idempotent(Some(reason))), None, None) => Proof::Because(reason),
            (None, Some(key), None) => Proof::Key(key.0),
            (None, None, Some(Word)) => Proof::Unsent,
            (None, None, None) => {
                if !PROOFS.iter().any(|proof| given.has(proof)) {
                    errors.push(diagnostics::no_proof(span));
                }
                return None;
            }
            _ => {
                let proofs = given.names.iter().filter(|name| PROOFS.iter().any(|proof| name.is_ident(proof)));
                errors.extend(proofs.skip(1).map(diagnostics::two_proofs));
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
