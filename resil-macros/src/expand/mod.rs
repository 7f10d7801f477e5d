//! Model -> tokens: one statement an attribute, in the order written, around the user's body.

mod awaits;
mod bulkhead;
mod circuit_breaker;
mod deadline;
mod durable;
mod fallback;
pub(crate) mod give_back;
mod local;
mod marks;
mod policies;
mod retry;
mod semaphore;
mod settings;
mod shell;
mod timeout;
mod transaction;

use crate::model::{Function, Stack};
use crate::parse::function::span_of_error;
use crate::paths;
use awaits::Question;
use local::Local;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, GenericArgument, Path, PathArguments, Type};

/// Plain names that the user's code cannot see.
pub(crate) fn hygienic() -> Span {
    Span::mixed_site()
}

/// An expression so that what stands before it is for the whole of it.
fn operand(expr: &Expr) -> TokenStream {
    match expr {
        Expr::Array(_)
        | Expr::Call(_)
        | Expr::Field(_)
        | Expr::Index(_)
        | Expr::Lit(_)
        | Expr::Macro(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Path(_)
        | Expr::Reference(_)
        | Expr::Tuple(_) => expr.to_token_stream(),
        other => quote!((#other)),
    }
}

pub(crate) fn function(stack: &Stack, function: Function) -> TokenStream {
    let statements = Expansion { stack }.statements(&function);
    let operation = durable::operation(stack, &function);
    let function = shell::around(function, stack, &statements);
    quote!(#function #operation)
}

/// Uses the imports of the attributes we took off the function. Each of these expands to nothing.
pub(crate) fn used(siblings: &[Path]) -> TokenStream {
    siblings.iter().map(|path| quote!(#[#path(used)] const _: () = ();)).collect()
}

/// The user's statements.
struct Body {
    tokens: TokenStream,
    /// Whether an await in it was given the compiler to look at.
    is_looked_at: bool,
}

struct Expansion<'a> {
    stack: &'a Stack,
}

impl Expansion<'_> {
    fn statements(&self, function: &Function) -> TokenStream {
        let siblings = used(&self.stack.siblings);
        let stored = self.stack.durable.as_ref().map(|_| durable::uses_stored(function));
        if !self.stack.has_policies() {
            let policies = self.stack.outside_transaction.as_ref().map(|_| self.policies(function));
            let guard = self.guard(function);
            let anchor = self.anchor(function);
            let body = &function.body;
            return quote_spanned!(hygienic()=> #siblings #stored #policies #guard #anchor #(#body)*);
        }
        let body = self.body(function);
        let traits = self.traits(&body);
        let warnings = self.range_warnings();
        let policies = self.policies(function);
        let guard = self.guard(function);
        let fallback = self.start_fallback();
        let sent = self.start_sent();
        let deadline = self.start_deadline();
        let retry = self.start_retry(function);
        let run = self.call(function, &body.tokens);
        quote_spanned!(hygienic()=> #traits #siblings #stored #warnings #policies #guard #fallback #sent #deadline #retry #run)
    }

    /// From the first attempt to the function's own result.
    fn call(&self, function: &Function, body: &TokenStream) -> TokenStream {
        let outcome = Local::Outcome;
        let may_refuse = self.stack.circuit_breaker.is_some() || self.stack.semaphore.is_some();
        let call = match (&self.stack.retry, may_refuse) {
            (Some(_), _) => self.loop_of_attempts(function, body),
            (None, true) => self.admitted_attempt(function, body),
            (None, false) => {
                let attempt = self.attempt(function, body);
                let fall_back = self.fall_back(function);
                let end = self.end(function);
                return quote_spanned!(hygienic()=> #attempt #fall_back #end);
            }
        };
        let conclude = self.conclude(function);
        if !self.stack.can_refuse() {
            return match conclude {
                Some(conclude) => quote_spanned!(hygienic()=> let #outcome = #call; #conclude),
                None => call,
            };
        }
        let conclude = conclude.map(|conclude| quote_spanned!(hygienic()=> let #outcome = #conclude;));
        let fall_back = self.fall_back(function);
        let end = self.end(function);
        quote_spanned!(hygienic()=> let #outcome = #call; #conclude #fall_back #end)
    }

    /// `outcome.map_err(Failure::into_error)`, where a missing `From<resil::Error>` is reported at the error type.
    fn end(&self, function: &Function) -> TokenStream {
        let (outcome, span) = (Local::Outcome, span_of_error(&function.output));
        let runtime = paths::located_at(&self.stack.runtime, span);
        quote_spanned!(hygienic().located_at(span)=> #outcome.map_err(#runtime::Failure::into_error))
    }

    /// The traits whose methods the expansion calls.
    fn traits(&self, body: &Body) -> Option<TokenStream> {
        let Stack { runtime, retry, circuit_breaker, transactional, .. } = self.stack;
        let is_judged = retry.is_some() || circuit_breaker.is_some();
        let judges = is_judged.then(|| quote_spanned!(hygienic()=> Judge as _, JudgeResponse as _,));
        let under_retry = self.repeats().then(|| quote_spanned!(hygienic()=> UnderRetry as _,));
        let in_transaction = transactional.as_ref().map(|_| quote_spanned!(hygienic()=> InTransaction as _,));
        let under_fallback = self.looks_at_fallback().then(|| quote_spanned!(hygienic()=> UnderFallback as _,));
        let is_looked_at = body.is_looked_at || under_fallback.is_some();
        let (under_retry, in_transaction) =
            if body.is_looked_at { (under_retry, in_transaction) } else { (None, None) };
        let looks = is_looked_at.then(
            || quote_spanned!(hygienic()=> Awaiting as _, #under_retry #under_fallback #in_transaction Unmarked as _,),
        );
        let texts = self.is_keyed().then(|| quote_spanned!(hygienic()=> Untold as _,));
        (is_judged || is_looked_at)
            .then(|| quote_spanned!(hygienic()=> use #runtime::__private::{#judges #texts #looks};))
    }

    fn loop_of_attempts(&self, function: &Function, body: &TokenStream) -> TokenStream {
        let [outcome, delay] = [Local::Outcome, Local::Delay];
        let exit = quote_spanned!(hygienic()=> break);
        let [admit, take_permit] = [self.admit(&exit), self.take_permit(&exit)];
        let give_permit_back = self.give_permit_back();
        let attempt = self.attempt(function, body);
        let record = self.record(function);
        let again = self.again(function);
        quote_spanned! {hygienic()=>
            loop {
                #admit
                #take_permit
                #attempt
                #give_permit_back
                #record
                let ::core::option::Option::Some(#delay) = #again else { break #outcome };
                ::core::mem::drop(#outcome);
                #delay.await;
            }
        }
    }

    fn admitted_attempt(&self, function: &Function, body: &TokenStream) -> TokenStream {
        let outcome = Local::Outcome;
        let attempt = self.attempt(function, body);
        let record = self.record(function);
        let exit = quote_spanned!(hygienic()=> break 'call);
        let [admit, take_permit] = [self.admit(&exit), self.take_permit(&exit)];
        let give_permit_back = self.give_permit_back();
        quote_spanned! {hygienic()=>
            'call: {
                #admit
                #take_permit
                #attempt
                #give_permit_back
                #record
                #outcome
            }
        }
    }

    /// `let attempt = async { body }; let outcome = .. .await;`
    fn attempt(&self, function: &Function, body: &TokenStream) -> TokenStream {
        let [attempt, outcome] = [Local::Attempt, Local::Outcome];
        let clones = self.clones(function);
        let takes = !self.lends() || clones.is_some();
        let capture = takes.then(|| quote_spanned!(hygienic()=> move));
        let anchor = self.anchor(function);
        let key = self.key_must_be_used(function);
        let run = self.run();
        let body = quote_spanned!(hygienic()=> #anchor #key #body);
        let body = self.within_transaction(function, body, &capture.to_token_stream());
        let mut block = quote_spanned! {hygienic()=>
            async #capture {
                #body
            }
        };
        if clones.is_some() {
            block = quote_spanned!(hygienic()=> { #clones #block });
        }
        quote_spanned! {hygienic()=>
            let #attempt = #block;
            let #outcome = #run;
        }
    }

    /// A loop and a fallback lend the parameters to the attempt; otherwise it takes them, as the function did.
    fn lends(&self) -> bool {
        self.stack.retry.is_some() || self.stack.fallback.is_some()
    }

    /// `if false { return output::<R>(); }`, so that the body is read as that of a function that returns `R`.
    fn anchor(&self, function: &Function) -> TokenStream {
        let runtime = &self.stack.runtime;
        let output = anchored(&function.output);
        let span = hygienic().located_at(span_of_error(&function.output));
        let output = if self.stack.has_policies() {
            quote_spanned!(span=> #runtime::__private::output::<#output>())
        } else {
            quote_spanned!(span=> #runtime::__private::any::<#output>())
        };
        quote_spanned!(hygienic()=> if false { return #output; })
    }

    /// The body, whose awaits must not hold what this stack may not repeat.
    fn body(&self, function: &Function) -> Body {
        let body = function.body.iter().map(ToTokens::to_token_stream).collect();
        let body = self.with_this(function, body);
        let under_retry = self.repeats().then_some(Question::UnderRetry);
        let in_transaction = self.stack.transactional.as_ref().map(|_| Question::InTransaction);
        let questions: Vec<_> = under_retry.into_iter().chain(in_transaction).collect();
        if questions.is_empty() {
            return Body { tokens: body, is_looked_at: false };
        }
        awaits::looked_at(body, &questions)
    }

    /// Whether a retry repeats what was sent, on the word of the user alone.
    fn repeats(&self) -> bool {
        self.stack.retry.as_ref().is_some_and(|retry| retry.proof.repeats_what_was_sent())
    }

    /// Tokens of the user's as they stand in an attempt, which may have the receiver under another name.
    fn with_this(&self, function: &Function, tokens: TokenStream) -> TokenStream {
        if self.renames_self(function) { bulkhead::with_this(tokens) } else { tokens }
    }

    /// The attempt, wrapped in what bounds it.
    fn run(&self) -> TokenStream {
        let runtime = &self.stack.runtime;
        let [attempt, timeout, deadline, retry] = [Local::Attempt, Local::Timeout, Local::Deadline, Local::Retry];
        let span = hygienic();
        if !self.stack.can_refuse() {
            return quote_spanned!(span=> #retry.prove(#attempt).await);
        }
        let mut wrapped = match self.stack.timeout {
            Some(_) => quote_spanned!(span=> #timeout.apply(#attempt)),
            None => quote_spanned!(span=> #runtime::Attempt::new(#attempt)),
        };
        if self.stack.deadline.is_some() {
            wrapped.extend(quote_spanned!(span=> .within(#deadline)));
        }
        if self.stack.retry.is_some() {
            wrapped.extend(quote_spanned!(span=> .under(&mut #retry)));
        } else if self.falls_back_unsent() {
            let sent = Local::Sent;
            wrapped.extend(quote_spanned!(span=> .noting(&mut #sent)));
        }
        wrapped.extend(self.on_bulkhead());
        quote_spanned!(span=> #wrapped.await)
    }
}

/// The return type as it can stand in an expression: `impl Trait` becomes `_`.
fn anchored(output: &Type) -> Type {
    let mut output = output.clone();
    infer_opaque(&mut output);
    output
}

fn infer_opaque(ty: &mut Type) {
    match ty {
        Type::ImplTrait(_) => *ty = syn::parse_quote!(_),
        Type::Array(inner) => infer_opaque(&mut inner.elem),
        Type::Group(inner) => infer_opaque(&mut inner.elem),
        Type::Paren(inner) => infer_opaque(&mut inner.elem),
        Type::Reference(inner) => infer_opaque(&mut inner.elem),
        Type::Slice(inner) => infer_opaque(&mut inner.elem),
        Type::Tuple(inner) => inner.elems.iter_mut().for_each(infer_opaque),
        Type::Path(path) => {
            let arguments = path.path.segments.iter_mut().map(|segment| &mut segment.arguments);
            for arguments in arguments {
                let PathArguments::AngleBracketed(arguments) = arguments else { continue };
                for argument in &mut arguments.args {
                    match argument {
                        GenericArgument::Type(inner) => infer_opaque(inner),
                        GenericArgument::AssocType(assoc) => infer_opaque(&mut assoc.ty),
                        _ => {}
                    }
                }
            }
        }
        _ => {}
    }
}
