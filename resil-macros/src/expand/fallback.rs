use super::{Expansion, anchored, hygienic, local::Local, policies::Policy, settings};
use crate::model::{Acting, Function, Instead, Shell};
use crate::parse::function::span_of_error;
use crate::paths;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Pat};

impl Expansion<'_> {
    pub(super) fn fallback(&self) -> Option<Policy> {
        let new = match &self.stack.fallback.as_ref()?.instead {
            Instead::Stale { max_age, .. } => {
                let max_age = settings::constant(max_age, settings::duration);
                quote_spanned!(hygienic()=> stale(#max_age))
            }
            Instead::With(_, Acting::Unsent) => quote_spanned!(hygienic()=> new().unsent()),
            Instead::With(_, Acting::Harmless(why)) => quote_spanned!(hygienic()=> new().acts(#why)),
            Instead::Value(_) | Instead::With(_, Acting::Unsaid) => quote_spanned!(hygienic()=> new()),
        };
        Some(Policy::new(Local::Fallback, new))
    }

    /// `let last_good = fallback.last_good(key);`, before the attempts, which may take what the key is made of.
    pub(super) fn start_fallback(&self) -> Option<TokenStream> {
        let [fallback, last_good] = [Local::Fallback, Local::LastGood];
        match &self.stack.fallback.as_ref()?.instead {
            Instead::Stale { key, .. } => {
                Some(quote_spanned!(hygienic()=> let #last_good = #fallback.last_good(#key);))
            }
            _ => None,
        }
    }

    /// Whether it answers only what certainly was never done.
    pub(super) fn falls_back_unsent(&self) -> bool {
        let fallback = self.stack.fallback.as_ref();
        fallback.is_some_and(|fallback| matches!(fallback.instead, Instead::With(_, Acting::Unsent)))
    }

    /// Whether the function it answers with must not be one that acts.
    pub(super) fn looks_at_fallback(&self) -> bool {
        let fallback = self.stack.fallback.as_ref();
        fallback.is_some_and(|fallback| matches!(fallback.instead, Instead::With(_, Acting::Unsaid)))
    }

    /// `let mut sent = Sent::new();`, where no retry remembers what was sent.
    pub(super) fn start_sent(&self) -> Option<TokenStream> {
        let (runtime, sent) = (&self.stack.runtime, Local::Sent);
        let is_needed = self.falls_back_unsent() && self.stack.retry.is_none();
        is_needed.then(|| quote_spanned!(hygienic()=> let mut #sent = #runtime::Sent::new();))
    }

    /// `let outcome = match outcome { .. };`: the answer in place of a failure.
    pub(super) fn fall_back(&self, function: &Function) -> Option<TokenStream> {
        let [outcome, value, failure, fallback] = [Local::Outcome, Local::Value, Local::Failure, Local::Fallback];
        let span = hygienic();
        let at = span.located_at(span_of_error(&function.output));
        let takes = if self.falls_back_unsent() {
            let sent = if self.stack.retry.is_some() { Local::Retry } else { Local::Sent };
            quote_spanned!(at=> #fallback.takes_unsent(&#failure, #sent.may_have_acted()))
        } else {
            quote_spanned!(at=> #fallback.takes(&#failure))
        };
        let keep = self.keep(function);
        let instead = self.instead(function)?;
        Some(quote_spanned! {span=>
            let #outcome = match #outcome {
                ::core::result::Result::Ok(#value) => {
                    #keep
                    ::core::result::Result::Ok(#value)
                }
                ::core::result::Result::Err(#failure) if #takes => #instead,
                ::core::result::Result::Err(#failure) => ::core::result::Result::Err(#failure),
            };
        })
    }

    fn keep(&self, function: &Function) -> Option<TokenStream> {
        let [value, last_good] = [Local::Value, Local::LastGood];
        let Instead::Stale { .. } = self.stack.fallback.as_ref()?.instead else { return None };
        let at = hygienic().located_at(function.output_span());
        Some(quote_spanned!(at=> #last_good.keep(&#value);))
    }

    fn instead(&self, function: &Function) -> Option<TokenStream> {
        let runtime = &self.stack.runtime;
        let [failure, last_good] = [Local::Failure, Local::LastGood];
        let span = hygienic();
        Some(match &self.stack.fallback.as_ref()?.instead {
            Instead::Value(value) => {
                quote_spanned!(span.located_at(value.span())=> ::core::result::Result::Ok(#value))
            }
            Instead::With(path, acting) => {
                let parameters = by_reference(function);
                let output = anchored(&function.output);
                let at = path.segments.last().map_or(span, |last| span.located_at(last.ident.span()));
                let private = paths::located_at(runtime, at);
                let looks = matches!(acting, Acting::Unsaid)
                    .then(|| quote_spanned!(at=> .awaited(|call| call.under_fallback())));
                let answer = quote_spanned!(at=>
                    #private::__private::answer::<#output, _, _>(#path(#(#parameters,)* #failure) #looks)
                );
                quote_spanned!(span=> #answer.await.map_err(#runtime::Failure::Call))
            }
            Instead::Stale { .. } => quote_spanned!(span=> #last_good.get().ok_or(#failure)),
        })
    }
}

/// The parameters as a fallback function gets them. `check` has seen to it that each has a name.
fn by_reference(function: &Function) -> Vec<TokenStream> {
    let inputs = function.signature.inputs.iter();
    inputs
        .filter_map(|input| match input {
            FnArg::Receiver(this) => {
                let name = match function.shell {
                    Shell::AsyncTrait { .. } => Ident::new("__self", this.self_token.span).to_token_stream(),
                    _ => this.self_token.to_token_stream(),
                };
                Some(quote_spanned!(hygienic()=> &#name))
            }
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => {
                    let name = &name.ident;
                    Some(quote_spanned!(hygienic()=> &#name))
                }
                _ => None,
            },
        })
        .collect()
}
