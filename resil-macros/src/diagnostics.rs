//! One constructor a message. Each stands at the user's own token and ends in the line to type instead.

use crate::model::Kind;
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Error};

/// All mistakes of a stack, reported at once.
#[derive(Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn to_compile_errors(&self) -> TokenStream {
        self.0.iter().map(Error::to_compile_error).collect()
    }
}

fn at(span: Span, message: impl std::fmt::Display) -> Error {
    Error::new(span, message)
}

fn on(tokens: impl ToTokens, message: impl std::fmt::Display) -> Error {
    Error::new_spanned(tokens, message)
}

// The function under the attributes.

pub(crate) fn not_a_function(kind: Kind, error: &Error) -> Error {
    let name = kind.name();
    at(
        error.span(),
        format!(
            "`#[{name}]` stands on an async function, method or trait method; write it above `async fn name(..) -> Result<T, E> {{ .. }}`"
        ),
    )
}

pub(crate) fn not_async(signature: &syn::Signature, kind: Kind) -> Error {
    let (name, function) = (kind.name(), &signature.ident);
    on(
        signature.fn_token,
        format!("`#[{name}]` needs something to wait for, and `{function}` is not async; write `async fn {function}`"),
    )
}

pub(crate) fn no_body(signature: &syn::Signature, kind: Kind) -> Error {
    let name = kind.name();
    on(
        &signature.ident,
        format!(
            "a declaration runs nothing that `#[{name}]` could guard; move it to the methods of the `impl`, or give this one a body"
        ),
    )
}

pub(crate) fn cannot_fail(span: Span, kind: Kind, function: &Ident, output: &str) -> Error {
    let (name, ok) = (kind.name(), if output.is_empty() { "()" } else { output });
    at(
        span,
        format!(
            "`{function}` cannot carry a failure, and `#[{name}]` may have one to report; write `-> Result<{ok}, resil::Error>`"
        ),
    )
}

pub(crate) fn wrapped_by_another_macro(kind: Kind) -> Error {
    let name = kind.name();
    at(
        Span::call_site(),
        format!(
            "an attribute above `#[{name}]` has wrapped the body in an `async move` block, which can run only once; write resil's attributes first and the other, for example `#[instrument]`, below them"
        ),
    )
}

pub(crate) fn already_expanded(kind: Kind) -> Error {
    let name = kind.name();
    at(
        Span::call_site(),
        format!(
            "this body is already an expansion of resil: an attribute was imported under another name, so the stack could not be read as one; write `use resil::{name};` without `as`, and likewise for its neighbours"
        ),
    )
}

pub(crate) fn foreign_attribute_between(foreign: &Attribute, kind: Kind) -> Error {
    let path = foreign.path().to_token_stream().to_string().replace(' ', "");
    let name = kind.name();
    on(
        foreign.path(),
        format!(
            "`#[{path}]` stands between attributes of resil, which are expanded together; write it below `#[{name}(..)]` and the others, next to the function"
        ),
    )
}

pub(crate) fn mut_parameter(pattern: &syn::PatIdent) -> Error {
    let name = &pattern.ident;
    on(
        pattern.mutability,
        format!(
            "a change to `{name}` would leak into the next attempt; take `{name}` without `mut` and write `let mut {name} = {name}.clone();` in the body"
        ),
    )
}

pub(crate) fn names_generic(ident: &Ident) -> Error {
    on(
        ident,
        format!(
            "one policy serves all types, so its arguments cannot name `{ident}`; write a literal or a constant of the module"
        ),
    )
}

pub(crate) fn names_our_static(ident: &Ident) -> Error {
    on(
        ident,
        format!(
            "`{ident}` is what the expansion calls its own static; write `self::{ident}`, or another path to your constant"
        ),
    )
}

// Between attributes.

pub(crate) fn wrong_order(span: Span, right: &str) -> Error {
    at(span, format!("the order written is the order run, outermost first, and only one order is right; write {right}"))
}

pub(crate) fn duplicate_attribute(span: Span, kind: Kind) -> Error {
    let name = kind.name();
    at(
        span,
        format!("`#[{name}]` stands here twice; write it once, or split the function in two, one calling the other"),
    )
}

pub(crate) fn two_crate_paths(span: Span) -> Error {
    at(span, "two attributes of one stack name different crates; write `crate = path` on one of them")
}

// Arguments in general.

pub(crate) fn unknown_argument(path: &syn::Path, kind: Kind, known: &[&str]) -> Error {
    let written = path.to_token_stream().to_string().replace(' ', "");
    let likely = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&written, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 2);
    let advice = match likely {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("write one of `{}`", known.join("`, `")),
    };
    on(path, format!("`#[{}]` has no argument `{written}`; {advice}", kind.name()))
}

pub(crate) fn duplicate_argument(path: &syn::Path) -> Error {
    let name = path.to_token_stream();
    on(path, format!("`{name}` is given twice; write it once"))
}

pub(crate) fn stray_literal(literal: &syn::Lit, kind: Kind, example: &str) -> Error {
    on(literal, format!("`#[{}]` does not take this value by itself; write `#[{example}]`", kind.name()))
}

