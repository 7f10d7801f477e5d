//! Rules between attributes, one function a rule. What concerns one attribute alone is in its own file.

use super::facts::Place;
use super::fallback::Fallback;
use super::{Kind, Models, Written};
use crate::errors::{Errors, text};
use crate::function::{Function, Shell, each_binding, hidden_by_a_box, is_inert};
use crate::read;
use proc_macro2::Span;
use quote::ToTokens;
use syn::{FnArg, GenericParam};

/// What can be said of attributes before they are read.
pub(crate) fn rules_of_writing(written: &[Written], function: &Function, errors: &mut Errors) {
    arguments_name_nothing_generic(written, function, errors);
    settings_name_no_parameter(written, function, errors);
    arguments_name_none_of_our_statics(written, errors);
    one_crate_path(written, errors);
    marks_stay_visible(written, function, errors);
    one_kind_of_isolation(written, errors);
    no_call_out_is_a_transaction(written, errors);
    operation_answers_for_itself(written, errors);
}

/// What needs every argument.
pub(crate) fn rules_of_models(models: &Models, errors: &mut Errors) {
    what_must_not_be_repeated_is_not(models, errors);
    fallback_does_nothing_twice(models, errors);
    bounds_fit_the_deadline(models, errors);
    waits_fit_the_deadline(models, errors);
    callers_transaction_is_not_retried(models, errors);
}

/// The one right order, outermost first; each attribute once. Hands back the attribute that is misplaced, with what
/// there is to say about it.
pub(crate) fn order<'a>(written: &'a [Written], errors: &mut Errors) -> Option<(&'a Written, String)> {
    for (index, one) in written.iter().enumerate() {
        if written[..index].iter().any(|earlier| earlier.kind == one.kind) {
            let name = one.kind.name();
            errors.at(
                one.span,
                format!(
                    "`#[{name}]` is here twice; write it once, or split the function in two, one calling the other"
                ),
            );
            return None;
        }
    }
    let pair = written.windows(2).find(|pair| pair[0].kind > pair[1].kind)?;
    let mut kinds: Vec<_> = written.iter().map(|one| one.kind).collect();
    kinds.sort_unstable();
    let right: Vec<_> = kinds.iter().map(|kind| format!("`#[{}]`", kind.name())).collect();
    let message = format!(
        "the order written is the order run, outermost first, and only one order is right; write {}",
        right.join(" above ")
    );
    Some((&pair[1], message))
}

/// What the runtime was built without does not exist in it.
pub(crate) fn database_is_there(written: &[Written], errors: &mut Errors) {
    // The snapshots are of all attributes.
    if cfg!(any(feature = "database", test)) {
        return;
    }
    for one in written.iter().filter(|one| one.kind.facts().needs_database) {
        let name = one.kind.name();
        errors.at(
            one.span,
            format!(
                "`#[{name}]` needs a database, and resil is built without one; write `features = [\"postgres\"]` at `resil` in Cargo.toml, or `[\"sqlite\"]`"
            ),
        );
    }
}

/// Where an attribute stands, if it is there.
fn span_of(kind: Kind, written: &[Written]) -> Option<Span> {
    written.iter().find(|one| one.kind == kind).map(|one| one.span)
}

fn one_crate_path(written: &[Written], errors: &mut Errors) {
    let mut first: Option<String> = None;
    for one in written {
        let Some(path) = one.runtime.as_ref().map(|path| path.to_token_stream().to_string()) else { continue };
        if first.get_or_insert_with(|| path.clone()) != &path {
            errors
                .at(one.span, "two attributes of one stack name different crates; write `crate = path` on one of them");
        }
    }
}

/// A mark is in the type of the function's future, so nothing may stand between the two.
fn marks_stay_visible(written: &[Written], function: &Function, errors: &mut Errors) {
    let Some(mark) = written.iter().find(|one| one.kind.place() == Place::Mark) else { return };
    let (name, function_name) = (mark.kind.name(), &function.signature.ident);
    if let Shell::AsyncTrait { .. } = function.shell {
        errors.push(hidden_by_a_box(mark.span, name, function_name));
    }
    for foreign in function.attributes.iter().filter(|attribute| !is_inert(attribute.path())) {
        let path = text(foreign.path());
        errors.on(
            foreign.path(),
            format!(
                "`#[{path}]` below `#[{name}]` would see this call begin and not end; write it above `#[{name}]`, or above the function that this one calls"
            ),
        );
    }
}

fn one_kind_of_isolation(written: &[Written], errors: &mut Errors) {
    if let (Some(semaphore), Some(_)) = (span_of(Kind::Semaphore, written), span_of(Kind::Bulkhead, written)) {
        errors.at(
            semaphore,
            "a bulkhead limits by itself how many calls run; take `#[semaphore]` off and write `#[bulkhead(threads = 4, max_concurrent = 10)]`",
        );
    }
}

fn no_call_out_is_a_transaction(written: &[Written], errors: &mut Errors) {
    let guard = span_of(Kind::OutsideTransaction, written);
    if let (Some(transactional), Some(_)) = (span_of(Kind::Transactional, written), guard) {
        errors.at(
            transactional,
            "this function makes an external call, and a transaction must not wait for that; write the database work as a function of its own under `#[transactional(tx = self.db)]`, and call it before or after",
        );
    }
}

