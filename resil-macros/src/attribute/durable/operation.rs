//! The operation beside a function: what the ledger records and drives.

use super::parameter::{Parameter, Role, parameter};
use super::{Conclusive, Durable, InDoubt};
use crate::expand::Context;
use crate::function::{conditions, span_of_type};
use crate::read::{Constant, set};
use crate::tokens::{code, code_at, hygienic, operand};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Expr, Path, PathArguments, Type};

pub(super) struct Operation<'a> {
    pub(super) durable: &'a Durable,
    pub(super) cx: &'a Context<'a>,
    pub(super) parameters: Vec<Parameter<'a>>,
}

impl<'a> Operation<'a> {
    pub(super) fn of(durable: &'a Durable, cx: &'a Context<'a>) -> Self {
        Self { durable, cx, parameters: cx.function.signature.inputs.iter().filter_map(parameter).collect() }
    }

    pub(super) fn items(&self) -> TokenStream {
        let [structure, record, collected] = [self.structure(), self.record(), self.collected()];
        let implementations = self.durable.databases.0.iter().map(|database| self.implementation(database));
        quote!(#structure #record #(#implementations)* #collected)
    }

    pub(super) fn name(&self) -> &Ident {
        &self.cx.function.signature.ident
    }

    /// `#[cfg]` is for all of it.
    fn conditions(&self) -> TokenStream {
        conditions(&self.cx.function.attributes)
    }

    /// The ledger goes on to call a function that others should not call any more.
    fn calls_what_is_deprecated(&self) -> Option<TokenStream> {
        let is_deprecated = self.cx.function.attributes.iter().any(|attribute| attribute.path().is_ident("deprecated"));
        is_deprecated.then(|| code!(#[allow(deprecated, clippy::allow_attributes)]))
    }

    /// That of the function, in tokens of ours: no lint takes an item that begins with them for the user's.
    fn visibility(&self) -> TokenStream {
        let tokens = self.cx.function.head.clone().into_iter().map(|mut token| {
            token.set_span(Span::call_site().located_at(token.span()));
            token
        });
        tokens.collect()
    }

    /// `pub struct confirm {}`: with braces, so that the name still stands for the function too.
    fn structure(&self) -> TokenStream {
        let (head, conditions) = (self.visibility(), self.conditions());
        let name = Ident::new(&self.name().to_string(), Span::call_site().located_at(self.name().span()));
        let doc = format!("The operation of [`{name}()`], for the ledger.");
        quote! {
            #conditions
            #[doc = #doc]
            #[derive(::core::fmt::Debug)]
            #head struct #name {}
        }
    }

    pub(super) fn stored(&self) -> impl Iterator<Item = &Parameter<'_>> {
        self.parameters.iter().filter(|parameter| matches!(parameter.role, Role::Stored))
    }

    /// `(OrderId, Won,)`, where the first stands: a type that cannot be stored is reported there.
    fn arguments(&self) -> TokenStream {
        let first = self.stored().next().map_or_else(hygienic, |first| span_of_type(first.ty));
        let types = self.stored().map(|parameter| parameter.ty);
        code_at!(first=> (#(#types,)*))
    }

    /// `(order_id, amount,)`
    pub(super) fn names(&self) -> TokenStream {
        let names = self.stored().map(Parameter::local);
        quote!((#(#names,)*))
    }

    fn record(&self) -> TokenStream {
        let runtime = self.cx.runtime;
        let (name, head, conditions) = (self.name(), self.visibility(), self.conditions());
        let (arguments, per) = (self.arguments(), self.durable.with.per.as_deref());
        let names: Vec<_> = self.stored().map(|parameter| parameter.visible(per)).collect();
        let parameters = self.stored().zip(&names).map(|(Parameter { ty, .. }, name)| quote!(#name: #ty));
        let parameters: Vec<_> = parameters.collect();
        let subject = match per {
            Some(per) => {
                let text = as_text(&per.0);
                code!(let subject = ::core::option::Option::Some(#text);)
            }
            None => code!(let subject = ::core::option::Option::<::std::string::String>::None;),
        };
        let visibility = if head.is_empty() { quote!(pub(self)) } else { head };
        let again = per.is_some().then(|| self.record_again(&visibility, &parameters, &subject, &names));
        let doc = format!(
            "Records an intent to call [`{name}()`] in this transaction. Hand it to `ledger.drive(..)` after the commit; if \
             nobody does, a reconciler will."
        );
        code! {
            #conditions
            impl #name {
                #[doc = #doc]
                ///
                /// # Errors
                ///
                /// As `resil::ledger::record`.
                #visibility async fn record<DB>(
                    tx: &mut #runtime::Tx<DB>,
                    #(#parameters,)*
                ) -> ::core::result::Result<#runtime::ledger::Intent<Self>, #runtime::Error>
                where
                    DB: #runtime::Backend,
                    Self: #runtime::ledger::Operation<DB, Arguments = #arguments>,
                {
                    #subject
                    #runtime::ledger::record(tx, subject, &(#(#names,)*)).await
                }
                #again
            }
        }
    }

    /// What is about something can be tried again.
    fn record_again(
        &self,
        visibility: &TokenStream,
        parameters: &[TokenStream],
        subject: &TokenStream,
        names: &[Ident],
    ) -> TokenStream {
        let (runtime, name, arguments) = (self.cx.runtime, self.name(), self.arguments());
        let doc = format!("Records another intent to call [`{name}()`], if the last one about the same was not done.");
        code! {
            #[doc = #doc]
            ///
            /// # Errors
            ///
            /// As `resil::ledger::record_again`.
            #visibility async fn record_again<DB>(
                tx: &mut #runtime::Tx<DB>,
                #(#parameters,)*
            ) -> ::core::result::Result<#runtime::ledger::Intent<Self>, #runtime::Error>
            where
                DB: #runtime::Backend,
                Self: #runtime::ledger::Operation<DB, Arguments = #arguments>,
            {
                #subject
                #runtime::ledger::record_again(tx, subject.unwrap_or_default(), &(#(#names,)*)).await
            }
        }
    }

    fn implementation(&self, database: &Path) -> TokenStream {
        let runtime = self.cx.runtime;
        let (name, output, conditions) = (self.name(), &self.cx.function.output, self.conditions());
        let (op, arguments, shape) = (&self.durable.op, self.arguments(), self.shape());
        let version = self.version();
        let amount = self.amount();
        let settings = self.settings();
        let requires = self.requires();
        let functions =
            [Some(self.call()), self.verify(), self.compensate(), self.applied(database), self.undone(database)];
        let deprecated = self.calls_what_is_deprecated();
        code! {
            #conditions
            #deprecated
            impl #runtime::ledger::Operation<#database> for #name {
                const NAME: &'static str = #op;
                const VERSION: u32 = #version;
                const SHAPE: &'static str = #shape;
                type Arguments = #arguments;
                type Receipt = <#output as #runtime::__private::Fallible>::Ok;
                #settings
                #amount
                #requires
                #(#functions)*
            }
        }
    }

    /// What is stored, in words.
    fn shape(&self) -> String {
        let text = |tokens: TokenStream| tokens.to_string().split_whitespace().collect::<String>();
        let parameters = self.stored().map(|one| format!("{}: {}", one.name, text(one.ty.to_token_stream())));
        let receipt = match &self.cx.function.output {
            Type::Path(path) => path.path.segments.last().map(|last| match &last.arguments {
                PathArguments::AngleBracketed(all) => all.args.first().map(|first| text(first.to_token_stream())),
                _ => None,
            }),
            _ => None,
        };
        let receipt = receipt.flatten().unwrap_or_else(|| text(self.cx.function.output.to_token_stream()));
        format!("{} -> {receipt}", parameters.collect::<Vec<_>>().join(", "))
    }

    fn version(&self) -> TokenStream {
        self.durable.with.version.as_ref().map_or_else(|| 1.constant(), ToTokens::to_token_stream)
    }

    fn settings(&self) -> TokenStream {
        let (runtime, with) = (self.cx.runtime, &self.durable.with);
        let (settle, attempts) = (set(with.settle.as_ref()), set(with.attempts.as_ref()));
        let [key_lifetime, give_up] = [&with.key_lifetime, &with.give_up].map(|time| set(time.as_ref()));
        let [base, max] = [&with.base, &with.max].map(|wait| set(wait.as_ref()));
        let verifies = with.verify.as_ref().map(|_| code!(.verifies()));
        let compensates = with.compensate.as_ref().map(|_| code!(.compensates()));
        let in_doubt = match self.durable.in_doubt(self.cx) {
            InDoubt::Manual => None,
            InDoubt::Repeat => Some(code!(.in_doubt(#runtime::ledger::InDoubt::Repeat))),
            InDoubt::Cancel => Some(code!(.in_doubt(#runtime::ledger::InDoubt::Cancel))),
        };
        let conclusive = match with.conclusive.as_deref() {
            Some(Conclusive::Statuses(statuses)) => Some(statuses.constant()),
            _ => None,
        };
        let conclusive = conclusive.map(|statuses| code!(.conclusive(#statuses)));
        let settings = code!(
            #runtime::ledger::Settings::new()
                #settle #key_lifetime #give_up #attempts #base #max #verifies #compensates #in_doubt #conclusive
        );
        code! {
            fn settings() -> #runtime::ledger::Settings {
                #settings
            }
        }
    }

    fn amount(&self) -> Option<TokenStream> {
        let amount = self.durable.with.amount.as_deref()?;
        let names: Vec<_> = self.stored().map(|parameter| parameter.visible(Some(amount))).collect();
        let amount = as_text(&amount.0);
        Some(code! {
            fn amount((#(#names,)*): &Self::Arguments) -> ::core::option::Option<::std::string::String> {
                let _ = (#(#names,)*);
                ::core::option::Option::Some(#amount)
            }
        })
    }

    fn requires(&self) -> Option<TokenStream> {
        let runtime = self.cx.runtime;
        let given: Vec<_> = self
            .parameters
            .iter()
            .filter_map(|parameter| match parameter.role {
                Role::Given(ty) => Some(code_at!(span_of_type(ty)=> required.needs::<#ty>();)),
                _ => None,
            })
            .collect();
        (!given.is_empty()).then(|| {
            code! {
                fn requires(required: &mut #runtime::ledger::Required) {
                    #(#given)*
                }
            }
        })
    }

    /// The parameters as they are handed to a function that reaches the partner, with the key among them or without.
    pub(super) fn handed(&self, key: Option<&TokenStream>) -> TokenStream {
        let handed = self.parameters.iter().filter_map(|parameter| match parameter.role {
            Role::Given(ty) => Some(code!(given.get::<#ty>()?)),
            Role::Key => key.cloned(),
            Role::Stored => Some(parameter.local().to_token_stream()),
        });
        quote!(#(#handed,)*)
    }

    /// Lets the ledger know that there is such a function.
    fn collected(&self) -> TokenStream {
        let (runtime, conditions) = (self.cx.runtime, self.conditions());
        let op = &self.durable.op;
        let version = self.version();
        let databases = self.durable.databases.0.iter();
        let path = format!("::{}", self.name());
        code! {
            #conditions
            const _: () = {
                static SITE: #runtime::Site = #runtime::Site {
                    function: ::core::concat!(::core::module_path!(), #path),
                    file: ::core::file!(),
                    line: ::core::line!(),
                };
                static DURABLE: #runtime::ledger::Durable = #runtime::ledger::Durable::new(
                    #op,
                    #version,
                    &[#(#runtime::__private::database_name::<#databases>()),*],
                )
                .at(&SITE);
                #runtime::__private::collect!(SITE; DURABLE);
            };
        }
    }
}

/// `expr.to_string()`, reported at the expression.
fn as_text(expr: &Expr) -> TokenStream {
    let value = operand(expr);
    code_at!(expr.span()=> ::std::string::ToString::to_string(&#value))
}
