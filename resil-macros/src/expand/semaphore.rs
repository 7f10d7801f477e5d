use super::policies::{Policy, by_key};
use super::{Expansion, hygienic, local::Local, settings};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

impl Expansion<'_> {
    pub(super) fn semaphore(&self) -> Option<Policy> {
        let semaphore = self.stack.semaphore.as_ref()?;
        let permits = settings::constant(&semaphore.permits, settings::whole);
        let name = semaphore.name.as_ref().map(|name| quote_spanned!(hygienic()=> .name(#name)));
        let max_wait = settings::set("max_wait", semaphore.max_wait.as_ref(), settings::duration);
        let new = quote_spanned!(hygienic()=> new(#permits) #name #max_wait);
        Some(Policy::new(Local::Semaphore, new).keyed(semaphore.keyed.as_ref()))
    }

    /// Takes a permit, or leaves through `exit` with the refusal.
    pub(super) fn take_permit(&self, exit: &TokenStream) -> Option<TokenStream> {
        let keyed = self.stack.semaphore.as_ref()?.keyed.as_ref();
        let runtime = &self.stack.runtime;
        let [semaphore, deadline, permit, refusal] = [Local::Semaphore, Local::Deadline, Local::Permit, Local::Refusal];
        let within = self.stack.deadline.as_ref().map(|_| quote_spanned!(hygienic()=> .within(#deadline)));
        let (first, acquire) = match by_key(keyed) {
            // A statement of its own, so that no temporary of the key lives across the wait.
            Some(key) => {
                (quote_spanned!(hygienic()=> let #permit = #semaphore.acquire(#key) #within;), permit.to_token_stream())
            }
            None => (TokenStream::new(), quote_spanned!(hygienic()=> #semaphore.acquire() #within)),
        };
        Some(quote_spanned! {hygienic()=>
            #first
            let #permit = match #acquire.await {
                ::core::result::Result::Ok(#permit) => #permit,
                ::core::result::Result::Err(#refusal) => {
                    #exit ::core::result::Result::Err(#runtime::Failure::Policy(#refusal))
                }
            };
        })
    }

    /// Gives the permit back, before any wait.
    pub(super) fn give_permit_back(&self) -> Option<TokenStream> {
        self.stack.semaphore.as_ref()?;
        let permit = Local::Permit;
        Some(quote_spanned!(hygienic()=> ::core::mem::drop(#permit);))
    }
}
