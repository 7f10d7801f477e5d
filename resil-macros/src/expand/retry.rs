use super::{Expansion, hygienic, local::Local, policies::Policy, settings};
use crate::check;
use crate::model::{Budget, Function, Jitter, Proof};
use crate::parse::function::span_of_error;
use crate::paths;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, Pat, Path, Type};

impl Expansion<'_> {
    pub(super) fn retry(&self) -> Option<Policy> {
        let runtime = &self.stack.runtime;
        let retry = self.stack.retry.as_ref()?;
        let span = hygienic();
        let proof = match &retry.proof {
            Proof::Idempotent => quote_spanned!(span=> idempotent()),
            Proof::Because(reason) => quote_spanned!(span=> idempotent_because(#reason)),
            Proof::Key(_) => quote_spanned!(span=> idempotency_key()),
            Proof::Unsent => quote_spanned!(span=> unsent()),
        };
        let attempts = settings::set("attempts", retry.attempts.as_ref(), settings::whole);
        let base = settings::set("base", retry.base.as_ref(), settings::duration);
        let factor = settings::set("factor", retry.factor.as_ref(), settings::fraction);
        let max = settings::set("max", retry.max.as_ref(), settings::duration);
        let jitter = retry.jitter.map(|jitter| {
            let jitter = match jitter {
                Jitter::None => quote_spanned!(span=> None),
                Jitter::Full => quote_spanned!(span=> Full),
                Jitter::Equal => quote_spanned!(span=> Equal),
                Jitter::Decorrelated => quote_spanned!(span=> Decorrelated),
                Jitter::Fraction(part) => {
                    let part = settings::fraction(part);
                    quote_spanned!(span=> Fraction(#part))
                }
            };
            quote_spanned!(span=> .jitter(#runtime::Jitter::#jitter))
        });
        let statuses = retry.retry_status.iter().map(|status| settings::whole(u32::from(*status)));
        let statuses =
            (!retry.retry_status.is_empty()).then(|| quote_spanned!(span=> .retry_status(&[#(#statuses),*])));
        let budget = self.budget();
        let new = quote_spanned!(span=> #proof #attempts #base #factor #max #jitter #statuses #budget);
        Some(Policy::new(Local::Retry, new))
    }

    /// `let mut retry = retry.start();`
    pub(super) fn start_retry(&self, function: &Function) -> Option<TokenStream> {
        let span = hygienic();
        let [retry, deadline] = [Local::Retry, Local::Deadline];
        let start = match &self.stack.retry.as_ref()?.proof {
            Proof::Key(key) => {
                let reference = is_taken(function, key).then(|| quote_spanned!(span=> &));
                quote_spanned!(span=> start_with(#reference #key))
            }
            _ => quote_spanned!(span=> start()),
        };
        let within = self.stack.deadline.as_ref().map(|_| quote_spanned!(span=> .within(#deadline)));
        Some(quote_spanned!(span=> let mut #retry = #retry.#start #within;))
    }

    /// A budget of its own name, else the sibling breaker's, else the call site's.
    fn budget(&self) -> Option<TokenStream> {
        let breaker = self.stack.circuit_breaker.as_ref().and_then(|breaker| breaker.name.as_ref());
        match (self.stack.retry.as_ref()?.budget.as_ref(), breaker) {
            (Some(Budget::None), _) => Some(quote_spanned!(hygienic()=> .no_budget())),
            (Some(Budget::Named(name)), _) | (None, Some(name)) => Some(quote_spanned!(hygienic()=> .budget(#name))),
            (None, None) => None,
        }
    }

    /// Whether its attempts have an idempotency key.
    pub(super) fn is_keyed(&self) -> bool {
        self.stack.retry.as_ref().is_some_and(|retry| matches!(retry.proof, Proof::Key(_)))
    }

    /// `retry.conclude(outcome, ..)`: what a keyed call may say at its end. A missing `From<resil::Error>` is reported at
    /// the error type.
    pub(super) fn conclude(&self, function: &Function) -> Option<TokenStream> {
        if !self.is_keyed() {
            return None;
        }
        let [retry, outcome, failure] = [Local::Retry, Local::Outcome, Local::Failure];
        let runtime = &self.stack.runtime;
        let at = hygienic().located_at(span_of_error(&function.output));
        let why = quote_spanned!(hygienic()=> |#failure| #runtime::__private::Told(#failure).resil_text());
        Some(quote_spanned!(at=> #retry.conclude(#outcome, #why)))
    }

    /// `retry.again(verdict)`
    pub(super) fn again(&self, function: &Function) -> TokenStream {
        let retry = Local::Retry;
        let span = hygienic();
        let verdict = match &self.stack.circuit_breaker {
            Some(_) => Local::Verdict.to_token_stream(),
            None => verdict(function),
        };
        match self.stack.retry.as_ref().and_then(|retry| retry.failure_if.as_ref()) {
            Some(judge) => {
                let verdict = self.failure_if(&verdict, judge);
                quote_spanned!(span=> #retry.again(#verdict))
            }
            None => quote_spanned!(span=> #retry.again(#verdict)),
        }
    }

    /// `failure_if(verdict, &outcome, judge)`, where an answer of another type is reported at the judge.
    pub(super) fn failure_if(&self, verdict: &TokenStream, judge: &Path) -> TokenStream {
        let (outcome, span) = (Local::Outcome, judge.segments.last().map_or_else(hygienic, |last| last.ident.span()));
        let runtime = paths::located_at(&self.stack.runtime, span);
        quote_spanned!(hygienic().located_at(span)=> #runtime::__private::failure_if(#verdict, &#outcome, #judge))
    }

    /// Binds the key anew inside the attempt, so that rustc itself sees whether the body uses it.
    pub(super) fn key_must_be_used(&self, function: &Function) -> Option<TokenStream> {
        let Proof::Key(key) = &self.stack.retry.as_ref()?.proof else { return None };
        let body: TokenStream = function.body.iter().map(ToTokens::to_token_stream).collect();
        if check::sends_checked(body) {
            return None;
        }
        let parameter = function.signature.inputs.iter().find_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) if name.ident == *key => Some(&name.ident),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })?;
        Some(quote!(#[deny(unused_variables)] let #parameter = #parameter;))
    }
}

/// Whether the function takes this parameter by value, as it must under a bulkhead.
fn is_taken(function: &Function, key: &Ident) -> bool {
    function.signature.inputs.iter().any(|input| match input {
        FnArg::Typed(typed) => {
            matches!(&*typed.pat, Pat::Ident(name) if name.ident == *key) && matches!(*typed.ty, Type::Path(_))
        }
        FnArg::Receiver(_) => false,
    })
}

/// `(&outcome).verdict()`, where a missing `Classify` is reported at the error type.
pub(super) fn verdict(function: &Function) -> TokenStream {
    let outcome = Local::Outcome;
    let span: Span = hygienic().located_at(span_of_error(&function.output));
    quote_spanned!(span=> (&#outcome).verdict())
}
