//! Rules between attributes, and between them and the function: one function a rule.

use crate::diagnostics::{self, Errors};
use crate::model::{Acting, Durable, Function, InDoubt, Instead, Kind, Proof, Setting, Shell, Stack, Window, Written};
use crate::parse::{self, function::each_binding, siblings};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use std::time::Duration;
use syn::{Expr, FnArg, GenericParam, Pat, PatIdent, Type};

/// What can be said although some argument could not be read.
pub(crate) fn function(written: &[Written], function: &Function, errors: &mut Errors) {
    no_mut_parameter_under_retry(written, function, errors);
    arguments_name_nothing_generic(written, function, errors);
    arguments_name_none_of_our_statics(written, errors);
    one_crate_path(written, errors);
    mark_stays_visible(written, function, errors);
    bulkhead_borrows_nothing(written, function, errors);
    one_kind_of_isolation(written, errors);
    no_call_out_is_a_transaction(written, errors);
    operation_can_be_stored(written, function, errors);
    operation_answers_for_itself(written, errors);
}

/// What needs every argument.
pub(crate) fn stack(written: &[Written], stack: &Stack, function: &Function, errors: &mut Errors) {
    what_must_not_be_repeated_is_not(written, stack, errors);
    phases_need_a_whole(stack, errors);
    min_calls_fit_the_window(stack, errors);
    settings_that_need_another(stack, errors);
    open_max_is_above_open_for(stack, errors);
    bounds_fit_the_deadline(stack, errors);
    key_is_a_parameter_that_is_sent(stack, function, errors);
    fallback_function_gets_named_parameters(stack, function, errors);
    fallback_does_nothing_twice(stack, errors);
    transaction_has_a_name_of_its_own(stack, function, errors);
    callers_transaction_is_not_retried(written, stack, errors);
    requests_are_compared_by_named_parameters(stack, function, errors);
    repeat_is_recognised(stack, function, errors);
}

/// The one right order, outermost first; each attribute once.
pub(crate) fn order(written: &[Written], errors: &mut Errors) {
    for (index, one) in written.iter().enumerate() {
        if written[..index].iter().any(|earlier| earlier.kind == one.kind) {
            errors.push(diagnostics::duplicate_attribute(one.span, one.kind));
            return;
        }
    }
    if let Some(pair) = written.windows(2).find(|pair| pair[0].kind > pair[1].kind) {
        let mut kinds: Vec<_> = written.iter().map(|one| one.kind).collect();
        kinds.sort_unstable();
        let right: Vec<_> = kinds.iter().map(|kind| format!("`#[{}]`", kind.name())).collect();
        errors.push(diagnostics::wrong_order(pair[1].span, &right.join(" above ")));
    }
}

fn one_crate_path(written: &[Written], errors: &mut Errors) {
    let mut first: Option<String> = None;
    for one in written {
        let Some(path) = one.runtime.as_ref().map(|path| path.to_token_stream().to_string()) else { continue };
        if first.get_or_insert_with(|| path.clone()) != &path {
            errors.push(diagnostics::two_crate_paths(one.span));
        }
    }
}

/// The body leaves its caller's thread, and may outlive the call.
fn bulkhead_borrows_nothing(written: &[Written], function: &Function, errors: &mut Errors) {
    if written.iter().all(|one| one.kind != Kind::Bulkhead) {
        return;
    }
    for input in &function.signature.inputs {
        match input {
            FnArg::Receiver(this) if borrows(this.to_token_stream()) => {
                errors.push(diagnostics::bulkhead_borrows_self(this));
            }
            FnArg::Typed(typed) if borrows(typed.ty.to_token_stream()) => {
                errors.push(diagnostics::bulkhead_borrows(&typed.ty));
            }
            _ => {}
        }
    }
}

