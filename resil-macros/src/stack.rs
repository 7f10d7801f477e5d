//! The driver. The first of our attributes to expand takes its siblings off the function and expands them all.

use crate::diagnostics::Errors;
use crate::model::{Kind, Stack, Written};
use crate::parse;
use crate::{check, diagnostics, expand, paths};
use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Meta, Path};

/// The argument of what `expand::used` leaves behind, which expands to nothing.
const USED: &str = "used";

pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    if arguments.to_string() == USED && syn::parse2::<syn::ItemConst>(item.clone()).is_ok() {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let mut declaration = match parse::function::declaration(item.clone()) {
        Ok(declaration) => declaration,
        Err(error) => {
            errors.push(diagnostics::not_a_function(kind, &error));
            return expand::give_back::with(item, &errors);
        }
    };
    let runtime = parse::crate_path(&arguments);
    let first = Written { kind, span: Span::call_site(), arguments, runtime, path: None };
    let written = gather(first, &mut declaration.attributes, &mut errors);
    let siblings: Vec<Path> =
        written.iter().filter_map(|one| one.path.clone()).filter(|path| path.segments.len() == 1).collect();
    let plain = declaration.beginning_with(&expand::used(&siblings));

    let kinds: Vec<Kind> = written.iter().map(|one| one.kind).collect();
    let function = errors.take(parse::function::take_apart(declaration, kind, &kinds));
    let (stack, is_whole) = read(&written, siblings, &mut errors);
    if let Some(function) = &function {
        check::function(&written, function, &mut errors);
    }
    if let Some(function) = function.as_ref().filter(|_| is_whole) {
        check::stack(&written, &stack, function, &mut errors);
    }
    match function {
        Some(function) if !errors.any() => expand::function(&stack, function),
        Some(function) if check::can_be_stored(&written, &function) => {
            expand::give_back::with_operation(plain, &stack, &function, &errors)
        }
        _ => expand::give_back::with(plain, &errors),
    }
}

/// Takes our attributes off the function, in the order written.
fn gather(first: Written, attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Written> {
    let runtime = first.runtime.clone();
    let mut written = vec![first];
    let mut foreign: Option<Attribute> = None;
    let mut between = None;
    attributes.retain(|attribute| {
        let Some(kind) = paths::ours(attribute.path(), runtime.as_ref()) else {
            if !parse::siblings::is_inert(attribute.path()) {
                foreign.get_or_insert_with(|| attribute.clone());
            }
            return true;
        };
        between = foreign.clone().map(|foreign| (foreign, kind));
        let arguments = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let span = attribute.path().segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
        let runtime = parse::crate_path(&arguments);
        written.push(Written { kind, span, arguments, runtime, path: Some(attribute.path().clone()) });
        false
    });
    errors.extend(between.map(|(foreign, lowest)| diagnostics::foreign_attribute_between(&foreign, lowest)));
    written
}

/// Reads the arguments of each attribute, and says whether all could be read.
fn read(written: &[Written], siblings: Vec<Path>, errors: &mut Errors) -> (Stack, bool) {
    let mut stack = Stack {
        runtime: paths::default_runtime(),
        siblings,
        durable: None,
        outside_transaction: None,
        non_idempotent: None,
        fallback: None,
        deadline: None,
        retry: None,
        circuit_breaker: None,
        semaphore: None,
        bulkhead: None,
        timeout: None,
        transactional: None,
    };
    check::order(written, errors);
    let mut whole = true;
    let mut runtime = None;
    for one in written {
        let path = match one.kind {
            Kind::Durable => keep(&mut stack.durable, parse::read::<parse::DurableArguments>(one, errors)),
            Kind::OutsideTransaction => {
                keep(&mut stack.outside_transaction, parse::read::<parse::OutsideTransactionArguments>(one, errors))
            }
            Kind::NonIdempotent => {
                keep(&mut stack.non_idempotent, parse::read::<parse::NonIdempotentArguments>(one, errors))
            }
            Kind::Fallback => keep(&mut stack.fallback, parse::read::<parse::FallbackArguments>(one, errors)),
            Kind::Deadline => keep(&mut stack.deadline, parse::read::<parse::DeadlineArguments>(one, errors)),
            Kind::Retry => keep(&mut stack.retry, parse::read::<parse::RetryArguments>(one, errors)),
            Kind::CircuitBreaker => {
                keep(&mut stack.circuit_breaker, parse::read::<parse::CircuitBreakerArguments>(one, errors))
            }
            Kind::Semaphore => keep(&mut stack.semaphore, parse::read::<parse::SemaphoreArguments>(one, errors)),
            Kind::Bulkhead => keep(&mut stack.bulkhead, parse::read::<parse::BulkheadArguments>(one, errors)),
            Kind::Timeout => keep(&mut stack.timeout, parse::read::<parse::TimeoutArguments>(one, errors)),
            Kind::Transactional => {
                keep(&mut stack.transactional, parse::read::<parse::TransactionalArguments>(one, errors))
            }
        };
        match path {
            Some(path) => runtime = runtime.or(path),
            None => whole = false,
        }
    }
    if let Some(path) = runtime {
        stack.runtime = path;
    }
    (stack, whole)
}

/// Puts a model in its place and hands back the `crate` path beside it; `None` if there was no model.
#[expect(clippy::option_option, reason = "outer: could be read; inner: names a crate")]
fn keep<M>(place: &mut Option<M>, read: Option<(M, Option<Path>)>) -> Option<Option<Path>> {
    let (model, path) = read?;
    *place = Some(model);
    Some(path)
}
