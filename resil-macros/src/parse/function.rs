//! The function under the attributes: what it is, and where in it the body stands.

use crate::diagnostics;
use crate::model::{Function, Kind, Shell};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Block, Error, Expr, GenericArgument, Local, Pat, PatIdent, PathArguments, ReturnType, Signature, Stmt,
    Token, Type, TypeParamBound, Visibility,
};

/// A function or a trait method, with or without a body.
pub(crate) struct Declaration {
    pub(crate) attributes: Vec<Attribute>,
    head: TokenStream,
    signature: Signature,
    block: Option<Block>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        let default: Option<Token![default]> = input.parse()?;
        let signature = input.parse()?;
        let block =
            if input.peek(Token![;]) { input.parse::<Token![;]>().map(|_| None)? } else { Some(input.parse()?) };
        Ok(Self { attributes, head: quote!(#visibility #default), signature, block })
    }
}

impl Declaration {
    /// The function as it was, without what was taken off it; `first` goes to the beginning of the body.
    pub(crate) fn beginning_with(&self, first: &TokenStream) -> TokenStream {
        let Self { attributes, head, signature, block } = self;
        let Some(Block { stmts, .. }) = block else { return quote!(#(#attributes)* #head #signature ;) };
        quote!(#(#attributes)* #head #signature { #first #(#stmts)* })
    }
}

pub(crate) fn declaration(item: TokenStream) -> syn::Result<Declaration> {
    syn::parse2(item)
}

/// Finds the body that becomes the attempt, under attributes of these kinds. A mark needs no body.
pub(crate) fn take_apart(declaration: Declaration, kind: Kind, kinds: &[Kind]) -> syn::Result<Function> {
    let Declaration { attributes, head, signature, block } = declaration;
    let policy = kinds.iter().copied().find(|kind| !kind.is_no_policy());
    let refusing = kinds.iter().copied().find(|kind| kind.can_refuse()).filter(|_| block.is_some());
    let durable = kinds.iter().copied().find(|kind| *kind == Kind::Durable);
    if let (Some(policy), None) = (policy.or(durable), &block) {
        return Err(diagnostics::no_body(&signature, policy));
    }
    let output = match (&signature.output, signature.asyncness) {
        (ReturnType::Default, Some(_)) => Some(syn::parse_quote_spanned!(signature.ident.span()=> ())),
        (ReturnType::Type(_, output), Some(_)) => Some((**output).clone()),
        (output, None) => future_output(output),
    };
    if let (Some(block), Some(policy)) = (&block, policy) {
        refuse_wrapped(block, policy)?;
    }
    let (shell, body, output) = match (block, output) {
        (None, Some(output)) => (Shell::Declaration, Vec::new(), output),
        (Some(block), Some(output)) if signature.asyncness.is_some() => (Shell::AsyncFn, block.stmts, output),
        (Some(block), Some(output)) => {
            impl_future(block, output).map_err(|()| diagnostics::no_async_block(&signature, kind))?
        }
        (block, None) => block.and_then(async_trait).ok_or_else(|| diagnostics::not_async(&signature, kind))?,
    };
    if let (Some(refusing), Some(text)) = (refusing, certainly_no_result(&output)) {
        return Err(match signature.output {
            ReturnType::Default => diagnostics::cannot_fail(&signature.ident, refusing, &signature.ident, "()"),
            ReturnType::Type(..) => diagnostics::cannot_fail(&output, refusing, &signature.ident, &text),
        });
    }
    Ok(Function { attributes, signature, head, shell, body, output })
}

type Parts = (Shell, Vec<Stmt>, Type);

/// `{ before; async move { body } }`
fn impl_future(mut block: Block, output: Type) -> Result<Parts, ()> {
    match block.stmts.pop() {
        Some(Stmt::Expr(Expr::Async(inner), None)) => {
            let shell = Shell::ImplFuture { before: block.stmts, capture: inner.capture };
            Ok((shell, inner.block.stmts, output))
        }
        _ => Err(()),
    }
}

/// `Box::pin(async move { before; let __ret: R = { body }; after })`, the only shape `#[async_trait]` writes.
fn async_trait(mut block: Block) -> Option<Parts> {
    let Some(Stmt::Expr(mut pin, None)) = block.stmts.pop() else { return None };
    let Expr::Call(call) = &mut pin else { return None };
    let Some(Expr::Async(inner)) = call.args.first_mut() else { return None };
    let at = inner.block.stmts.iter().position(|stmt| returned(stmt).is_some())?;
    let mut statements = std::mem::take(&mut inner.block.stmts);
    let after = statements.split_off(at + 1);
    let Some(Stmt::Local(mut ret)) = statements.pop() else { return None };
    let Pat::Type(typed) = &ret.pat else { return None };
    let output = (*typed.ty).clone();
    let body = match ret.init.as_mut().map(|init| &mut *init.expr) {
        Some(Expr::Block(body)) => std::mem::take(&mut body.block.stmts),
        _ => return None,
    };
    let shell =
        Shell::AsyncTrait { before: block.stmts, pin: Box::new(pin), inner: statements, after, ret: Box::new(ret) };
    Some((shell, body, output))
}

fn returned(stmt: &Stmt) -> Option<&Local> {
    let Stmt::Local(local) = stmt else { return None };
    let Pat::Type(typed) = &local.pat else { return None };
    let Pat::Ident(name) = &*typed.pat else { return None };
    (name.ident == "__ret").then_some(local)
}

/// `R` of `-> impl Future<Output = R> + ..`
fn future_output(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let Type::ImplTrait(bounds) = &**ty else { return None };
    bounds.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
            _ => None,
        })
    })
}

/// What no alias can turn into a `Result`: saves the user rustc's longer way of saying so. Everything else is judged
/// by trait.
fn certainly_no_result(output: &Type) -> Option<String> {
    const PRIMITIVE: &[&str] = &[
        "bool", "char", "str", "String", "Vec", "Option", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
        "i32", "i64", "i128", "isize", "f32", "f64",
    ];
    let is_one = match output {
        Type::Tuple(_) | Type::Reference(_) | Type::Array(_) | Type::Never(_) => true,
        Type::Path(path) => path
            .path
            .get_ident()
            .or_else(|| path.path.segments.last().filter(|_| path.path.segments.len() == 1).map(|last| &last.ident))
            .is_some_and(|ident| PRIMITIVE.iter().any(|name| ident == name)),
        _ => false,
    };
    is_one.then(|| {
        let text = output.to_token_stream().to_string();
        text.replace(" < ", "<").replace(" >", ">").replace("& ", "&").replace(" ,", ",")
    })
}

/// Refuses a body that another macro, or another expansion of ours, has already been at.
fn refuse_wrapped(block: &Block, kind: Kind) -> Result<(), Error> {
    let last = block.stmts.last();
    if is_our_expansion(block.to_token_stream()) {
        return Err(diagnostics::already_expanded(kind));
    }
    let instrumented = block.stmts.iter().any(|stmt| match stmt {
        Stmt::Local(local) => matches!(&local.pat, Pat::Ident(name) if name.ident.to_string().starts_with("__tracing")),
        _ => false,
    });
    let only_wraps = matches!((block.stmts.len(), last), (1, Some(Stmt::Expr(Expr::Await(wait), None))) if is_async_move(&wait.base));
    if instrumented || only_wraps {
        return Err(diagnostics::wrapped_by_another_macro(kind));
    }
    Ok(())
}

fn is_async_move(expr: &Expr) -> bool {
    match expr {
        Expr::Async(block) => block.capture.is_some(),
        Expr::Call(call) => call.args.iter().any(is_async_move),
        Expr::MethodCall(call) => is_async_move(&call.receiver) || call.args.iter().any(is_async_move),
        Expr::Paren(inner) => is_async_move(&inner.expr),
        _ => false,
    }
}

/// Calls `f` for each name that a pattern binds.
pub(crate) fn each_binding(pattern: &Pat, f: &mut dyn FnMut(&PatIdent)) {
    match pattern {
        Pat::Ident(name) => {
            f(name);
            if let Some((_, inner)) = &name.subpat {
                each_binding(inner, f);
            }
        }
        Pat::Paren(inner) => each_binding(&inner.pat, f),
        Pat::Reference(inner) => each_binding(&inner.pat, f),
        Pat::Type(inner) => each_binding(&inner.pat, f),
        Pat::Slice(inner) => inner.elems.iter().for_each(|inner| each_binding(inner, f)),
        Pat::Tuple(inner) => inner.elems.iter().for_each(|inner| each_binding(inner, f)),
        Pat::TupleStruct(inner) => inner.elems.iter().for_each(|inner| each_binding(inner, f)),
        Pat::Struct(inner) => inner.fields.iter().for_each(|field| each_binding(&field.pat, f)),
        _ => {}
    }
}

/// Every expansion of ours collects its call site, which nobody writes by hand.
fn is_our_expansion(tokens: TokenStream) -> bool {
    let mut private = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) if ident == "__private" => {
            private = true;
            false
        }
        TokenTree::Ident(ident) => std::mem::take(&mut private) && ident == "collect",
        TokenTree::Group(group) => is_our_expansion(group.stream()),
        _ => false,
    })
}

/// Where the error type of a `Result` stands, for messages about it.
pub(crate) fn span_of_error(output: &Type) -> Span {
    span_of_name(output, 1)
}

/// Where an argument of a generic type stands: the last name in it.
pub(crate) fn span_of_name(output: &Type, index: usize) -> Span {
    let Type::Path(path) = output else { return output.span() };
    let Some(last) = path.path.segments.last() else { return output.span() };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return last.ident.span() };
    match arguments.args.iter().nth(index) {
        Some(GenericArgument::Type(argument)) => span_of_type(argument),
        _ => last.ident.span(),
    }
}

/// Where the name of a type stands, without what it refers to it by.
pub(crate) fn span_of_type(ty: &Type) -> Span {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or_else(|| ty.span(), |last| last.ident.span()),
        Type::Reference(reference) => span_of_type(&reference.elem),
        _ => ty.span(),
    }
}
