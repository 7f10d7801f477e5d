use super::{Expansion, hygienic, local::Local, policies::Policy};
use crate::model::Function;
use crate::parse::function::span_of_error;
use crate::paths;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

impl Expansion<'_> {
    pub(super) fn transaction_guard(&self) -> Option<Policy> {
        self.stack.outside_transaction.as_ref()?;
        Some(Policy::new(Local::TransactionGuard, quote_spanned!(hygienic()=> new())))
    }

    /// Refuses a call inside a transaction, before any policy is asked.
    pub(super) fn guard(&self, function: &Function) -> Option<TokenStream> {
        self.stack.outside_transaction.as_ref()?;
        let [guard, called_at, refusal] = [Local::TransactionGuard, Local::CalledAt, Local::Refusal];
        let refused = self.refused(function);
        Some(quote_spanned! {hygienic()=>
            if let ::core::result::Result::Err(#refusal) = #guard.check_call(#called_at) {
                return #refused;
            }
        })
    }

    pub(super) fn transactional(&self) -> Option<Policy> {
        let transactional = self.stack.transactional.as_ref()?;
        let new = match &transactional.database {
            Some(_) => quote_spanned!(hygienic()=> opening()),
            None => quote_spanned!(hygienic()=> taking_part()),
        };
        Some(Policy::new(Local::Transactional, new))
    }

    /// The body in its transaction, which is committed if it succeeds.
    pub(super) fn within_transaction(
        &self,
        function: &Function,
        body: TokenStream,
        capture: &TokenStream,
    ) -> TokenStream {
        let Some(written) = &self.stack.transactional else { return body };
        let [transactional, transaction, scope, outcome, refusal] =
            [Local::Transactional, Local::Transaction, Local::Scope, Local::Outcome, Local::Refusal];
        let span = hygienic();
        let tx = &written.tx;
        let Some(database) = &written.database else {
            let part = quote_spanned!(span.located_at(tx.span())=> &#tx);
            return quote_spanned! {span=>
                let #scope = #transactional.take_part(#part);
                #scope.around(async #capture { #body }).await
            };
        };
        let refused = self.refused(function);
        let at = span.located_at(database.span());
        let database = self.with_this(function, database.to_token_stream());
        let database = quote_spanned!(at=> &#database);
        quote_spanned! {span=>
            let mut #transaction = match #transactional.begin(#database).await {
                ::core::result::Result::Ok(#transaction) => #transaction,
                ::core::result::Result::Err(#refusal) => return #refused,
            };
            let #scope = #transaction.scope();
            let #tx = &mut #transaction;
            let #outcome = #scope.around(async #capture { #body }).await;
            #transaction.end(#outcome).await
        }
    }

    /// `Err(refusal)` as the function's own error.
    fn refused(&self, function: &Function) -> TokenStream {
        let span = hygienic().located_at(span_of_error(&function.output));
        let (runtime, refusal) = (paths::located_at(&self.stack.runtime, span), Local::Refusal);
        quote_spanned!(span=> ::core::result::Result::Err(#runtime::Failure::into_error(#runtime::Failure::Policy(#refusal))))
    }
}
