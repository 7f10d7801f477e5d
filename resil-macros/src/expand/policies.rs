use super::{Expansion, hygienic, local::Local};
use crate::model::Function;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

/// One policy of the stack: the local that stands for it, and the constant expression that makes it.
pub(super) struct Policy {
    pub(super) local: Local,
    pub(super) new: TokenStream,
}

impl Policy {
    fn ident(name: &str) -> Ident {
        Ident::new(name, hygienic())
    }
}

impl Expansion<'_> {
    /// All statics of the call site in one block of their own, where the user's body does not see their names:
    /// `let (retry, timeout) = { static RETRY: .. = ..; static TIMEOUT: .. = ..; (&RETRY, &TIMEOUT) };`
    pub(super) fn policies(&self, function: &Function) -> TokenStream {
        let runtime = &self.stack.runtime;
        let span = hygienic();
        let isolation = [self.semaphore(), self.bulkhead()];
        let policies: Vec<_> = [self.fallback(), self.deadline(), self.retry(), self.circuit_breaker()]
            .into_iter()
            .chain(isolation)
            .chain([self.timeout()])
            .flatten()
            .collect();
        let locals: Vec<_> = policies.iter().map(|policy| policy.local).collect();
        let types: Vec<_> = locals.iter().map(|local| Policy::ident(local.type_name())).collect();
        let statics: Vec<_> = locals.iter().map(|local| Policy::ident(local.static_name())).collect();
        let news = policies.iter().map(|policy| &policy.new);
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
                #(static #statics: #runtime::#types = #runtime::#types::#news.at(&SITE);)*
                #runtime::__private::collect!(SITE, #(#types(&#statics)),*);
                #value
            };
        }
    }
}
