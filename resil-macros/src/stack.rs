//! The driver. The first of our attributes to expand takes its siblings off the function and expands them all.

use crate::attribute::{Kind, Models, Written, between};
use crate::errors::{Errors, text};
use crate::expand;
use crate::function::{self, is_inert};
use crate::{paths, read};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, ItemConst, Lit, Meta, Path};

/// The argument of what is left behind for an attribute that was taken off, and expands to nothing, or to a mistake.
const USED: &str = "used";

pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    if arguments.to_string() == USED
        && let Ok(left) = syn::parse2::<ItemConst>(item.clone())
    {
        return said(&left);
    }
    let mut errors = Errors::default();
    let Some(mut declaration) = errors.take(function::declaration(item.clone(), kind.name())) else {
        return errors.beside(item);
    };
    let runtime = read::crate_path(&arguments);
    let first = Written { kind, span: Span::call_site(), arguments, runtime, path: None };
    let written = gather(first, &mut declaration.attributes, &mut errors);
    let siblings: Vec<Path> =
        written.iter().filter_map(|one| one.path.clone()).filter(|path| path.segments.len() == 1).collect();
    between::database_is_there(&written, &mut errors);
    let misplaced = between::order(&written, &mut errors).map(|(one, message)| one.says(&message));
    let used = expand::used(&siblings);
    let runtime = written.iter().find_map(|one| one.runtime.clone()).unwrap_or_else(paths::default_runtime);
    let plain = declaration.with_body(|body, signature| {
        let without = |body, one: &Written| one.kind.without(body, &one.arguments, signature, &runtime);
        let body = written.iter().fold(body, without);
        quote!(#used #misplaced #body)
    });

    let facts: Vec<_> = written.iter().map(|one| one.kind.facts()).collect();
    let function = errors.take(function::take_apart(declaration, kind.facts(), &facts));
    let mut models = Models::default();
    let unread = written.iter().filter(|one| !models.read(one, &mut errors)).count();
    let Some(function) = function else { return errors.beside(plain) };

    for one in &written {
        one.kind.fits(&function, one.span, &mut errors);
    }
    between::rules_of_writing(&written, &function, &mut errors);
    let layers = models.layers();
    let cx = expand::context(&layers, &runtime, &function);
    if unread == 0 {
        for (_, layer) in &layers {
            layer.check(&cx, &mut errors);
        }
        between::rules_of_models(&models, &mut errors);
    }
    if !errors.any() && misplaced.is_none() {
        return expand::function(&layers, &runtime, function, &siblings);
    }
    // The name of an operation is used elsewhere, also if something is wrong with what stands beside it.
    let fits = |name: &str| {
        let mut errors = Errors::default();
        for one in written.iter().filter(|one| one.kind.name() == name) {
            one.kind.fits(&function, Span::call_site(), &mut errors);
        }
        !errors.any()
    };
    let beside = layers.iter().filter(|(facts, _)| fits(facts.name)).filter_map(|(_, layer)| layer.beside(&cx));
    errors.beside([plain].into_iter().chain(beside).collect())
}

/// What an attribute says that was left behind.
fn said(left: &ItemConst) -> TokenStream {
    match &*left.expr {
        Expr::Lit(ExprLit { lit: Lit::Str(message), .. }) => {
            syn::Error::new(message.span(), message.value()).to_compile_error()
        }
        _ => TokenStream::new(),
    }
}

/// Takes our attributes off the function, in the order written.
fn gather(first: Written, attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Written> {
    let runtime = first.runtime.clone();
    let mut written = vec![first];
    let mut foreign: Option<Attribute> = None;
    let mut between = None;
    attributes.retain(|attribute| {
        let Some(kind) = ours(attribute.path(), runtime.as_ref()) else {
            if !is_inert(attribute.path()) {
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
        let runtime = read::crate_path(&arguments);
        written.push(Written { kind, span, arguments, runtime, path: Some(attribute.path().clone()) });
        false
    });
    if let Some((foreign, lowest)) = between {
        let (path, name) = (text(foreign.path()), lowest.name());
        errors.on(
            foreign.path(),
            format!(
                "`#[{path}]` stands between attributes of resil, which are expanded together; write it below `#[{name}(..)]` and the others, next to the function"
            ),
        );
    }
    written
}

/// Whether `path` names an attribute of ours: `retry`, `resil::retry`, `::resil::retry`, or `the_crate_path::retry`.
fn ours(path: &Path, runtime: Option<&Path>) -> Option<Kind> {
    let last = path.segments.last()?;
    let kind = Kind::named(&last.ident)?;
    let prefix: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let prefix = &prefix[..prefix.len() - 1];
    let renamed =
        runtime.is_some_and(|runtime| runtime.segments.iter().map(|s| s.ident.to_string()).eq(prefix.iter().cloned()));
    (prefix.is_empty() || prefix == ["resil"] || renamed).then_some(kind)
}
