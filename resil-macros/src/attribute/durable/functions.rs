//! The five functions of an operation, each of which calls the user's.

use super::Conclusive;
use super::operation::Operation;
use super::parameter::{Parameter, Role};
use crate::function::span_of_error;
use crate::paths;
use crate::read::PathTo;
use crate::tokens::{code, code_at, hygienic};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Path;

impl Operation<'_> {
    pub(super) fn call(&self) -> TokenStream {
        let runtime = self.cx.runtime;
        let at = span_of_error(&self.cx.function.output);
        let (name, handed) = (self.name(), self.handed(Some(&code!(key))));
        let takes_key = self.parameters.iter().any(|parameter| matches!(parameter.role, Role::Key));
        let key = Ident::new(if takes_key { "key" } else { "_key" }, hygienic());
        let key = quote!(#key: &#runtime::IdempotencyKey);
        let call = code_at!(at=> #name(#handed));
        let failed = match self.durable.with.conclusive.as_deref() {
            Some(Conclusive::Judged(path)) => {
                let (at, runtime) = (path.name_span(), paths::located_at(runtime, path.name_span()));
                code_at!(at=> |failure| #runtime::ledger::Failed::concluding_if(failure, #path))
            }
            _ => self.failed(at),
        };
        self.reaching(&quote!(call), &key, &quote!(Self::Receipt), &code_at!(at=> #call.await.map_err(#failed)))
    }

    /// `Failed::from`
    fn failed(&self, at: Span) -> TokenStream {
        let runtime = paths::located_at(self.cx.runtime, at);
        code_at!(at=> <#runtime::ledger::Failed as ::core::convert::From<_>>::from)
    }

    pub(super) fn verify(&self) -> Option<TokenStream> {
        let (path, runtime, handed) = (self.durable.with.verify.as_ref()?, self.cx.runtime, self.handed(None));
        let at = path.name_span();
        let answer = code!(#runtime::ledger::Status<Self::Receipt>);
        let (original, handed_on) = self.original(at);
        let failed = self.failed(at);
        let outcome = code_at!(at=> #path(#handed #handed_on).await.map_err(#failed));
        Some(self.reaching(&quote!(verify), &original, &answer, &outcome))
    }

    pub(super) fn compensate(&self) -> Option<TokenStream> {
        let (path, runtime, handed) = (self.durable.with.compensate.as_ref()?, self.cx.runtime, self.handed(None));
        let at = path.name_span();
        let (original, handed_on) = self.original(at);
        let receipt = code_at!(at=> receipt: ::core::option::Option<Self::Receipt>);
        let more = code!(#original, key: &#runtime::IdempotencyKey, #receipt);
        let failed = self.failed(at);
        let outcome = code_at!(at=> #path(#handed #handed_on, key, receipt).await.map_err(#failed));
        Some(self.reaching(&quote!(compensate), &more, &quote!(()), &outcome))
    }

    /// `original: &OriginalKey`, and how it is handed on: a function that takes a key there is told so at its path.
    fn original(&self, at: Span) -> (TokenStream, TokenStream) {
        let (runtime, located) = (self.cx.runtime, paths::located_at(self.cx.runtime, at));
        let original = Ident::new("original", hygienic().located_at(at));
        (quote!(#original: &#runtime::ledger::OriginalKey), code_at!(at=> #located::__private::original(#original)))
    }

    /// A function of the trait that reaches the partner.
    fn reaching(
        &self,
        name: &TokenStream,
        more: &TokenStream,
        answer: &TokenStream,
        outcome: &TokenStream,
    ) -> TokenStream {
        let (runtime, names) = (self.cx.runtime, self.names());
        let is_given = self.parameters.iter().any(|parameter| matches!(parameter.role, Role::Given(_)));
        let given = Ident::new(if is_given { "given" } else { "_given" }, hygienic());
        code! {
            async fn #name(
                #given: &#runtime::ledger::Dependencies,
                #names: Self::Arguments,
                #more,
            ) -> ::core::result::Result<#answer, #runtime::ledger::Failed> {
                #outcome
            }
        }
    }

    pub(super) fn applied(&self, database: &Path) -> Option<TokenStream> {
        let path = self.durable.with.applied.as_ref()?;
        Some(self.writing(&quote!(applied), path, database, "receipt", &code!(&Self::Receipt)))
    }

    pub(super) fn undone(&self, database: &Path) -> Option<TokenStream> {
        let (runtime, path) = (self.cx.runtime, self.durable.with.undone.as_ref()?);
        Some(self.writing(&quote!(undone), path, database, "why", &code!(&#runtime::ledger::Report)))
    }

    /// A function of the trait that writes our own books. What it gets beside what is stored, and cannot take, is reported
    /// at its path.
    fn writing(&self, name: &TokenStream, path: &PathTo, database: &Path, more: &str, ty: &TokenStream) -> TokenStream {
        let (runtime, names) = (self.cx.runtime, self.names());
        let handed = self.stored().map(Parameter::local);
        let at = path.name_span();
        let failed = self.failed(at);
        let [tx, more] = ["tx", more].map(|name| Ident::new(name, hygienic().located_at(at)));
        let call = code_at!(at=> #path(#tx, #(#handed,)* #more).await.map_err(#failed));
        code! {
            async fn #name(
                #tx: &mut #runtime::Tx<#database>,
                #names: Self::Arguments,
                #more: #ty,
            ) -> ::core::result::Result<(), #runtime::ledger::Failed> {
                #call
            }
        }
    }
}
