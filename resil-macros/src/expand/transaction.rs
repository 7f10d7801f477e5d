use super::{Expansion, hygienic, local::Local, policies::Policy, settings};
use crate::model::{Function, Once, Transactional};
use crate::parse::function::{span_of_error, span_of_name, span_of_type};
use crate::paths;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Pat, PatIdent, Type};

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
        let new = match (&transactional.database, &transactional.once) {
            (Some(_), Some(Once { op, keep, max_wait, .. })) => {
                let keep = settings::set("keep", keep.as_ref(), settings::duration);
                let max_wait = settings::set("max_wait", max_wait.as_ref(), settings::duration);
                quote_spanned!(hygienic()=> opening().op(#op)#keep #max_wait)
            }
            (Some(_), None) => quote_spanned!(hygienic()=> opening()),
            (None, _) => quote_spanned!(hygienic()=> taking_part()),
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
        let [transactional, transaction, scope, outcome] =
            [Local::Transactional, Local::Transaction, Local::Scope, Local::Outcome];
        let span = hygienic();
        let tx = &written.tx;
        let Some(database) = &written.database else {
            let part = quote_spanned!(span.located_at(tx.span())=> &#tx);
            return quote_spanned! {span=>
                let #scope = #transactional.take_part(#part);
                #scope.around(async #capture { #body }).await
            };
        };
        let at = span.located_at(database.span());
        let database = self.with_this(function, database.to_token_stream());
        let database = quote_spanned!(at=> &#database);
        let (begin, store) = match &written.once {
            Some(once) => self.once(function, once, &database),
            None => (self.begin(function, &database), TokenStream::new()),
        };
        quote_spanned! {span=>
            #begin
            let #scope = #transaction.scope();
            let #tx = &mut #transaction;
            let #outcome = #scope.around(async #capture { #body }).await;
            #store
            #transaction.end(#outcome).await
        }
    }

    /// `let mut transaction = match transactional.begin(&db).await { .. };`
    fn begin(&self, function: &Function, database: &TokenStream) -> TokenStream {
        let [transactional, transaction, refusal] = [Local::Transactional, Local::Transaction, Local::Refusal];
        let refused = self.refused(function);
        quote_spanned! {hygienic()=>
            let mut #transaction = match #transactional.begin(#database).await {
                ::core::result::Result::Ok(#transaction) => #transaction,
                ::core::result::Result::Err(#refusal) => return #refused,
            };
        }
    }

    /// The same, unless it has run for this request ID; and `let outcome = transaction.store(outcome);`.
    fn once(&self, function: &Function, written: &Once, database: &TokenStream) -> (TokenStream, TokenStream) {
        let runtime = &self.stack.runtime;
        let [transactional, transaction, once, known, outcome, refusal] =
            [Local::Transactional, Local::Transaction, Local::Once, Local::Known, Local::Outcome, Local::Refusal];
        let span = hygienic();
        let at = span.located_at(written.id.span());
        let id = self.with_this(function, written.id.to_token_stream());
        let id = quote_spanned!(at=> &#id);
        let arguments = self.compared(function, written);
        let refused = self.refused(function);
        // Where a type that cannot be stored is reported.
        let at = span.located_at(span_of_name(&function.output, 0));
        let [again, store] = [quote_spanned!(at=> #known.outcome()), quote_spanned!(at=> #transaction.store(#outcome))];
        let begin = quote_spanned! {span=>
            let #once = #transactional.once(#id)#arguments;
            let mut #transaction = match #transactional.begin_once(#database, #once).await {
                ::core::result::Result::Ok(#runtime::__private::Begun::First(#transaction)) => #transaction,
                ::core::result::Result::Ok(#runtime::__private::Begun::Again(#known)) => return #again,
                ::core::result::Result::Err(#refusal) => return #refused,
            };
        };
        (begin, quote_spanned!(span=> let #outcome = #store;))
    }

    /// `.argument(&item).argument(&number)`: what a repeat must have in common with the first request.
    fn compared(&self, function: &Function, once: &Once) -> TokenStream {
        let span = hygienic();
        if let Some(fingerprint) = &once.fingerprint {
            let at = span.located_at(fingerprint.span());
            let fingerprint = self.with_this(function, fingerprint.to_token_stream());
            return quote_spanned!(at=> .argument(&#fingerprint));
        }
        let compared = compared_parameters(self.stack.transactional.as_ref(), function);
        compared.map(|(name, ty)| quote_spanned!(span.located_at(span_of_type(ty))=> .argument(&#name))).collect()
    }

    /// What the transaction uses of the parameters before the body begins.
    pub(super) fn transaction_mentions(&self, function: &Function) -> TokenStream {
        let Some(transactional) = &self.stack.transactional else { return TokenStream::new() };
        let mut mentioned = transactional.database.to_token_stream();
        if let Some(Once { id, fingerprint, .. }) = &transactional.once {
            mentioned.extend(id.to_token_stream());
            mentioned.extend(fingerprint.to_token_stream());
            if fingerprint.is_none() {
                let compared = compared_parameters(Some(transactional), function);
                mentioned.extend(compared.map(|(name, _)| name.to_token_stream()));
            }
        }
        mentioned
    }

    /// `Err(refusal)` as the function's own error.
    fn refused(&self, function: &Function) -> TokenStream {
        let span = hygienic().located_at(span_of_error(&function.output));
        let (runtime, refusal) = (paths::located_at(&self.stack.runtime, span), Local::Refusal);
        quote_spanned!(span=> ::core::result::Result::Err(#runtime::Failure::into_error(#runtime::Failure::Policy(#refusal))))
    }
}

/// All parameters but the database, which is no data, and the request ID, which is compared as it is. A parameter that only
/// has one of the two in it may have data beside it, and stays.
fn compared_parameters<'a>(
    transactional: Option<&'a Transactional>,
    function: &'a Function,
) -> impl Iterator<Item = (&'a Ident, &'a Type)> {
    let database = transactional.and_then(|transactional| transactional.database.as_ref());
    let id = transactional.and_then(|transactional| transactional.once.as_ref()).map(|once| &once.id);
    function.signature.inputs.iter().filter_map(move |input| match input {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(PatIdent { ident, .. }) => {
                let is_left_out = [database, id].into_iter().flatten().any(|expr| is_just(expr, ident));
                (!is_left_out).then_some((ident, &*typed.ty))
            }
            _ => None,
        },
        FnArg::Receiver(_) => None,
    })
}

/// Whether an expression is this name, or a reference to it.
fn is_just(expr: &Expr, name: &Ident) -> bool {
    match expr {
        Expr::Path(path) => path.path.is_ident(name),
        Expr::Reference(reference) => is_just(&reference.expr, name),
        Expr::Group(group) => is_just(&group.expr, name),
        _ => false,
    }
}
