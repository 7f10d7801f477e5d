//! `#[bulkhead(threads = 4)]`: threads of its own and a bounded queue for calls that may block.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::{Errors, text};
use crate::expand::{Context, Layer, Needs};
use crate::function::{Function, borrows};
use crate::read::{Argument, Count, Given, Name, PathTo, Places, Time, arguments, new_or_of, set};
use crate::tokens::{Local, code, code_at};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{FnArg, Lit, ReceiverKind, Type};

const BULKHEAD: Local = Local("bulkhead");

/// What the runtime starts at most.
const MOST_THREADS: u32 = 512;

arguments! {
    name: Name = "payment",
    settings: PathTo = PARTNER,
    threads: Count = 4,
    max_concurrent: Count = 20,
    queue: Places = 20,
    max_wait: Time = "100ms",
}

pub(crate) struct Bulkhead {
    span: Span,
    name: Option<Argument<Name>>,
    settings: Option<Argument<PathTo>>,
    threads: Option<Argument<Count>>,
    max_concurrent: Option<Argument<Count>>,
    queue: Option<Argument<Places>>,
    max_wait: Option<Argument<Time>>,
}

impl Attribute for Bulkhead {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "bulkhead(threads = 4)";
    const HANDLE: Option<Handle> = Some(Handle { local: BULKHEAD, type_name: "Bulkhead" });

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Int(_)).then_some("threads")
    }

    fn new(arguments: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let Arguments { name, settings, threads, max_concurrent, queue, max_wait } = arguments;
        let is_known = threads.is_some() || settings.is_some();
        if !is_known && !given.unread {
            errors.at(given.span, format!("a bulkhead needs threads of its own; write `#[{}]`", Self::EXAMPLE));
        }
        if let Some(threads) = threads.as_ref().filter(|threads| threads.known() > Some(MOST_THREADS)) {
            errors.at(
                threads.span(),
                format!(
                    "a bulkhead has at most {MOST_THREADS} threads; let more calls share fewer, write `threads = 8, max_concurrent = {MOST_THREADS}`"
                ),
            );
        }
        is_known.then_some(Self { span: given.span, name, settings, threads, max_concurrent, queue, max_wait })
    }

    /// The body leaves its caller's thread, and may outlive the call.
    fn fits(function: &Function, _: Span, errors: &mut Errors) {
        let mut borrows_at = |tokens: &dyn ToTokens, owned: &str| {
            errors.on(
                tokens,
                format!(
                    "the body of a `#[bulkhead]` runs on threads of its own and cannot borrow from its caller; write `{owned}`, or limit the calls where they are with `#[semaphore(permits = 10)]`"
                ),
            );
        };
        for input in &function.signature.inputs {
            match input {
                FnArg::Receiver(this) if is_borrowed(&this.kind) => borrows_at(this, "self: Arc<Self>"),
                FnArg::Typed(typed) if borrows(&typed.ty) => borrows_at(&typed.ty, &owned(&typed.ty)),
                _ => {}
            }
        }
    }
}

fn is_borrowed(receiver: &ReceiverKind) -> bool {
    match receiver {
        ReceiverKind::Value => false,
        ReceiverKind::Typed(_, ty) => borrows(ty),
        _ => true,
    }
}

/// What to take in place of a borrowed type.
fn owned(ty: &Type) -> String {
    let Type::Reference(reference) = ty else { return "Arc<..>".to_owned() };
    match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", text(&slice.elem)),
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "IdempotencyKey") => {
            text(&reference.elem)
        }
        elem => format!("Arc<{}>", text(elem)),
    }
}

impl Layer for Bulkhead {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
        needs.owns = true;
        // A body that cannot leave its thread is reported at the attribute.
        needs.wraps.extend(code_at!(self.span=> .on(#BULKHEAD)));
    }

    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let runtime = cx.runtime;
        let threads = self.threads.as_ref().map(|threads| ("threads", threads));
        let new = new_or_of(threads, self.settings.as_ref(), &code!(#runtime::policy::bulkhead::Settings), "new");
        let (name, max_concurrent) = (set(self.name.as_ref()), set(self.max_concurrent.as_ref()));
        let (queue, max_wait) = (set(self.queue.as_ref()), set(self.max_wait.as_ref()));
        Some(code!(#new #name #max_concurrent #queue #max_wait))
    }
}