/// Whether a type holds a reference or a lifetime other than `'static`.
fn borrows(ty: TokenStream) -> bool {
    let mut tokens = ty.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Punct(quote) if quote.as_char() == '\'' => {
                !matches!(tokens.next(), Some(TokenTree::Ident(name)) if name == "static")
            }
            TokenTree::Punct(and) if and.as_char() == '&' => {
                !matches!(tokens.peek(), Some(TokenTree::Punct(quote)) if quote.as_char() == '\'')
            }
            // `Fn(&str)` borrows nothing yet.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => borrows(group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

fn one_kind_of_isolation(written: &[Written], errors: &mut Errors) {
    let semaphore = written.iter().find(|one| one.kind == Kind::Semaphore);
    if let (Some(semaphore), true) = (semaphore, written.iter().any(|one| one.kind == Kind::Bulkhead)) {
        errors.push(diagnostics::semaphore_with_bulkhead(semaphore.span));
    }
}

/// A mark is in the type of the function's future, so nothing may stand between the two.
fn mark_stays_visible(written: &[Written], function: &Function, errors: &mut Errors) {
    let Some(mark) = written.iter().find(|one| one.kind.is_mark()) else { return };
    if let Shell::AsyncTrait { .. } = function.shell {
        errors.push(diagnostics::mark_hidden_by_async_trait(mark.span, mark.kind, &function.signature.ident));
    }
    let foreign = function.attributes.iter().filter(|attribute| !siblings::is_inert(attribute.path()));
    errors.extend(foreign.map(|foreign| diagnostics::foreign_attribute_below_mark(foreign, mark.kind)));
}

fn no_call_out_is_a_transaction(written: &[Written], errors: &mut Errors) {
    let transactional = written.iter().find(|one| one.kind == Kind::Transactional);
    if let Some(transactional) = transactional
        && written.iter().any(|one| one.kind == Kind::OutsideTransaction)
    {
        errors.push(diagnostics::call_out_as_transaction(transactional.span));
    }
}

/// `tx` is a parameter, and `tx = expr` hides none.
fn transaction_has_a_name_of_its_own(stack: &Stack, function: &Function, errors: &mut Errors) {
    let Some(transactional) = &stack.transactional else { return };
    let tx = &transactional.tx;
    let mut parameter = None;
    for input in &function.signature.inputs {
        if let FnArg::Typed(typed) = input {
            each_binding(&typed.pat, &mut |binding| {
                if binding.ident == *tx {
                    parameter = Some(binding.ident.clone());
                }
            });
        }
    }
    match (parameter, &transactional.database) {
        (None, None) => errors.push(diagnostics::no_transaction_parameter(tx)),
        (Some(parameter), Some(_)) => errors.push(diagnostics::hidden_parameter(&parameter)),
        _ => {}
    }
}

fn requests_are_compared_by_named_parameters(stack: &Stack, function: &Function, errors: &mut Errors) {
    let once = stack.transactional.as_ref().and_then(|transactional| transactional.once.as_ref());
    if once.is_none_or(|once| once.fingerprint.is_some()) {
        return;
    }
    let database = stack.transactional.as_ref().and_then(|transactional| transactional.database.as_ref());
    for input in &function.signature.inputs {
        match input {
            FnArg::Typed(typed) if !matches!(*typed.pat, Pat::Ident(_)) => {
                errors.push(diagnostics::uncompared_parameter(&typed.pat));
            }
            // Where `self` holds the database it is the service; else it may be what the request is about.
            FnArg::Receiver(this) if !database.is_some_and(begins_with_self) => {
                errors.push(diagnostics::uncompared_self(this));
            }
            _ => {}
        }
    }
}

/// Whether an expression is a part of `self`.
fn begins_with_self(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.path.is_ident("self"),
        Expr::Field(field) => begins_with_self(&field.base),
        Expr::MethodCall(call) => call.args.is_empty() && begins_with_self(&call.receiver),
        Expr::Reference(reference) => begins_with_self(&reference.expr),
        Expr::Paren(inner) => begins_with_self(&inner.expr),
        _ => false,
    }
}

/// Whether there is nothing about the function that a ledger could not store.
pub(crate) fn can_be_stored(written: &[Written], function: &Function) -> bool {
    let mut errors = Errors::default();
    operation_can_be_stored(written, function, &mut errors);
    !errors.any()
}

/// What the ledger runs again after a restart: a free function of values that can be stored, and of references to what it
/// is given.
fn operation_can_be_stored(written: &[Written], function: &Function, errors: &mut Errors) {
    let Some(durable) = written.iter().find(|one| one.kind == Kind::Durable) else { return };
    if !matches!(function.shell, Shell::AsyncFn) {
        errors.push(diagnostics::durable_needs_async_fn(durable.span, &function.signature.ident));
    }
    if let Some(parameter) = function.signature.generics.params.first() {
        errors.push(diagnostics::durable_generic(parameter));
    }
    for input in &function.signature.inputs {
        match input {
            FnArg::Receiver(this) => errors.push(diagnostics::durable_method(this)),
            FnArg::Typed(typed) if !matches!(*typed.pat, Pat::Ident(_)) => {
                errors.push(diagnostics::unstored_parameter(&typed.pat));
            }
            FnArg::Typed(typed) => errors.extend(neither_stored_nor_given(&typed.ty)),
        }
    }
}

