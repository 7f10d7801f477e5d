//! What a call site keeps of its policies: statics with their settings, which the registry lists.

use super::context::Context;
use super::keyed::Keyed;
use super::layer::Layers;
use crate::attribute::facts::Handle;
use crate::tokens::{CALLS, code, hygienic};
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::Path;

/// One policy of the stack, and the constant expression that makes it.
struct Policy<'a> {
    handle: Handle,
    new: TokenStream,
    keyed: Option<&'a Keyed>,
}

impl Policy<'_> {
    /// `static RETRY: Retry = Retry::idempotent().at(&SITE);`
    fn statement(&self, runtime: &Path) -> TokenStream {
        let (name, new) = (self.handle.local.in_static(), &self.new);
        let kind = Ident::new(self.handle.type_name, hygienic());
        let (ty, keyed) = match self.keyed.map(Keyed::max_keys) {
            Some(max_keys) => (code!(#runtime::Keyed<#runtime::#kind>), code!(.keyed(#max_keys))),
            None => (code!(#runtime::#kind), TokenStream::new()),
        };
        code!(static #name: #ty = #runtime::#kind::#new.at(&SITE)#keyed;)
    }
}

/// All statics of the call site in one block of their own, where the user's body does not see their names:
/// `let (retry, timeout) = { static RETRY: .. = ..; static TIMEOUT: .. = ..; (&RETRY, &TIMEOUT) };`
pub(super) fn handles(layers: &Layers<'_>, cx: &Context<'_>) -> Option<TokenStream> {
    let policies = layers.iter().filter_map(|(facts, layer)| {
        Some(Policy { new: layer.handle(cx)?, handle: facts.handle?, keyed: layer.keyed() })
    });
    let policies: Vec<_> = policies.collect();
    let runtime = cx.runtime;
    let locals: Vec<_> = policies.iter().map(|policy| policy.handle.local).collect();
    let statics: Vec<_> = locals.iter().map(|local| local.in_static()).collect();
    let is_counted = cx.counts();
    let calls = is_counted.then(|| code!(, CALLS));
    let counted =
        is_counted.then(|| code!(static CALLS: #runtime::__private::Calls = #runtime::__private::Calls::of(&SITE);));
    let statements = policies.iter().map(|policy| policy.statement(runtime));
    let path = format!("::{}", cx.function.signature.ident);
    let own = is_counted.then_some((CALLS, CALLS.in_static()));
    let (shown, of): (Vec<_>, Vec<_>) =
        own.into_iter().chain(locals.iter().copied().zip(statics.iter().cloned())).unzip();
    if policies.is_empty() {
        return None;
    }
    let (pattern, value) = match (&shown[..], &of[..]) {
        ([local], [of]) => (local.to_token_stream(), code!(&#of)),
        _ => (code!((#(#shown),*)), code!((#(&#of),*))),
    };
    Some(code! {
        let #pattern = {
            static SITE: #runtime::Site = #runtime::Site {
                function: ::core::concat!(::core::module_path!(), #path),
                file: ::core::file!(),
                line: ::core::line!(),
            };
            #counted
            #(#statements)*
            #runtime::__private::collect!(SITE #calls; #(#statics),*);
            #value
        };
    })
}