pub(crate) fn wrong_value(tokens: impl ToTokens, name: &str, wants: &str, example: &str) -> Error {
    on(tokens, format!("`{name}` is {wants}; write `{example}`"))
}

pub(crate) fn unreadable(span: Span, why: &dyn std::fmt::Display, kind: Kind, example: &str) -> Error {
    at(span, format!("{why} in the arguments of `#[{}]`; write `#[{example}]`", kind.name()))
}

// One attribute's own rules.

pub(crate) fn no_proof(span: Span) -> Error {
    at(
        span,
        "repeating a call needs proof that it is safe; write one of\n\
              \x20   #[retry(idempotent)]               reads and overwrites: GET, PUT\n\
              \x20   #[retry(idempotency_key = key)]    orders, payments: the partner recognises `key: &IdempotencyKey`\n\
              \x20   #[retry(unsent)]                   any call: repeats only what never reached the partner",
    )
}

pub(crate) fn two_proofs(span: Span) -> Error {
    at(
        span,
        "one proof is enough, and two contradict each other; keep `idempotent`, `idempotency_key = key` or `unsent`",
    )
}

pub(crate) fn no_key_parameter(key: &Ident) -> Error {
    on(
        key,
        format!(
            "the function has no parameter `{key}`; add `{key}: &IdempotencyKey`, minted by the caller with `IdempotencyKey::derived(\"order\", id)` or `::random()`"
        ),
    )
}

pub(crate) fn key_of_another_type(ty: &syn::Type, key: &Ident) -> Error {
    on(
        ty,
        format!(
            "an idempotency key stays the same in every attempt, so it comes in by reference; write `{key}: &IdempotencyKey`"
        ),
    )
}

pub(crate) fn unused_key(span: Span, key: &Ident) -> Error {
    at(
        span,
        format!(
            "the body never sends `{key}`, so every attempt would be a new order; write `.header(\"Idempotency-Key\", {key}.as_str())`, or send with `.checked()`"
        ),
    )
}

pub(crate) fn no_bound(span: Span, kind: Kind, example: &str) -> Error {
    at(span, format!("`#[{}]` without a bound waits forever; write `#[{example}]`", kind.name()))
}

pub(crate) fn phases_without_whole(span: Span, name: &str) -> Error {
    at(
        span,
        format!(
            "`{name}` bounds one phase and nothing bounds the whole: a partner that drips would hold this call forever; write `#[timeout(\"10s\", {name} = ..)]`, or add `#[deadline(\"30s\")]`"
        ),
    )
}

pub(crate) fn min_calls_above_window(span: Span, min_calls: u32, window: u32) -> Error {
    at(
        span,
        format!(
            "a window of {window} calls never holds {min_calls}, so the circuit would never open; write `min_calls = {window}` or less"
        ),
    )
}

pub(crate) fn pointless_without(span: Span, name: &str, needed: &str, example: &str) -> Error {
    at(span, format!("`{name}` does nothing without `{needed}`; write `{needed} = {example}, {name} = ..`"))
}

pub(crate) fn bound_above_deadline(
    span: Span,
    what: &str,
    limit: std::time::Duration,
    deadline: std::time::Duration,
) -> Error {
    at(
        span,
        format!(
            "{what} of {limit:?} can never pass: the deadline of {deadline:?} comes first; write a smaller bound, or `#[deadline]` with a larger one"
        ),
    )
}

pub(crate) fn backoff_above_deadline(span: Span, waits: std::time::Duration, deadline: std::time::Duration) -> Error {
    at(
        span,
        format!(
            "the waits alone add up to {waits:?}, which does not fit in the deadline of {deadline:?}; write fewer `attempts`, a smaller `base` or `max`, or a larger `#[deadline]`"
        ),
    )
}

// Derive.

pub(crate) fn classify_not_an_enum(span: Span) -> Error {
    at(span, "`Classify` is derived for enums and structs; write `impl resil::Classify for ..` by hand for this one")
}

pub(crate) fn unmarked_variant(variant: &Ident) -> Error {
    on(
        variant,
        format!(
            "`{variant}` does not say what it means; write `#[classify(transient)]`, `#[classify(permanent)]`, `#[classify(caller)]`, `#[classify(delegate)]` or `#[classify(status)]` above it"
        ),
    )
}

pub(crate) fn unknown_mark(tokens: impl ToTokens) -> Error {
    on(
        tokens,
        "not a mark of `classify`; write `transient`, `permanent`, `caller`, `delegate` or `status`, and `unsent` beside `transient` where nothing was sent",
    )
}

pub(crate) fn two_marks(tokens: impl ToTokens) -> Error {
    on(tokens, "a variant means one thing; keep one of `transient`, `permanent`, `caller`, `delegate`, `status`")
}

pub(crate) fn which_field(variant: &Ident, mark: &str) -> Error {
    on(
        variant,
        format!(
            "`{mark}` needs to know which field of `{variant}` to ask; write `#[classify({mark})]` above that field"
        ),
    )
}

pub(crate) fn unsent_needs_transient(tokens: impl ToTokens) -> Error {
    on(tokens, "`unsent` adds to a meaning and has none alone; write `#[classify(transient, unsent)]`")
}
