use super::{Expansion, hygienic, local::Local, operand, settings};
use crate::model::{Function, Keyed};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

/// Enough for the tenants of a service, and 2.5 MB of circuits at most.
const MAX_KEYS: u32 = 10_000;

/// One policy of the stack: the local that stands for it, and the constant expression that makes it.
pub(super) struct Policy {
    pub(super) local: Local,
    pub(super) new: TokenStream,
    /// How many keys have a state of their own, where each has one.
    pub(super) max_keys: Option<TokenStream>,
}

impl Policy {
    pub(super) fn new(local: Local, new: TokenStream) -> Self {
        Self { local, new, max_keys: None }
    }

    /// For so many keys.
    pub(super) fn keyed(self, keyed: Option<&Keyed>) -> Self {
        let max_keys = keyed.map(|keyed| match &keyed.max_keys {
            Some(max_keys) => settings::constant(max_keys, settings::whole),
            None => settings::whole(MAX_KEYS),
        });
        Self { max_keys, ..self }
    }

    fn static_name(&self) -> Ident {
        Ident::new(self.local.static_name(), hygienic())
    }

    /// `static RETRY: Retry = Retry::idempotent().at(&SITE);`
    fn statement(&self, runtime: &Path) -> TokenStream {
        let (name, new) = (self.static_name(), &self.new);
        let kind = Ident::new(self.local.type_name(), hygienic());
        let (ty, keyed) = match &self.max_keys {
            Some(max_keys) => (
                quote_spanned!(hygienic()=> #runtime::Keyed<#runtime::#kind>),
                quote_spanned!(hygienic()=> .keyed(#max_keys)),
            ),
            None => (quote_spanned!(hygienic()=> #runtime::#kind), TokenStream::new()),
        };
        quote_spanned!(hygienic()=> static #name: #ty = #runtime::#kind::#new.at(&SITE)#keyed;)
    }

    /// `Retry(&RETRY)`, as the registry lists it.
    fn listed(&self) -> TokenStream {
        let keyed = if self.max_keys.is_some() { "Keyed" } else { "" };
        let kind = Ident::new(&format!("{keyed}{}", self.local.type_name()), hygienic());
        let name = self.static_name();
        quote_spanned!(hygienic()=> #kind(&#name))
    }
}

/// `&key`, at the user's own token: that is where a key which cannot be hashed is reported.
pub(super) fn by_key(keyed: Option<&Keyed>) -> Option<TokenStream> {
    let key = &keyed?.key;
    let (at, key) = (hygienic().located_at(key.span()), operand(key));
    Some(quote_spanned!(at=> &#key))
}

impl Expansion<'_> {
    /// All statics of the call site in one block of their own, where the user's body does not see their names:
    /// `let (retry, timeout) = { static RETRY: .. = ..; static TIMEOUT: .. = ..; (&RETRY, &TIMEOUT) };`
    pub(super) fn policies(&self, function: &Function) -> TokenStream {
        let runtime = &self.stack.runtime;
        let span = hygienic();
        let policies = [
            self.transaction_guard(),
            self.fallback(),
            self.deadline(),
            self.retry(),
            self.circuit_breaker(),
            self.semaphore(),
            self.bulkhead(),
            self.timeout(),
            self.transactional(),
        ];
        let policies: Vec<_> = policies.into_iter().flatten().collect();
        let locals: Vec<_> = policies.iter().map(|policy| policy.local).collect();
        let statics: Vec<_> = policies.iter().map(Policy::static_name).collect();
        let statements = policies.iter().map(|policy| policy.statement(runtime));
        let listed = policies.iter().map(Policy::listed);
        let path = format!("::{}", function.signature.ident);
        let (pattern, value) = match (&locals[..], &statics[..]) {
            ([local], [of]) => (local.to_token_stream(), quote_spanned!(span=> &#of)),
            _ => (quote_spanned!(span=> (#(#locals),*)), quote_spanned!(span=> (#(&#statics),*))),
        };
        quote_spanned! {span=>
            let #pattern = {
                static SITE: #runtime::Site = #runtime::Site {
                    function: ::core::concat!(::core::module_path!(), #path),
                    file: ::core::file!(),
                    line: ::core::line!(),
                };
                #(#statements)*
                #runtime::__private::collect!(SITE, #(#listed),*);
                #value
            };
        }
    }
}
