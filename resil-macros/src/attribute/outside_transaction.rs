//! `#[outside_transaction]`: an external call inside a database transaction does not compile, or is refused.

use super::about::Attribute;
use super::facts::{Handle, Place};
use crate::errors::Errors;
use crate::expand::{Call, Context, Layer, Mark};
use crate::paths;
use crate::read::{Given, arguments};
use crate::tokens::{CALLS, Local, REFUSAL, code, code_at};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Path, Type};

const TRANSACTION_GUARD: Local = Local("transaction_guard");
const CALLED_AT: Local = Local("called_at");

arguments! {}

/// A mark, and the guard beneath it.
pub(crate) struct OutsideTransaction;

impl Attribute for OutsideTransaction {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "outside_transaction";
    const PLACE: Place = Place::Mark;
    const HANDLE: Option<Handle> = Some(Handle { local: TRANSACTION_GUARD, type_name: "TransactionGuard" });

    fn new(_: Arguments, _: &Given, _: &mut Errors) -> Option<Self> {
        Some(Self)
    }
}

impl Layer for OutsideTransaction {
    fn mark(&self) -> Option<&dyn Mark> {
        Some(self)
    }

    fn handle(&self, _: &Context<'_>) -> Option<TokenStream> {
        Some(code!(new()))
    }

    /// Refuses a call inside a transaction, before any policy is asked.
    fn around(&self, inside: Call, _: &TokenStream, cx: &Context<'_>) -> Call {
        let refused = cx.refused();
        let counted = cx.counts().then(|| code!(#CALLS.refused();));
        inside.after(code! {
            if let ::core::result::Result::Err(#REFUSAL) = #TRANSACTION_GUARD.check_call(#CALLED_AT) {
                #counted
                return #refused;
            }
        })
    }
}

impl Mark for OutsideTransaction {
    fn type_name(&self) -> &'static str {
        "OutsideTransaction"
    }

    /// `let called_at = Location::caller();`, for the guard to name.
    fn called(&self) -> Option<TokenStream> {
        Some(code!(let #CALLED_AT = ::core::panic::Location::caller();))
    }

    /// Asks each parameter that looks like a transaction whether it is one.
    fn parameter(&self, name: &Ident, ty: &Type, runtime: &Path) -> Option<TokenStream> {
        let span = sounds_like_a_transaction(ty.to_token_stream())?;
        let runtime = paths::located_at(runtime, span);
        Some(code_at! {span=>
            {
                use #runtime::__private::{OtherParameter as _, TransactionParameter as _};
                #runtime::__private::parameter(&#name, |parameter| parameter.resil_stays_outside());
            }
        })
    }
}

/// Where a type is named like a transaction. Only the compiler knows whether it is one.
fn sounds_like_a_transaction(ty: TokenStream) -> Option<Span> {
    ty.into_iter().find_map(|token| match token {
        TokenTree::Ident(name) => {
            let text = name.to_string();
            (text.ends_with("Tx") || text.ends_with("Transaction")).then(|| name.span())
        }
        TokenTree::Group(group) => sounds_like_a_transaction(group.stream()),
        _ => None,
    })
}