/// The ledger must see what the partner has answered, and call outside of transactions.
fn operation_answers_for_itself(written: &[Written], errors: &mut Errors) {
    if span_of(Kind::Durable, written).is_none() {
        return;
    }
    if let Some(fallback) = span_of(Kind::Fallback, written) {
        errors.at(
            fallback,
            "the ledger must know what the partner has answered, and a fallback answers in its place; write the fallback where `ledger.drive(..)` answers `InDoubt`",
        );
    }
    if let Some(transactional) = span_of(Kind::Transactional, written) {
        errors.at(
            transactional,
            "this function makes an external call, and a transaction must not wait for that; write the database work as a function of its own, `applied = mark_paid`",
        );
    }
}

fn what_must_not_be_repeated_is_not(models: &Models, errors: &mut Errors) {
    let (Some(_), Some(retry)) = (&models.non_idempotent, &models.retry) else { return };
    if retry.repeats_what_was_sent() {
        errors.at(
            retry.span,
            "this repeats calls that may have had an effect, and `#[non_idempotent]` says that no call may be repeated; write `#[retry(unsent)]`, or `#[retry(idempotency_key = key)]` if the partner recognises a repeat by its key",
        );
    }
}

/// What must not be done twice is not done a second time elsewhere, without a word.
fn fallback_does_nothing_twice(models: &Models, errors: &mut Errors) {
    let Some(with) = models.fallback.as_ref().and_then(Fallback::unsaid) else { return };
    let is_once = models.retry.as_ref().is_some_and(|retry| !retry.repeats_what_was_sent());
    if models.non_idempotent.is_some() || is_once {
        let path = text(with);
        errors.on(
            with,
            format!(
                "this call must not be done twice, and after a lost answer nobody knows whether it was done; write one of\n\
                 \x20   with = {path}, unsent                     answers only what was certainly never done\n\
                 \x20   with = {path}, acts = \"it only reads\"     why it is harmless, whatever was done"
            ),
        );
    }
}

fn callers_transaction_is_not_retried(models: &Models, errors: &mut Errors) {
    let (Some(retry), Some(transactional)) = (&models.retry, &models.transactional) else { return };
    if transactional.database.is_none() {
        errors.at(
            retry.span,
            "a failed statement has spoiled the caller's transaction, and repeating a part of it cannot mend that; write `#[retry(unsent)]` above the function that begins it with `#[transactional(tx = ..)]`",
        );
    }
}

fn bounds_fit_the_deadline(models: &Models, errors: &mut Errors) {
    let (Some(deadline), Some(timeout)) = (&models.deadline, &models.timeout) else { return };
    let Some(deadline) = deadline.limit.known() else { return };
    for (what, bound) in timeout.bounds() {
        if let Some(limit) = bound.known().filter(|limit| *limit > deadline) {
            errors.at(
                bound.span(),
                format!(
                    "{what} of {limit:?} can never pass: the deadline of {deadline:?} comes first; write at most `\"{deadline:?}\"`, or `#[deadline]` with a longer one"
                ),
            );
        }
    }
}

fn waits_fit_the_deadline(models: &Models, errors: &mut Errors) {
    let (Some(deadline), Some(retry)) = (&models.deadline, &models.retry) else { return };
    let Some(limit) = deadline.limit.known() else { return };
    if let Some(waits) = retry.waits(limit).filter(|waits| *waits >= limit) {
        errors.at(
            retry.span_of_waits().unwrap_or_else(|| deadline.limit.span()),
            format!(
                "the waits between attempts add up to {waits:?}, which does not fit in the deadline of {limit:?}; write fewer `attempts`, a smaller `base` or `max`, or a longer `#[deadline]`"
            ),
        );
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
        if let Some(ident) =
            read::first_of(read::in_statics(one.kind.facts().in_function, one.arguments.clone()), &names)
        {
            errors.on(
                &ident,
                format!(
                    "one policy serves all types, so its arguments cannot name `{ident}`; write a literal or a constant of the module"
                ),
            );
        }
    }
}

/// Nor its parameters: a setting is the same for every call.
fn settings_name_no_parameter(written: &[Written], function: &Function, errors: &mut Errors) {
    let mut parameters = Vec::new();
    for input in &function.signature.inputs {
        if let FnArg::Typed(typed) = input {
            each_binding(&typed.pat, &mut |binding| parameters.push(binding.ident.to_string()));
        }
    }
    for Written { kind, arguments, .. } in written {
        let known = kind.facts().arguments;
        for (setting, value) in read::values_in_statics(kind.facts().in_function, arguments.clone()) {
            // What is unknown is a mistake already.
            let setting = setting.map_or(Some("bound"), |path| known.iter().copied().find(|name| path.is_ident(name)));
            let Some(setting) = setting else { continue };
            let Some(parameter) = read::value_of(value.to_token_stream(), &parameters) else { continue };
            let instead = if setting == "name" && known.contains(&"key") {
                format!("for a state of each, write `name = \"payment\", key = {}`", text(&value))
            } else {
                "write a literal or a constant of the module".to_owned()
            };
            errors.on(
                &parameter,
                format!("one `{setting}` serves every call, and `{parameter}` is another each time; {instead}"),
            );
        }
    }
}

/// The statics of an expansion stand where its arguments are evaluated.
fn arguments_name_none_of_our_statics(written: &[Written], errors: &mut Errors) {
    let handles = Kind::ALL.iter().filter_map(|kind| kind.facts().handle);
    let names: Vec<_> = handles.map(|handle| handle.local.in_static().to_string()).chain(["SITE".to_owned()]).collect();
    for one in written {
        if let Some(ident) = read::first_of(one.arguments.clone(), &names) {
            errors.on(
                &ident,
                format!(
                    "`{ident}` is what the expansion calls its own static; write `self::{ident}`, or another path to your constant"
                ),
            );
        }
    }
}