fn neither_stored_nor_given(ty: &Type) -> Option<syn::Error> {
    match ty {
        Type::ImplTrait(_) => Some(diagnostics::durable_generic(ty)),
        Type::Reference(reference) if reference.mutability.is_some() => Some(diagnostics::given_mutably(ty)),
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(_) => Some(diagnostics::given_without_a_type(ty, "Vec<..>")),
            Type::Path(path) if path.path.is_ident("str") => Some(diagnostics::given_without_a_type(ty, "String")),
            _ => None,
        },
        _ => None,
    }
}

/// The ledger must see what the partner has answered, and call outside of transactions.
fn operation_answers_for_itself(written: &[Written], errors: &mut Errors) {
    if written.iter().all(|one| one.kind != Kind::Durable) {
        return;
    }
    for one in written {
        match one.kind {
            Kind::Fallback => errors.push(diagnostics::durable_with_fallback(one.span)),
            Kind::Transactional => errors.push(diagnostics::durable_with_transaction(one.span)),
            _ => {}
        }
    }
}

/// A partner recognises only a key that it gets.
fn repeat_is_recognised(stack: &Stack, function: &Function, errors: &mut Errors) {
    let Some((InDoubt::Repeat, at)) = stack.durable.as_ref().and_then(|durable| durable.in_doubt) else { return };
    let is_harmless =
        stack.retry.as_ref().is_some_and(|retry| matches!(retry.proof, Proof::Idempotent | Proof::Because(_)));
    let takes_key = function.signature.inputs.iter().any(|input| match input {
        FnArg::Typed(typed) => names_a_key(&typed.ty),
        FnArg::Receiver(_) => false,
    });
    if !is_harmless && !takes_key {
        errors.push(diagnostics::repeat_without_key(at, &function.signature.ident));
    }
}

/// Whether a parameter is `&IdempotencyKey`.
pub(crate) fn names_a_key(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "IdempotencyKey"),
            _ => false,
        },
        _ => false,
    }
}

fn callers_transaction_is_not_retried(written: &[Written], stack: &Stack, errors: &mut Errors) {
    let takes_part = stack.transactional.as_ref().is_some_and(|transactional| transactional.database.is_none());
    if let Some(retry) = written.iter().find(|one| one.kind == Kind::Retry)
        && takes_part
    {
        errors.push(diagnostics::retry_in_callers_transaction(retry.span));
    }
}

fn what_must_not_be_repeated_is_not(written: &[Written], stack: &Stack, errors: &mut Errors) {
    let (Some(_), Some(retry)) = (&stack.non_idempotent, &stack.retry) else { return };
    if retry.proof.repeats_what_was_sent()
        && let Some(retry) = written.iter().find(|one| one.kind == Kind::Retry)
    {
        errors.push(diagnostics::retry_of_non_idempotent(retry.span));
    }
}

fn phases_need_a_whole(stack: &Stack, errors: &mut Errors) {
    let Some(timeout) = &stack.timeout else { return };
    if timeout.attempt.is_some() || stack.deadline.is_some() {
        return;
    }
    let (name, phase) = match (&timeout.connect, &timeout.read) {
        (_, Some(read)) => ("read", read),
        (Some(connect), None) => ("connect", connect),
        (None, None) => return,
    };
    errors.push(diagnostics::phases_without_whole(phase.span(), name, phase.known()));
}

fn min_calls_fit_the_window(stack: &Stack, errors: &mut Errors) {
    let Some(breaker) = &stack.circuit_breaker else { return };
    let (Some(min_calls), Some(Window::Calls(window))) = (&breaker.min_calls, &breaker.window) else { return };
    if let (Some(calls), Some(size)) = (min_calls.known(), window.known())
        && calls > size
    {
        errors.push(diagnostics::min_calls_above_window(min_calls.span(), calls, size));
    }
}

