//! The driver. The first of our attributes to expand takes its siblings off the function and expands them all.

use crate::attribute::{self, Kind, Models};
use crate::errors::{Errors, text};
use crate::expand::{self, Context};
use crate::function::{self, is_inert};
use crate::{paths, read};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, ItemConst, Lit, LitStr, Meta, Path};

/// The argument of what is left behind for an attribute that was taken off, and expands to nothing, or to a mistake.
const USED: &str = "used";

/// One attribute of ours as written, not yet read.
pub(crate) struct Written {
    pub(crate) kind: Kind,
    /// The attribute's own name, for messages about the whole of it.
    pub(crate) span: Span,
    pub(crate) arguments: TokenStream,
    /// What its `crate = path` says.
    pub(crate) runtime: Option<Path>,
    /// How it was spelled; `None` for the attribute being expanded.
    path: Option<Path>,
}

pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    if arguments.to_string() == USED
        && let Ok(left) = syn::parse2::<ItemConst>(item.clone())
    {
        return said(&left);
    }
    let mut errors = Errors::default();
    let Some(mut declaration) = errors.take(function::declaration(item.clone(), kind)) else {
        return errors.beside(item);
    };
    let runtime = read::crate_path(&arguments);
    let first = Written { kind, span: Span::call_site(), arguments, runtime, path: None };
    let written = gather(first, &mut declaration.attributes, &mut errors);
    let siblings: Vec<Path> =
        written.iter().filter_map(|one| one.path.clone()).filter(|path| path.segments.len() == 1).collect();
    attribute::database_is_there(&written, &mut errors);
    let misplaced = attribute::order(&written, &mut errors).map(|(one, message)| one.says(&message));
    let used = expand::used(&siblings);
    let runtime = written.iter().find_map(|one| one.runtime.clone()).unwrap_or_else(paths::default_runtime);
    let plain = declaration.with_body(|body, signature| {
        let without = |body, one: &Written| (one.kind.facts().without)(body, &one.arguments, signature, &runtime);
        let body = written.iter().fold(body, without);
        quote!(#used #misplaced #body)
    });

    let kinds: Vec<Kind> = written.iter().map(|one| one.kind).collect();
    let function = errors.take(function::take_apart(declaration, kind, &kinds));
    let mut models = Models::default();
    let unread = written.iter().filter(|one| !models.read(one, &mut errors)).count();
    let Some(function) = function else { return errors.beside(plain) };

    for one in &written {
        (one.kind.facts().fits)(&function, one.span, &mut errors);
    }
    attribute::rules_of_writing(&written, &function, &mut errors);
    let layers = models.layers();
    let cx = Context::of(&layers, &runtime, &function);
    if unread == 0 {
        for (_, layer) in &layers {
            layer.check(&cx, &mut errors);
        }
        attribute::rules_of_models(&models, &mut errors);
    }
    if !errors.any() && misplaced.is_none() {
        return expand::function(&layers, &runtime, function, &siblings);
    }
    // The name of an operation is used elsewhere, also if something is wrong with what stands beside it.
    let fits = |kind: Kind| {
        let mut errors = Errors::default();
        (kind.facts().fits)(&function, Span::call_site(), &mut errors);
        !errors.any()
    };
    let beside = layers.iter().filter(|(kind, _)| fits(*kind)).filter_map(|(_, layer)| layer.beside(&cx));
    errors.beside([plain].into_iter().chain(beside).collect())
}

impl Written {
    /// `#[retry(used)] const _: &str = "message";`: a mistake that this attribute tells by itself. If it cannot, since it was
    /// never imported, rustc has said so; it is expanded last then, wherever it stands, and only seems to be misplaced.
    fn says(&self, message: &str) -> TokenStream {
        let (path, message) = (&self.path, LitStr::new(message, self.span));
        quote!(#[#path(used)] const _: &str = #message;)
    }
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
        let Some(kind) = paths::ours(attribute.path(), runtime.as_ref()) else {
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
