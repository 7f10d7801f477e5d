//! Finds the body under the attributes, in every shape that a function can have here.

use super::types::{future_output, is_boxed_future, text_of_no_result};
use super::{Function, Shell, mentions};
use crate::attribute::facts::{Facts, Place};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream};
use syn::{
    AttrStyle, Attribute, Block, Error, Expr, FnArg, Ident, Local, Pat, ReturnType, Signature, Stmt, Token, Type,
    Visibility, braced,
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
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        let default: Option<Token![default]> = input.parse()?;
        let mut signature: Signature = input.parse()?;
        out_of_groups(&mut signature);
        let block = if input.peek(Token![;]) {
            input.parse::<Token![;]>().map(|_| None)?
        } else {
            let body;
            let brace_token = braced!(body in input);
            // Those at the beginning of a body are for the whole function, as those above it are.
            let inner = body.call(Attribute::parse_inner)?;
            attributes.extend(inner.into_iter().map(|attribute| Attribute { style: AttrStyle::Outer, ..attribute }));
            Some(Block { brace_token, stmts: statements(&body)? })
        };
        Ok(Self { attributes, head: quote!(#visibility #default), signature, block })
    }
}

/// The statements of a body. In one that cannot be read, rustc finds the mistake by itself: it stays as it is.
fn statements(body: ParseStream) -> syn::Result<Vec<Stmt>> {
    let ahead = body.fork();
    if let Ok(statements) = ahead.call(Block::parse_within)
        && ahead.is_empty()
    {
        body.advance_to(&ahead);
        return Ok(statements);
    }
    Ok(vec![Stmt::Expr(Expr::Verbatim(body.parse()?), None)])
}

/// Takes the types that a macro of the user's has handed on out of the invisible groups around them.
fn out_of_groups(signature: &mut Signature) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input {
            out_of_group(&mut typed.ty);
        }
    }
    if let ReturnType::Type(_, output) = &mut signature.output {
        out_of_group(output);
    }
}

fn out_of_group(ty: &mut Type) {
    match ty {
        Type::Group(group) => {
            *ty = (*group.elem).clone();
            out_of_group(ty);
        }
        // `&$t` of `dyn A + B` stays in its group, without which it would be read otherwise.
        Type::Reference(reference) => match &*reference.elem {
            Type::Group(group) if matches!(*group.elem, Type::TraitObject(_) | Type::ImplTrait(_)) => {}
            _ => out_of_group(&mut reference.elem),
        },
        _ => {}
    }
}