fn settings_that_need_another(stack: &Stack, errors: &mut Errors) {
    if let Some(Durable { settle: Some(settle), verify: None, .. }) = &stack.durable
        && stack.in_doubt() == InDoubt::Manual
    {
        errors.push(diagnostics::pointless_without(settle.span(), "settle", "verify", "payment_status"));
    }
    let Some(breaker) = &stack.circuit_breaker else { return };
    if let (Some(rate), None) = (&breaker.slow_rate, &breaker.slow_call) {
        errors.push(diagnostics::pointless_without(rate.span(), "slow_rate", "slow_call", "\"2s\""));
    }
    if let (Some(max), None) = (&breaker.open_max, &breaker.open_factor) {
        errors.push(diagnostics::pointless_without(max.span(), "open_max", "open_factor", "2.0"));
    }
}

fn open_max_is_above_open_for(stack: &Stack, errors: &mut Errors) {
    let Some(breaker) = &stack.circuit_breaker else { return };
    let (Some(max), Some(_)) = (&breaker.open_max, &breaker.open_factor) else { return };
    let open_for = breaker.open_for.as_ref().map_or(Some(Duration::from_secs(30)), Setting::known);
    if let (Some(most), Some(least)) = (max.known(), open_for)
        && most < least
    {
        errors.push(diagnostics::open_max_below_open_for(max.span(), most, least));
    }
}

fn bounds_fit_the_deadline(stack: &Stack, errors: &mut Errors) {
    let Some(limit) = stack.deadline.as_ref().map(|deadline| &deadline.limit) else { return };
    let Some(deadline) = limit.known() else { return };
    if let Some(timeout) = &stack.timeout {
        let bounds =
            [("an attempt bound", &timeout.attempt), ("`connect`", &timeout.connect), ("`read`", &timeout.read)];
        for (what, bound) in bounds {
            if let Some(bound) = bound
                && let Some(limit) = bound.known().filter(|limit| *limit > deadline)
            {
                errors.push(diagnostics::bound_above_deadline(bound.span(), what, limit, deadline));
            }
        }
    }
    let Some(retry) = &stack.retry else { return };
    // Only without jitter are the waits certain; with it, the deadline ends the attempts at run time.
    if retry.jitter != Some(crate::model::Jitter::None) {
        return;
    }
    let known = |setting: &Option<Setting<Duration>>, default| setting.as_ref().map_or(Some(default), Setting::known);
    let attempts = retry.attempts.as_ref().map_or(Some(3), Setting::known);
    let factor = retry.factor.as_ref().map_or(Some(2.0), Setting::known);
    let (Some(attempts), Some(base), Some(max), Some(factor)) =
        (attempts, known(&retry.base, Duration::from_millis(100)), known(&retry.max, Duration::from_secs(10)), factor)
    else {
        return;
    };
    let waits = waits(attempts, base, factor, max, deadline);
    if waits >= deadline {
        let written = retry.base.as_ref().or(retry.max.as_ref()).unwrap_or(limit);
        errors.push(diagnostics::backoff_above_deadline(written.span(), waits, deadline));
    }
}

/// The sum of all waits, or the first partial sum that reaches `enough`.
fn waits(attempts: u32, base: Duration, factor: f64, max: Duration, enough: Duration) -> Duration {
    let mut wait = base.as_secs_f64();
    let mut sum = Duration::ZERO;
    for _ in 1..attempts {
        sum = sum.saturating_add(Duration::try_from_secs_f64(wait).unwrap_or(max).min(max));
        if sum >= enough {
            break;
        }
        wait *= factor;
    }
    sum
}

fn key_is_a_parameter_that_is_sent(stack: &Stack, function: &Function, errors: &mut Errors) {
    let Some(Proof::Key(key)) = stack.retry.as_ref().map(|retry| &retry.proof) else { return };
    let parameter = function.signature.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) if name.ident == *key => Some((&name.ident, &*typed.ty)),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    });
    let Some((name, ty)) = parameter else {
        errors.push(diagnostics::no_key_parameter(key));
        return;
    };
    // A bulkhead takes it by value.
    let taken = stack.bulkhead.is_some() && matches!(ty, Type::Path(_));
    if !taken && !is_key_reference(ty) {
        errors.push(diagnostics::key_of_another_type(ty, key));
    }
    let body: TokenStream = function.body.iter().map(ToTokens::to_token_stream).collect();
    if !mentions(body.clone(), key) && !sends_checked(body) {
        errors.push(diagnostics::unused_key(name.span(), key));
    }
}

