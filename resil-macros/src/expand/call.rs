//! What the layers hand to each other, and what they share in writing it.

use super::context::Context;
use crate::function::span_of_error;
use crate::paths;
use crate::read::PathTo;
use crate::tokens::{Local, OUTCOME, REFUSAL, VERDICT, code, code_at};
use proc_macro2::TokenStream;
use quote::ToTokens;

/// The call as far as it is written: statements, and the outcome after them.
pub(crate) struct Call {
    statements: TokenStream,
    /// Without one, the statements leave the outcome in the local of that name.
    outcome: Option<TokenStream>,
    /// They leave what it means in the local `verdict`.
    is_judged: bool,
}

impl Call {
    pub(crate) fn new(statements: TokenStream, outcome: TokenStream) -> Self {
        Self { statements, outcome: Some(outcome), is_judged: false }
    }

    /// The same, after something else.
    pub(crate) fn after(self, before: TokenStream) -> Self {
        let mut statements = before;
        statements.extend(self.statements);
        Self { statements, ..self }
    }

    /// The same, between something and something that sees the outcome.
    pub(crate) fn between(self, before: TokenStream, after: TokenStream) -> Self {
        let is_judged = self.is_judged;
        let mut statements = before;
        statements.extend(self.into_statements());
        statements.extend(after);
        Self { statements, outcome: None, is_judged }
    }

    /// The same, after which the verdict is known.
    pub(crate) fn judged(self) -> Self {
        Self { is_judged: true, ..self }
    }

    /// What the outcome means.
    pub(crate) fn verdict(&self, cx: &Context<'_>) -> TokenStream {
        if self.is_judged { VERDICT.to_token_stream() } else { cx.verdict() }
    }

    pub(crate) fn into_statements(self) -> TokenStream {
        let statements = self.statements;
        match self.outcome {
            Some(outcome) => code!(#statements let #OUTCOME = #outcome;),
            None => statements,
        }
    }

    pub(super) fn into_expression(self) -> TokenStream {
        let (statements, outcome) = (self.statements, self.outcome.unwrap_or_else(|| OUTCOME.to_token_stream()));
        code!(#statements #outcome)
    }
}

impl Context<'_> {
    /// `let pass = match breaker.admit() { .. };`: leaves through `exit` with a refusal.
    pub(crate) fn admitted(&self, local: Local, admission: &TokenStream, exit: &TokenStream) -> TokenStream {
        let runtime = self.runtime;
        code! {
            let #local = match #admission {
                ::core::result::Result::Ok(#local) => #local,
                ::core::result::Result::Err(#REFUSAL) => {
                    #exit ::core::result::Result::Err(#runtime::Failure::Policy(#REFUSAL))
                }
            };
        }
    }

    /// `Err(refusal)` as the function's own error.
    pub(crate) fn refused(&self) -> TokenStream {
        let at = span_of_error(&self.function.output);
        let runtime = paths::located_at(self.runtime, at);
        code_at!(at=> ::core::result::Result::Err(#runtime::Failure::into_error(#runtime::Failure::Policy(#REFUSAL))))
    }

    /// `(&outcome).resil_verdict()`, where a missing `Classify` is reported at the error type.
    pub(crate) fn verdict(&self) -> TokenStream {
        code_at!(span_of_error(&self.function.output)=> (&#OUTCOME).resil_verdict())
    }

    /// `failure_if(verdict, &outcome, judge)`, where an answer of another type is reported at the judge.
    pub(crate) fn failure_if(&self, verdict: TokenStream, judge: Option<&PathTo>) -> TokenStream {
        let Some(judge) = judge else { return verdict };
        let runtime = paths::located_at(self.runtime, judge.name_span());
        code_at!(judge.name_span()=> #runtime::__private::failure_if(#verdict, &#OUTCOME, #judge))
    }
}