impl Declaration {
    /// The function as it was, without what was taken off it, and with this in place of the body.
    pub(crate) fn with_body(&self, instead: impl FnOnce(TokenStream, &Signature) -> TokenStream) -> TokenStream {
        let Self { attributes, head, signature, block } = self;
        let Some(Block { stmts, .. }) = block else { return quote!(#(#attributes)* #head #signature ;) };
        let body = instead(quote!(#(#stmts)*), signature);
        quote!(#(#attributes)* #head #signature { #body })
    }
}

pub(crate) fn declaration(item: TokenStream, name: &str) -> syn::Result<Declaration> {
    syn::parse2(item).map_err(|error: Error| {
        Error::new(
            error.span(),
            format!(
                "`#[{name}]` goes on an async function, method or trait method; write it above `async fn name(..) -> Result<T, E> {{ .. }}`"
            ),
        )
    })
}

/// Finds the body that becomes the attempt, under this attribute and all others. A mark needs no body.
pub(crate) fn take_apart(declaration: Declaration, this: &Facts, all: &[&Facts]) -> syn::Result<Function> {
    let Declaration { attributes, head, signature, block } = declaration;
    let guards = |place: Place| all.iter().copied().find(|one| one.place == place);
    let policy = guards(Place::Policy);
    if let (Some(policy), None) = (policy.or_else(|| guards(Place::Beside)), &block) {
        return Err(no_body(&signature, policy.name));
    }
    if let (Some(block), Some(policy)) = (&block, policy) {
        refuse_wrapped(block, policy.name)?;
    }
    let output = match (&signature.output, signature.asyncness) {
        (ReturnType::Default, Some(_)) => Some(syn::parse_quote_spanned!(signature.ident.span()=> ())),
        (ReturnType::Type(_, output), Some(_)) => Some((**output).clone()),
        (output, None) => future_output(output),
    };
    let has_body = block.is_some();
    let (shell, body, output) = match (block, output) {
        (None, Some(output)) => (Shell::Declaration, Vec::new(), output),
        (Some(block), Some(output)) if signature.asyncness.is_some() => (Shell::AsyncFn, block.stmts, output),
        (Some(block), Some(output)) => {
            impl_future(block, output).ok_or_else(|| no_async_block(&signature, this.name))?
        }
        (block, None) => {
            let why = not_async(&signature, &attributes, block.as_ref(), this);
            block.and_then(async_trait).ok_or(why)?
        }
    };
    let refusing = all.iter().copied().find(|one| one.can_refuse).filter(|_| has_body);
    if let (Some(refusing), Some(text)) = (refusing, text_of_no_result(&output)) {
        return Err(match signature.output {
            ReturnType::Default => cannot_fail(&signature.ident, refusing.name, &signature.ident, "()"),
            ReturnType::Type(..) => cannot_fail(&output, refusing.name, &signature.ident, &text),
        });
    }
    Ok(Function { attributes, signature, head, shell, body, output })
}

/// Why there is nothing to guard.
fn not_async(signature: &Signature, attributes: &[Attribute], block: Option<&Block>, this: &Facts) -> Error {
    let (name, function) = (this.name, &signature.ident);
    if block.is_some_and(|block| mentions(block.to_token_stream(), &Ident::new("block_on", Span::call_site()))) {
        return in_a_runtime(signature, attributes, this);
    }
    if is_boxed_future(&signature.output) {
        return match this.place {
            Place::Mark => hidden_by_a_box(Span::call_site(), name, function),
            _ => Error::new_spanned(
                function,
                format!(
                    "`#[{name}]` guards an async body, and `{function}` hands out a future in a box; write the call as an `async fn` under `#[{name}]`, and here `Box::pin(..)` around it"
                ),
            ),
        };
    }
    let needs = format!("`#[{name}]` needs something to wait for, and `{function}` is not async; write");
    let message = match name {
        "bulkhead" => format!("{needs} `async fn {function}`, whose body may block"),
        _ => format!(
            "{needs} one of\n\
             \x20   async fn {function}                             if its body awaits\n\
             \x20   #[bulkhead(threads = 4)] async fn {function}    if its body blocks: it gets threads of its own"
        ),
    };
    Error::new_spanned(signature.fn_token, message)
}

/// What `#[tokio::main]` and `#[tokio::test]` make of a function.
fn in_a_runtime(signature: &Signature, attributes: &[Attribute], this: &Facts) -> Error {
    let (name, function) = (this.name, &signature.ident);
    let is_test =
        attributes.iter().any(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test"));
    let above = if is_test { "test" } else { "main" };
    let message = match this.place {
        Place::Mark => format!(
            "nobody awaits `{function}`, which an attribute above, such as `#[tokio::{above}]`, runs in a runtime; take `#[{name}]` off"
        ),
        _ => format!(
            "`{function}` is not async any more: an attribute above, such as `#[tokio::{above}]`, runs it in a runtime; write that one last\n\
             \x20   #[{name}(..)]\n\
             \x20   #[tokio::{above}]\n\
             \x20   async fn {function}()"
        ),
    };
    Error::new(Span::call_site(), message)
}

/// A mark is in the type of a future, which a box hides.
pub(crate) fn hidden_by_a_box(span: Span, name: &str, function: &Ident) -> Error {
    Error::new(
        span,
        format!(
            "the future of `{function}` is boxed, which hides `#[{name}]` from callers; mark a method that awaits it, and call that one\n\
             \x20   impl dyn Trait + '_ {{\n\
             \x20       #[{name}]\n\
             \x20       async fn marked_{function}(&self, ..) -> .. {{ self.{function}(..).await }}\n\
             \x20   }}"
        ),
    )
}

fn no_async_block(signature: &Signature, name: &str) -> Error {
    let function = &signature.ident;
    Error::new_spanned(
        function,
        format!(
            "`#[{name}]` guards the `async` block that such a function ends in, and `{function}` ends in something else; write `async move {{ .. }}` around it"
        ),
    )
}

fn no_body(signature: &Signature, name: &str) -> Error {
    Error::new_spanned(
        &signature.ident,
        format!(
            "a declaration runs nothing that `#[{name}]` could guard; write `#[{name}(..)]` above the method in each `impl`, or give this one a body"
        ),
    )
}

fn cannot_fail(tokens: impl ToTokens, name: &str, function: &Ident, output: &str) -> Error {
    Error::new_spanned(
        tokens,
        format!(
            "`{function}` cannot carry a failure, and `#[{name}]` may have one to report; write `-> Result<{output}, resil::Error>`"
        ),
    )
}

type Parts = (Shell, Vec<Stmt>, Type);

/// `{ before; async move { body } }`
fn impl_future(mut block: Block, output: Type) -> Option<Parts> {
    match block.stmts.pop() {
        Some(Stmt::Expr(Expr::Async(inner), None)) => {
            let shell = Shell::ImplFuture { before: block.stmts, capture: inner.capture };
            Some((shell, inner.block.stmts, output))
        }
        _ => None,
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

/// Refuses a body that another macro, or another expansion of ours, has already been at.
fn refuse_wrapped(block: &Block, name: &str) -> Result<(), Error> {
    let last = block.stmts.last();
    if is_our_expansion(block.to_token_stream()) {
        return Err(Error::new(
            Span::call_site(),
            format!(
                "this body is already an expansion of resil: an attribute was imported under another name, or through another path, so the stack could not be read as one; write `#[resil::{name}]`, and likewise its neighbours"
            ),
        ));
    }
    let instrumented = block.stmts.iter().any(|stmt| match stmt {
        Stmt::Local(local) => matches!(&local.pat, Pat::Ident(name) if name.ident.to_string().starts_with("__tracing")),
        _ => false,
    });
    let only_wraps = matches!((block.stmts.len(), last), (1, Some(Stmt::Expr(Expr::Await(wait), None))) if is_async_move(&wait.base));
    if instrumented || only_wraps {
        return Err(Error::new(
            Span::call_site(),
            format!(
                "an attribute above `#[{name}]` has wrapped the body in an `async move` block, which can run only once; write resil's attributes first and the other, for example `#[instrument]`, below them"
            ),
        ));
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