fn is_key_reference(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    let mut inner = &*reference.elem;
    while let Type::Group(group) = inner {
        inner = &group.elem;
    }
    match inner {
        // An alias of another name is rustc's to judge: `start_with` takes `&IdempotencyKey`.
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident != "str" && last.ident != "String"),
        _ => false,
    }
}

/// Whether `name` stands anywhere in the body, format strings included.
pub(crate) fn mentions(body: TokenStream, name: &Ident) -> bool {
    body.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Literal(literal) => literal.to_string().contains(&format!("{{{name}")),
        TokenTree::Punct(_) => false,
    })
}

/// Whether the body sends through `.checked()`, which applies the key by itself.
pub(crate) fn sends_checked(body: TokenStream) -> bool {
    body.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "checked",
        TokenTree::Group(group) => sends_checked(group.stream()),
        _ => false,
    })
}

fn no_mut_parameter_under_retry(written: &[Written], function: &Function, errors: &mut Errors) {
    if written.iter().all(|one| one.kind != Kind::Retry) {
        return;
    }
    for input in &function.signature.inputs {
        match input {
            // `ref mut name` changes nothing of its own.
            FnArg::Typed(typed) => each_binding(&typed.pat, &mut |binding| {
                if let PatIdent { by_ref: None, mutability: Some(mutability), ident, .. } = binding {
                    errors.push(diagnostics::mut_parameter(*mutability, ident));
                }
            }),
            FnArg::Receiver(this) => errors.extend(this.mutability.map(diagnostics::mut_self)),
        }
    }
}

fn fallback_function_gets_named_parameters(stack: &Stack, function: &Function, errors: &mut Errors) {
    let Some(Instead::With(..)) = stack.fallback.as_ref().map(|fallback| &fallback.instead) else { return };
    for input in &function.signature.inputs {
        if let FnArg::Typed(typed) = input
            && !matches!(*typed.pat, Pat::Ident(_))
        {
            errors.push(diagnostics::unnamed_parameter(&typed.pat));
        }
    }
}

/// What must not be done twice is not done a second time elsewhere, without a word.
fn fallback_does_nothing_twice(stack: &Stack, errors: &mut Errors) {
    let Some(Instead::With(path, Acting::Unsaid)) = stack.fallback.as_ref().map(|fallback| &fallback.instead) else {
        return;
    };
    let is_once = |proof: &Proof| matches!(proof, Proof::Key(_) | Proof::Unsent);
    if stack.non_idempotent.is_some() || stack.retry.as_ref().is_some_and(|retry| is_once(&retry.proof)) {
        errors.push(diagnostics::fallback_that_acts(path));
    }
}

/// A policy lives in a static, which sees neither `Self` nor the function's generics.
fn arguments_name_nothing_generic(written: &[Written], function: &Function, errors: &mut Errors) {
    let mut names: Vec<String> = vec!["Self".to_owned()];
    names.extend(function.signature.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(ty) => Some(ty.ident.to_string()),
        GenericParam::Const(constant) => Some(constant.ident.to_string()),
        GenericParam::Lifetime(_) => None,
    }));
    for one in written {
        if let Some(ident) = first_of(parse::in_statics(one.kind, one.arguments.clone()), &names) {
            errors.push(diagnostics::names_generic(&ident));
        }
    }
}

/// The statics of an expansion stand where its arguments are evaluated.
fn arguments_name_none_of_our_statics(written: &[Written], errors: &mut Errors) {
    let names = [
        "SITE",
        "DURABLE",
        "TRANSACTION_GUARD",
        "FALLBACK",
        "DEADLINE",
        "RETRY",
        "CIRCUIT_BREAKER",
        "SEMAPHORE",
        "BULKHEAD",
        "TIMEOUT",
        "TRANSACTIONAL",
    ]
    .map(str::to_owned);
    for one in written {
        if let Some(ident) = first_of(one.arguments.clone(), &names) {
            errors.push(diagnostics::names_our_static(&ident));
        }
    }
}

fn first_of(tokens: TokenStream, names: &[String]) -> Option<Ident> {
    let mut in_path = false;
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Punct(punct) => {
            in_path = punct.as_char() == ':';
            None
        }
        // `self::RETRY` is somebody else's.
        TokenTree::Ident(_) if std::mem::take(&mut in_path) => None,
        TokenTree::Ident(ident) => names.iter().any(|name| ident == name).then_some(ident),
        TokenTree::Group(group) => first_of(group.stream(), names),
        TokenTree::Literal(_) => None,
    })
}
