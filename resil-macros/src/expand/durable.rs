//! `#[durable]`: beside the function an operation of the same name, which the ledger records and drives.

use super::{hygienic, operand, settings};
use crate::check::names_a_key;
use crate::model::{Durable, Function, InDoubt, Stack};
use crate::parse::function::{span_of_error, span_of_type};
use crate::paths;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Pat, Path, Type};

/// The function's parameters, by what the ledger does with them.
struct Parameter<'a> {
    name: &'a Ident,
    ty: &'a Type,
    role: Role<'a>,
}

enum Role<'a> {
    /// Given to the ledger at start.
    Given(&'a Type),
    /// Made by the ledger.
    Key,
    /// Stored with the intent.
    Stored,
}

struct Operation<'a> {
    stack: &'a Stack,
    durable: &'a Durable,
    function: &'a Function,
    parameters: Vec<Parameter<'a>>,
}

/// What stands beside the function.
pub(super) fn operation(stack: &Stack, function: &Function) -> Option<TokenStream> {
    let durable = stack.durable.as_ref()?;
    let parameters = function.signature.inputs.iter().filter_map(parameter).collect();
    Some(Operation { stack, durable, function, parameters }.items())
}

/// `let _ = (&order_id, &amount);`: what is stored is used, also where the call itself does not need it.
pub(super) fn uses_stored(function: &Function) -> TokenStream {
    let parameters = function.signature.inputs.iter().filter_map(parameter);
    let stored = parameters.filter(|parameter| matches!(parameter.role, Role::Stored)).map(|parameter| parameter.name);
    quote_spanned!(hygienic()=> let _ = (#(&#stored,)*);)
}

/// `check` has seen to it that each has a name.
fn parameter(input: &FnArg) -> Option<Parameter<'_>> {
    let FnArg::Typed(typed) = input else { return None };
    let Pat::Ident(name) = &*typed.pat else { return None };
    let role = match &*typed.ty {
        ty if names_a_key(ty) => Role::Key,
        Type::Reference(reference) => Role::Given(&reference.elem),
        _ => Role::Stored,
    };
    Some(Parameter { name: &name.ident, ty: &typed.ty, role })
}

impl Operation<'_> {
    fn items(&self) -> TokenStream {
        let [structure, record, collected] = [self.structure(), self.record(), self.collected()];
        let implementations = self.durable.databases.iter().map(|database| self.implementation(database));
        quote!(#structure #record #(#implementations)* #collected)
    }

    fn name(&self) -> &Ident {
        &self.function.signature.ident
    }

    /// `#[cfg]` is for all of it.
    fn conditions(&self) -> TokenStream {
        let attributes = self.function.attributes.iter();
        attributes.filter(|attribute| attribute.path().is_ident("cfg")).map(ToTokens::to_token_stream).collect()
    }

    /// `pub struct confirm {}`: with braces, so that the name still stands for the function too.
    fn structure(&self) -> TokenStream {
        let (name, head, conditions) = (self.name(), &self.function.head, self.conditions());
        let doc = format!("The operation of [`{name}()`], for the ledger.");
        quote! {
            #conditions
            #[doc = #doc]
            #[allow(non_camel_case_types)]
            #[derive(Debug)]
            #head struct #name {}
        }
    }

    fn stored(&self) -> impl Iterator<Item = &Parameter<'_>> {
        self.parameters.iter().filter(|parameter| matches!(parameter.role, Role::Stored))
    }

    /// `(OrderId, Won,)`, where the first stands: a type that cannot be stored is reported there.
    fn arguments(&self) -> TokenStream {
        let first = self.stored().next().map_or_else(hygienic, |first| hygienic().located_at(span_of_type(first.ty)));
        let types = self.stored().map(|parameter| parameter.ty);
        quote_spanned!(first=> (#(#types,)*))
    }

    /// `(order_id, amount,)`
    fn names(&self) -> TokenStream {
        let names = self.stored().map(|parameter| parameter.name);
        quote!((#(#names,)*))
    }

    fn record(&self) -> TokenStream {
        let runtime = &self.stack.runtime;
        let (name, head, conditions) = (self.name(), &self.function.head, self.conditions());
        let (arguments, names) = (self.arguments(), self.names());
        let parameters = self.stored().map(|Parameter { name, ty, .. }| quote!(#name: #ty));
        let subject = match &self.durable.per {
            Some(per) => {
                let at = hygienic().located_at(per.span());
                let per = operand(per);
                let text = quote_spanned!(at=> ::std::string::ToString::to_string(&#per));
                quote_spanned!(hygienic()=> let subject = ::core::option::Option::Some(#text);)
            }
            None => quote_spanned!(hygienic()=> let subject = ::core::option::Option::<::std::string::String>::None;),
        };
        let visibility = if head.is_empty() { quote!(pub(self)) } else { head.clone() };
        let doc = format!(
            "Records an intent to call [`{name}()`] in this transaction. Hand it to `ledger.drive(..)` after the commit; if \
             nobody does, a reconciler will."
        );
        quote_spanned! {hygienic()=>
            #conditions
            impl #name {
                #[doc = #doc]
                ///
                /// # Errors
                ///
                /// As `resil::ledger::record`.
                #[allow(dead_code, clippy::allow_attributes)]
                #visibility async fn record<DB>(
                    tx: &mut #runtime::Tx<DB>,
                    #(#parameters,)*
                ) -> ::core::result::Result<#runtime::ledger::Intent<Self>, #runtime::Error>
                where
                    DB: #runtime::Backend,
                    Self: #runtime::ledger::Operation<DB, Arguments = #arguments>,
                {
                    #subject
                    #runtime::ledger::record(tx, subject, &#names).await
                }
            }
        }
    }

    fn implementation(&self, database: &Path) -> TokenStream {
        let runtime = &self.stack.runtime;
        let (name, output, conditions) = (self.name(), &self.function.output, self.conditions());
        let (op, arguments, shape) = (&self.durable.op, self.arguments(), self.shape());
        let version = self
            .durable
            .version
            .as_ref()
            .map_or_else(|| settings::whole(1), |v| settings::constant(v, settings::whole));
        let amount = self.amount();
        let settings = self.settings();
        let requires = self.requires();
        let functions =
            [Some(self.call()), self.verify(), self.compensate(), self.applied(database), self.undone(database)];
        quote_spanned! {hygienic()=>
            #conditions
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
        let receipt = match &self.function.output {
            Type::Path(path) => path.path.segments.last().map(|last| match &last.arguments {
                syn::PathArguments::AngleBracketed(all) => all.args.first().map(|first| text(first.to_token_stream())),
                _ => None,
            }),
            _ => None,
        };
        let receipt = receipt.flatten().unwrap_or_else(|| text(self.function.output.to_token_stream()));
        format!("{} -> {receipt}", parameters.collect::<Vec<_>>().join(", "))
    }

    fn settings(&self) -> TokenStream {
        let (runtime, durable) = (&self.stack.runtime, self.durable);
        let settle = settings::set("settle", durable.settle.as_ref(), settings::duration);
        let attempts = settings::set("attempts", durable.attempts.as_ref(), settings::whole);
        let base = settings::set("base", durable.base.as_ref(), settings::duration);
        let max = settings::set("max", durable.max.as_ref(), settings::duration);
        let verifies = durable.verify.as_ref().map(|_| quote_spanned!(hygienic()=> .verifies()));
        let compensates = durable.compensate.as_ref().map(|_| quote_spanned!(hygienic()=> .compensates()));
        let in_doubt = match self.stack.in_doubt() {
            InDoubt::Manual => None,
            InDoubt::Repeat => Some(quote_spanned!(hygienic()=> .in_doubt(#runtime::ledger::InDoubt::Repeat))),
            InDoubt::Cancel => Some(quote_spanned!(hygienic()=> .in_doubt(#runtime::ledger::InDoubt::Cancel))),
        };
        let settings = quote_spanned!(hygienic()=>
            #runtime::ledger::Settings::new()#settle #attempts #base #max #verifies #compensates #in_doubt
        );
        quote_spanned! {hygienic()=>
            fn settings() -> #runtime::ledger::Settings {
                #settings
            }
        }
    }

    fn amount(&self) -> Option<TokenStream> {
        let amount = self.durable.amount.as_ref()?;
        let names: Vec<_> = self.stored().map(|parameter| parameter.name).collect();
        let at = hygienic().located_at(amount.span());
        let amount = operand(amount);
        let text = quote_spanned!(at=> ::std::string::ToString::to_string(&#amount));
        Some(quote_spanned! {hygienic()=>
            fn amount((#(#names,)*): &Self::Arguments) -> ::core::option::Option<::std::string::String> {
                let _ = (#(#names,)*);
                ::core::option::Option::Some(#text)
            }
        })
    }

    fn requires(&self) -> Option<TokenStream> {
        let runtime = &self.stack.runtime;
        let given: Vec<_> = self
            .parameters
            .iter()
            .filter_map(|parameter| match parameter.role {
                Role::Given(ty) => {
                    let at = hygienic().located_at(span_of_type(ty));
                    Some(quote_spanned!(at=> required.needs::<#ty>();))
                }
                _ => None,
            })
            .collect();
        (!given.is_empty()).then(|| {
            quote_spanned! {hygienic()=>
                fn requires(required: &mut #runtime::ledger::Required) {
                    #(#given)*
                }
            }
        })
    }

    /// The parameters as they are handed to a function that reaches the partner.
    fn handed(&self) -> TokenStream {
        let handed = self.parameters.iter().map(|parameter| match parameter.role {
            Role::Given(ty) => quote_spanned!(hygienic()=> given.get::<#ty>()?),
            Role::Key => quote_spanned!(hygienic()=> key),
            Role::Stored => parameter.name.to_token_stream(),
        });
        quote!(#(#handed,)*)
    }

    fn call(&self) -> TokenStream {
        let at = hygienic().located_at(span_of_error(&self.function.output));
        let (name, handed) = (self.name(), self.handed());
        self.reaching(&quote!(call), None, &quote!(Self::Receipt), &quote_spanned!(at=> #name(#handed)), at)
    }

    fn verify(&self) -> Option<TokenStream> {
        let (path, runtime, handed) = (self.durable.verify.as_ref()?, &self.stack.runtime, self.handed());
        let at = hygienic().located_at(span_of_path(path));
        let answer = quote_spanned!(hygienic()=> #runtime::ledger::Status<Self::Receipt>);
        Some(self.reaching(&quote!(verify), None, &answer, &quote_spanned!(at=> #path(#handed)), at))
    }

    fn compensate(&self) -> Option<TokenStream> {
        let (path, handed) = (self.durable.compensate.as_ref()?, self.handed());
        let at = hygienic().located_at(span_of_path(path));
        let receipt = quote_spanned!(hygienic()=> receipt: ::core::option::Option<Self::Receipt>);
        let call = quote_spanned!(at=> #path(#handed receipt));
        Some(self.reaching(&quote!(compensate), Some(receipt), &quote!(()), &call, at))
    }

    /// A function of the trait that reaches the partner.
    fn reaching(
        &self,
        name: &TokenStream,
        more: Option<TokenStream>,
        answer: &TokenStream,
        call: &TokenStream,
        at: proc_macro2::Span,
    ) -> TokenStream {
        let (runtime, names) = (&self.stack.runtime, self.names());
        let is_given = self.parameters.iter().any(|parameter| matches!(parameter.role, Role::Given(_)));
        let takes_key = self.parameters.iter().any(|parameter| matches!(parameter.role, Role::Key));
        let given = Ident::new(if is_given { "given" } else { "_given" }, hygienic());
        let key = Ident::new(if takes_key { "key" } else { "_key" }, hygienic());
        let more = more.map(|more| quote!(#more,));
        let failed = paths::located_at(runtime, at);
        let outcome = quote_spanned!(at=> #call.await.map_err(#failed::ledger::Failed::from));
        quote_spanned! {hygienic()=>
            async fn #name(
                #given: &#runtime::ledger::Dependencies,
                #names: Self::Arguments,
                #key: &#runtime::IdempotencyKey,
                #more
            ) -> ::core::result::Result<#answer, #runtime::ledger::Failed> {
                #outcome
            }
        }
    }

    fn applied(&self, database: &Path) -> Option<TokenStream> {
        let receipt = quote_spanned!(hygienic()=> receipt: &Self::Receipt);
        let path = self.durable.applied.as_ref()?;
        Some(self.writing(&quote!(applied), path, database, &receipt, &quote_spanned!(hygienic()=> receipt)))
    }

    fn undone(&self, database: &Path) -> Option<TokenStream> {
        let runtime = &self.stack.runtime;
        let why = quote_spanned!(hygienic()=> why: &#runtime::ledger::Report);
        let path = self.durable.undone.as_ref()?;
        Some(self.writing(&quote!(undone), path, database, &why, &quote_spanned!(hygienic()=> why)))
    }

    /// A function of the trait that writes our own books.
    fn writing(
        &self,
        name: &TokenStream,
        path: &Path,
        database: &Path,
        more: &TokenStream,
        value: &TokenStream,
    ) -> TokenStream {
        let (runtime, names) = (&self.stack.runtime, self.names());
        let handed = self.stored().map(|parameter| parameter.name);
        let at = hygienic().located_at(span_of_path(path));
        let failed = paths::located_at(runtime, at);
        let tx = quote_spanned!(hygienic()=> tx);
        let call = quote_spanned!(at=> #path(#tx, #(#handed,)* #value).await.map_err(#failed::ledger::Failed::from));
        quote_spanned! {hygienic()=>
            async fn #name(
                #tx: &mut #runtime::Tx<#database>,
                #names: Self::Arguments,
                #more,
            ) -> ::core::result::Result<(), #runtime::ledger::Failed> {
                #call
            }
        }
    }

    /// Lets the ledger know that there is such a function.
    fn collected(&self) -> TokenStream {
        let (runtime, conditions) = (&self.stack.runtime, self.conditions());
        let op = &self.durable.op;
        let version = self
            .durable
            .version
            .as_ref()
            .map_or_else(|| settings::whole(1), |v| settings::constant(v, settings::whole));
        let databases = self.durable.databases.iter();
        let path = format!("::{}", self.name());
        quote_spanned! {hygienic()=>
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
                #runtime::__private::collect!(SITE, Durable(&DURABLE));
            };
        }
    }
}

fn span_of_path(path: &Path) -> proc_macro2::Span {
    path.segments.last().map_or_else(|| path.span(), |last| last.ident.span())
}
