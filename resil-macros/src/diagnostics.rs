//! One constructor a message. Each stands at the user's own token and ends in the line to type instead.

use crate::model::Kind;
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use std::time::Duration;
use syn::{Attribute, Error, Expr, Meta, Path, Token};

/// All mistakes of a stack, reported at once.
#[derive(Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn extend(&mut self, errors: impl IntoIterator<Item = Error>) {
        self.0.extend(errors);
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

/// A path as it was written.
fn text(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}

/// A type as it was written.
fn type_text(ty: &syn::Type) -> String {
    let text = ty.to_token_stream().to_string();
    text.replace(" < ", "<").replace(" >", ">").replace("& ", "&").replace(" ,", ",").replace(" :: ", "::")
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

pub(crate) fn no_async_block(signature: &syn::Signature, kind: Kind) -> Error {
    let (name, function) = (kind.name(), &signature.ident);
    on(
        function,
        format!(
            "`#[{name}]` guards the `async` block that such a function ends in, and `{function}` ends in something else; write `async move {{ .. }}` around it"
        ),
    )
}

pub(crate) fn no_body(signature: &syn::Signature, kind: Kind) -> Error {
    let name = kind.name();
    on(
        &signature.ident,
        format!(
            "a declaration runs nothing that `#[{name}]` could guard; write `#[{name}(..)]` above the method in each `impl`, or give this one a body"
        ),
    )
}

pub(crate) fn cannot_fail(tokens: impl ToTokens, kind: Kind, function: &Ident, output: &str) -> Error {
    let name = kind.name();
    on(
        tokens,
        format!(
            "`{function}` cannot carry a failure, and `#[{name}]` may have one to report; write `-> Result<{output}, resil::Error>`"
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
            "this body is already an expansion of resil: an attribute was imported under another name, or through another path, so the stack could not be read as one; write `#[resil::{name}]`, and likewise its neighbours"
        ),
    )
}

pub(crate) fn foreign_attribute_between(foreign: &Attribute, kind: Kind) -> Error {
    let path = text(foreign.path());
    let name = kind.name();
    on(
        foreign.path(),
        format!(
            "`#[{path}]` stands between attributes of resil, which are expanded together; write it below `#[{name}(..)]` and the others, next to the function"
        ),
    )
}

pub(crate) fn mark_hidden_by_async_trait(span: Span, kind: Kind, function: &Ident) -> Error {
    let name = kind.name();
    at(
        span,
        format!(
            "`#[async_trait]` boxes the future of `{function}`, and with it hides `#[{name}]` from its callers; take `#[async_trait]` off and write `fn {function}(..) -> impl Future<Output = ..> + Send`"
        ),
    )
}

pub(crate) fn foreign_attribute_below_mark(foreign: &Attribute, kind: Kind) -> Error {
    let path = text(foreign.path());
    let name = kind.name();
    on(
        foreign.path(),
        format!(
            "`#[{path}]` below `#[{name}]` would see this call begin and not end; write it above `#[{name}]`, or above the function that this one calls"
        ),
    )
}

pub(crate) fn retry_of_non_idempotent(span: Span) -> Error {
    at(
        span,
        "this repeats calls that may have had an effect, and `#[non_idempotent]` says that no call may be repeated; write `#[retry(unsent)]`, or `#[retry(idempotency_key = key)]` if the peer recognises a repeat by its key",
    )
}

pub(crate) fn mut_parameter(mutability: Token![mut], name: &Ident) -> Error {
    on(
        mutability,
        format!(
            "a change to `{name}` would leak into the next attempt; take `{name}` without `mut` and write `let mut {name} = {name}.clone();` in the body"
        ),
    )
}

pub(crate) fn mut_self(mutability: Token![mut]) -> Error {
    on(
        mutability,
        "a change to `self` would leak into the next attempt; take `&self` and write `let mut this = self.clone();` in the body",
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

pub(crate) fn misspelt_argument(path: &Path, kind: Kind, likely: &str) -> Error {
    let written = text(path);
    on(path, format!("`#[{}]` has no argument `{written}`; did you mean `{likely}`?", kind.name()))
}

pub(crate) fn argument_of_another(path: &Path, kind: Kind, owner: Kind) -> Error {
    let (written, kind, owner) = (text(path), kind.name(), owner.name());
    on(path, format!("`#[{kind}]` has no argument `{written}`, but `#[{owner}]` has; write it there"))
}

pub(crate) fn unknown_argument(path: &Path, kind: Kind, known: &[&str], example: &str) -> Error {
    let (written, kind) = (text(path), kind.name());
    // An attribute with few arguments is explained by all of itself.
    let advice = if known.len() > 3 { format!("one of `{}`", known.join("`, `")) } else { format!("`#[{example}]`") };
    on(path, format!("`#[{kind}]` has no argument `{written}`; write {advice}"))
}

pub(crate) fn duplicate_argument(path: &Path) -> Error {
    let name = text(path);
    on(path, format!("`{name}` is given twice; write it once"))
}

/// A value by itself, where there is no place for one.
pub(crate) fn stray_value(value: &Expr, kind: Kind, meant: Option<&str>, example: &str) -> Error {
    let name = kind.name();
    let instead = match meant {
        Some(argument) => format!("{argument} = {}", value.to_token_stream()),
        None => format!("#[{example}]"),
    };
    on(value, format!("`#[{name}]` takes no value by itself; write `{instead}`"))
}

/// A value by itself, beside another one.
pub(crate) fn second_value(value: &Expr, kind: Kind, example: &str) -> Error {
    on(value, format!("`#[{}]` takes one value by itself, and has it; write `#[{example}]`", kind.name()))
}

/// At the value, or at the whole argument if it has none.
pub(crate) fn wrong_value(argument: &Meta, name: &str, wants: &str, instead: &str) -> Error {
    let message = format!("`{name}` is {wants}; write `{instead}`");
    match argument {
        Meta::NameValue(pair) => on(&pair.value, message),
        other => on(other, message),
    }
}

pub(crate) fn wrong_bound(written: &Expr, kind: Kind, instead: &str) -> Error {
    let name = kind.name();
    match written {
        Expr::Path(_) => on(
            written,
            format!("`{name}` is bounded by a duration in quotes, not by a constant; write `#[{name}({instead})]`"),
        ),
        _ => on(
            written,
            format!("`{name}` is bounded by a duration above zero, with its unit; write `#[{name}({instead})]`"),
        ),
    }
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

pub(crate) fn two_proofs(second: &Path) -> Error {
    on(
        second,
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

pub(crate) fn no_fallback(span: Span) -> Error {
    at(
        span,
        "a fallback needs to know what to answer; write one of\n\
              \x20   #[fallback(value = Vec::new())]                   a default\n\
              \x20   #[fallback(with = cached_rate)]                   a function of the parameters and the failure\n\
              \x20   #[fallback(stale = \"10m\", key = order.id)]       the last good value",
    )
}

pub(crate) fn unsent_and_acts(acts: &syn::Path) -> Error {
    on(
        acts,
        "a fallback under `unsent` needs no reason, since it never answers what may have been done; keep one of the two",
    )
}

pub(crate) fn acting_without_function(name: &syn::Path) -> Error {
    let name = name.to_token_stream();
    on(&name, format!("`{name}` is about a function that acts; write `with = second_gateway, {name}`, or leave it out"))
}

pub(crate) fn fallback_that_acts(with: &syn::Path) -> Error {
    let path = with.to_token_stream().to_string().replace(' ', "");
    on(
        with,
        format!(
            "this call must not be done twice, and after a lost answer nobody knows whether it was done; write one of\n\
                 \x20   with = {path}, unsent                     answers only what certainly was never done\n\
                 \x20   with = {path}, acts = \"it only reads\"     why it is harmless, whatever was done"
        ),
    )
}

pub(crate) fn two_fallbacks(second: &syn::Path) -> Error {
    on(second, "one fallback is enough, and the first would always answer; keep `value`, `with` or `stale`")
}

pub(crate) fn stale_without_key(stale: &syn::Path) -> Error {
    on(
        stale,
        "the last good value of which call? Write `stale = \"10m\", key = order.id`, with what tells calls apart, or `key = \"all\"`",
    )
}

pub(crate) fn key_without_stale(key: &syn::Path) -> Error {
    on(key, "`key` tells last good values apart; write `stale = \"10m\", key = ..`")
}

pub(crate) fn unnamed_parameter(pattern: impl ToTokens) -> Error {
    on(
        pattern,
        "the fallback function gets each parameter by reference, and this one has no name; write `order: Order` and take it apart in the body",
    )
}

pub(crate) fn no_permits(span: Span) -> Error {
    at(span, "a semaphore needs to know how many calls may run at a time; write `#[semaphore(permits = 10)]`")
}

pub(crate) fn no_transaction(span: Span) -> Error {
    at(
        span,
        "a transaction is opened on a database, or is the caller's; write one of\n\
              \x20   #[transactional(tx = self.db)]    opens one on this `Db`, and calls it `tx` in the body\n\
              \x20   #[transactional(tx)]              takes part in the caller's: the parameter `tx: &mut Tx<Postgres>`",
    )
}

pub(crate) fn no_transaction_parameter(tx: &Ident) -> Error {
    on(
        tx,
        "the function has no parameter `tx`; add `tx: &mut Tx<Postgres>`, or write `#[transactional(tx = self.db)]` to open a transaction here",
    )
}

pub(crate) fn hidden_parameter(tx: &Ident) -> Error {
    on(
        tx,
        "the transaction that is opened here would hide this parameter; take the parameter off, or write `#[transactional(tx)]` to take part in the caller's",
    )
}

pub(crate) fn once_without_op(once: &Path) -> Error {
    on(
        once,
        "a request ID is unique within an operation, and two functions may share one; write `op = \"order.place\", once = ..`, a name that stays when the function is renamed",
    )
}

pub(crate) fn pointless_without_once(argument: &Path) -> Error {
    let name = text(argument);
    on(argument, format!("`{name}` says nothing without `once`; write `op = \"order.place\", once = request_id`"))
}

pub(crate) fn once_in_callers(once: &Path) -> Error {
    on(
        once,
        "the whole transaction runs once or not, and this one is the caller's; write `op = .., once = ..` at the function that opens it with `#[transactional(tx = self.db)]`",
    )
}

pub(crate) fn uncompared_parameter(pattern: impl ToTokens) -> Error {
    on(
        pattern,
        "a repeat is compared with the first request by its parameters, and this one has no name; write `order: Order` and take it apart in the body, or name what is compared: `fingerprint = (item, number)`",
    )
}

pub(crate) fn uncompared_self(this: &syn::Receiver) -> Error {
    on(
        this,
        "`self` is not compared between a request and its repeat, and here it is not the service that has the database; name what is compared: `fingerprint = (&self.id, item)`",
    )
}

pub(crate) fn retry_in_callers_transaction(span: Span) -> Error {
    at(
        span,
        "a failed statement has spoiled the caller's transaction, and repeating a part of it cannot mend that; write `#[retry(unsent)]` above the function that opens it with `#[transactional(tx = ..)]`",
    )
}

pub(crate) fn call_out_as_transaction(span: Span) -> Error {
    at(
        span,
        "this function calls out, and a transaction must not wait for that; write the database work as a function of its own under `#[transactional(tx = self.db)]`, and call it before or after",
    )
}

pub(crate) fn durable_without(span: Span, missing: &[&str]) -> Error {
    let example = "#[durable(db = Postgres, op = \"payment.confirm\", per = order_id)]";
    let verb = if missing.len() == 1 { "is" } else { "are" };
    let missing = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    at(
        span,
        format!(
            "an intent is stored in a database, under a name that stays when the function is renamed, and {missing} {verb} missing; write `{example}`"
        ),
    )
}

pub(crate) fn cancel_without_compensate(span: Span) -> Error {
    at(span, "nothing says how to cancel; write `compensate = cancel_payment` beside it")
}

pub(crate) fn durable_needs_async_fn(span: Span, function: &Ident) -> Error {
    at(span, format!("the ledger runs `{function}` by itself; write it as `async fn {function}(..)`"))
}

pub(crate) fn durable_generic(tokens: impl ToTokens) -> Error {
    on(
        tokens,
        "the ledger runs this function after a restart, when nobody says which type is meant; write the type, or call this function from one without type parameters",
    )
}

pub(crate) fn durable_method(this: &syn::Receiver) -> Error {
    on(
        this,
        "the ledger runs this function after a restart, when there is no `self`; write a free function that takes `client: &Client`, and give the ledger one with `.provide(Arc::new(client))`",
    )
}

pub(crate) fn unstored_parameter(pattern: impl ToTokens) -> Error {
    on(
        pattern,
        "each parameter is stored under its name, and this one has none; write `order: Order` and take it apart in the body",
    )
}

pub(crate) fn given_mutably(ty: &syn::Type) -> Error {
    on(ty, "what is borrowed here is shared by all intents of the process; write `&T` with the lock inside `T`")
}

pub(crate) fn given_without_a_type(ty: &syn::Type, owned: &str) -> Error {
    on(
        ty,
        format!(
            "a reference is something that the ledger was given, found by its type, and this is data; write `{owned}`, which is stored"
        ),
    )
}

pub(crate) fn durable_with_fallback(span: Span) -> Error {
    at(
        span,
        "the ledger must know what the partner has answered, and a fallback answers in its place; write the fallback where `ledger.drive(..)` answers `InDoubt`",
    )
}

pub(crate) fn durable_with_transaction(span: Span) -> Error {
    at(
        span,
        "this function calls out, and a transaction must not wait for that; write the database work as a function of its own, `applied = mark_paid`",
    )
}

pub(crate) fn repeat_without_key(span: Span, function: &Ident) -> Error {
    at(
        span,
        format!(
            "the partner recognises a repeat by its key, and `{function}` has none to send; add the parameter `key: &IdempotencyKey`"
        ),
    )
}

pub(crate) fn no_threads(span: Span) -> Error {
    at(span, "a bulkhead needs threads of its own; write `#[bulkhead(threads = 4)]`")
}

pub(crate) fn too_many_threads(span: Span, most: u32) -> Error {
    at(
        span,
        format!(
            "a bulkhead has at most {most} threads; let more calls share fewer, write `threads = 8, max_concurrent = {most}`"
        ),
    )
}

pub(crate) fn bulkhead_borrows_self(this: &syn::Receiver) -> Error {
    on(
        this,
        "the body of a `#[bulkhead]` runs on threads of its own and cannot borrow from its caller; write `self: Arc<Self>`, or limit the calls where they are with `#[semaphore(permits = 10)]`",
    )
}

pub(crate) fn bulkhead_borrows(ty: &syn::Type) -> Error {
    let owned = match ty {
        syn::Type::Reference(reference) => match &*reference.elem {
            syn::Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
            syn::Type::Slice(slice) => format!("Vec<{}>", type_text(&slice.elem)),
            syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "IdempotencyKey") => {
                type_text(&reference.elem)
            }
            elem => format!("Arc<{}>", type_text(elem)),
        },
        _ => "Arc<..>".to_owned(),
    };
    on(
        ty,
        format!(
            "the body of a `#[bulkhead]` runs on threads of its own and cannot borrow from its caller; write `{owned}`, or limit the calls where they are with `#[semaphore(permits = 10)]`"
        ),
    )
}

pub(crate) fn semaphore_with_bulkhead(span: Span) -> Error {
    at(
        span,
        "a bulkhead limits by itself how many calls run; take `#[semaphore]` off and write `#[bulkhead(threads = 4, max_concurrent = 10)]`",
    )
}

pub(crate) fn no_bound(span: Span, kind: Kind, example: &str) -> Error {
    at(span, format!("`#[{}]` without a bound waits forever; write `#[{example}]`", kind.name()))
}

pub(crate) fn phases_without_whole(span: Span, name: &str, phase: Option<Duration>) -> Error {
    let phase = phase.map_or_else(|| "..".to_owned(), |phase| format!("\"{phase:?}\""));
    at(
        span,
        format!(
            "`{name}` bounds one phase and nothing bounds the whole: a partner that drips would hold this call forever; add `#[deadline(\"30s\")]`, or write `#[timeout(\"10s\", {name} = {phase})]`"
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
    at(span, format!("`{name}` does nothing without `{needed}`; add `{needed} = {example}`"))
}

pub(crate) fn open_max_below_open_for(span: Span, most: Duration, least: Duration) -> Error {
    at(
        span,
        format!(
            "`open_max` of {most:?} is below `open_for` of {least:?}, where the growth begins; write `open_max = \"{least:?}\"` or more"
        ),
    )
}

pub(crate) fn bound_above_deadline(span: Span, what: &str, limit: Duration, deadline: Duration) -> Error {
    at(
        span,
        format!(
            "{what} of {limit:?} can never pass: the deadline of {deadline:?} comes first; write at most `\"{deadline:?}\"`, or `#[deadline]` with a longer one"
        ),
    )
}

/// The text of a warning, not of an error.
pub(crate) fn outside_range(phase: &str, limit: Duration, least: u64, most: u64) -> String {
    let why = match phase {
        "connect" => "connecting is quick or it fails",
        _ => "a shorter one cuts off slow answers, a longer one holds the caller",
    };
    format!(
        "`{phase} = \"{limit:?}\"` is outside the recommended {least} to {most} s: {why}; if it is meant, write `allow(range)` beside it"
    )
}

pub(crate) fn backoff_above_deadline(span: Span, waits: Duration, deadline: Duration) -> Error {
    at(
        span,
        format!(
            "the waits between attempts add up to {waits:?}, which does not fit in the deadline of {deadline:?}; write fewer `attempts`, a smaller `base` or `max`, or a longer `#[deadline]`"
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

pub(crate) fn unknown_mark(mark: &Path) -> Error {
    let written = text(mark);
    on(
        mark,
        format!(
            "`{written}` is no mark; write `transient`, `permanent`, `caller`, `delegate` or `status`, and `unsent` beside `transient` where nothing was sent"
        ),
    )
}

/// `#[classify]`, `#[classify()]`, `#[classify = ..]` and their kin.
pub(crate) fn unreadable_marks(tokens: impl ToTokens) -> Error {
    on(tokens, "marks stand in parentheses, as words; write `#[classify(transient)]`")
}

pub(crate) fn two_marks(second: &Path) -> Error {
    on(second, "a variant means one thing; keep one of `transient`, `permanent`, `caller`, `delegate`, `status`")
}

pub(crate) fn mark_of_a_variant(mark: &Path) -> Error {
    let written = text(mark);
    on(mark, format!("`{written}` is a mark of the whole variant; write `#[classify({written})]` above the variant"))
}

pub(crate) fn which_field(mark: &Path, variant: &Ident) -> Error {
    let written = text(mark);
    on(
        mark,
        format!("`{variant}` has more than one field to ask; write `#[classify({written})]` above the one that knows"),
    )
}

pub(crate) fn no_field(mark: &Path, variant: &Ident) -> Error {
    let written = text(mark);
    on(
        mark,
        format!(
            "`{written}` asks a field, and `{variant}` has none; write `#[classify(transient)]`, `#[classify(permanent)]` or `#[classify(caller)]`"
        ),
    )
}

pub(crate) fn unsent_needs_transient(unsent: &Path) -> Error {
    on(unsent, "`unsent` adds to `transient` and says nothing without it; write `#[classify(transient, unsent)]`")
}
