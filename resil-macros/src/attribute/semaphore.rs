//! `#[semaphore(permits = 10)]`: at most so many calls at a time.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::Errors;
use crate::expand::{Call, Context, Keyed, Layer, Needs};
use crate::function::Function;
use crate::read::{Argument, Count, Expression, Given, Name, PathTo, Wait, arguments, new_or_of, set};
use crate::tokens::{Local, code};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Lit;

const SEMAPHORE: Local = Local("semaphore");
const PERMIT: Local = Local("permit");

arguments! {
    name: Name = "payment",
    key: Expression = tenant.id,
    max_keys: Count = 1000,
    settings: PathTo = PARTNER,
    permits: Count = 10,
    max_wait: Wait = "100ms",
}

pub(crate) struct Semaphore {
    name: Option<Argument<Name>>,
    keyed: Option<Keyed>,
    settings: Option<Argument<PathTo>>,
    permits: Option<Argument<Count>>,
    max_wait: Option<Argument<Wait>>,
}

impl Attribute for Semaphore {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "semaphore(permits = 10)";
    const HANDLE: Option<Handle> = Some(Handle { local: SEMAPHORE, type_name: "Semaphore" });

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Int(_)).then_some("permits")
    }

    fn new(arguments: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let Arguments { name, key, max_keys, settings, permits, max_wait } = arguments;
        let is_known = permits.is_some() || settings.is_some();
        if !is_known && !given.unread {
            let message = "a semaphore needs to know how many calls may run at a time";
            errors.at(given.span, format!("{message}; write `#[{}]`", Self::EXAMPLE));
        }
        let keyed = Keyed::of(key, max_keys, given, errors);
        is_known.then_some(Self { name, keyed, settings, permits, max_wait })
    }
}

impl Layer for Semaphore {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
    }

    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let runtime = cx.runtime;
        let permits = self.permits.as_ref().map(|permits| ("permits", permits));
        let new = new_or_of(permits, self.settings.as_ref(), &code!(#runtime::policy::semaphore::Settings), "new");
        let (name, max_wait) = (set(self.name.as_ref()), set(self.max_wait.as_ref()));
        Some(code!(#new #name #max_wait))
    }

    fn keyed(&self) -> Option<&Keyed> {
        self.keyed.as_ref()
    }

    fn admits(&self) -> bool {
        true
    }

    /// Takes a permit, and gives it back before any wait.
    fn around(&self, inside: Call, exit: &TokenStream, cx: &Context<'_>) -> Call {
        let within = &cx.needs.deadline;
        let (first, acquire) = match self.keyed.as_ref().map(Keyed::reference) {
            // A statement of its own, so that no temporary of the key lives across the wait.
            Some(key) => (Some(code!(let #PERMIT = #SEMAPHORE.acquire(#key) #within;)), PERMIT.to_token_stream()),
            None => (None, code!(#SEMAPHORE.acquire() #within)),
        };
        let take = cx.admitted(PERMIT, &code!(#acquire.await), exit);
        inside.between(code!(#first #take), code!(::core::mem::drop(#PERMIT);))
    }
}
