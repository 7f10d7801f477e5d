use super::policies::{Policy, by_key};
use super::{Expansion, hygienic, local::Local, retry::verdict, settings};
use crate::model::{Function, Window};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

impl Expansion<'_> {
    pub(super) fn circuit_breaker(&self) -> Option<Policy> {
        let runtime = &self.stack.runtime;
        let breaker = self.stack.circuit_breaker.as_ref()?;
        let span = hygienic();
        let new = match &breaker.name {
            Some(name) => quote_spanned!(span=> named(#name)),
            None => quote_spanned!(span=> unnamed()),
        };
        let window = breaker.window.as_ref().map(|window| match window {
            Window::Calls(calls) => {
                let calls = settings::constant(calls, settings::whole);
                quote_spanned!(span=> .window(#runtime::Window::Calls(#calls)))
            }
            Window::Time(time) => {
                let time = settings::constant(time, settings::duration);
                quote_spanned!(span=> .window(#runtime::Window::Time(#time)))
            }
        });
        let min_calls = settings::set("min_calls", breaker.min_calls.as_ref(), settings::whole);
        let failure_rate = settings::set("failure_rate", breaker.failure_rate.as_ref(), settings::fraction);
        let slow_call = settings::set("slow_call", breaker.slow_call.as_ref(), settings::duration);
        let slow_rate = settings::set("slow_rate", breaker.slow_rate.as_ref(), settings::fraction);
        let open_for = settings::set("open_for", breaker.open_for.as_ref(), settings::duration);
        let open_factor = settings::set("open_factor", breaker.open_factor.as_ref(), settings::fraction);
        let open_max = settings::set("open_max", breaker.open_max.as_ref(), settings::duration);
        let places = settings::set("half_open_calls", breaker.half_open_calls.as_ref(), settings::whole);
        let wait = settings::set("half_open_max_wait", breaker.half_open_max_wait.as_ref(), settings::duration);
        let new = quote_spanned! {span=>
            #new #window #min_calls #failure_rate #slow_call #slow_rate
            #open_for #open_factor #open_max #places #wait
        };
        Some(Policy::new(Local::CircuitBreaker, new).keyed(breaker.keyed.as_ref()))
    }

    /// Takes a place with the breaker, or leaves through `exit` with its refusal.
    pub(super) fn admit(&self, exit: &TokenStream) -> Option<TokenStream> {
        let key = by_key(self.stack.circuit_breaker.as_ref()?.keyed.as_ref());
        let runtime = &self.stack.runtime;
        let [breaker, pass, refusal] = [Local::CircuitBreaker, Local::Pass, Local::Refusal];
        Some(quote_spanned! {hygienic()=>
            let #pass = match #breaker.admit(#key) {
                ::core::result::Result::Ok(#pass) => #pass,
                ::core::result::Result::Err(#refusal) => {
                    #exit ::core::result::Result::Err(#runtime::Failure::Policy(#refusal))
                }
            };
        })
    }

    /// `let verdict = ..; pass.record(verdict);`
    pub(super) fn record(&self, function: &Function) -> Option<TokenStream> {
        let breaker = self.stack.circuit_breaker.as_ref()?;
        let [pass, name] = [Local::Pass, Local::Verdict];
        let verdict = verdict(function);
        let recorded = match &breaker.failure_if {
            Some(judge) => self.failure_if(&name.to_token_stream(), judge),
            None => quote_spanned!(hygienic()=> #name),
        };
        Some(quote_spanned! {hygienic()=>
            let #name = #verdict;
            #pass.record(#recorded);
        })
    }
}
