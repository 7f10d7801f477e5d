//! A stack -> tokens. The expansion is a fold: each attribute gets what is inside it and gives back the whole. What no
//! attribute can know of the others is gathered first, as `Needs`. Outside the fold stay the marks, which change the
//! signature, what stands beside the function, and the shell that the body came out of.

mod attempt;
mod awaits;
mod call;
mod context;
mod handles;
mod keyed;
mod layer;
mod marks;
mod owned;
mod shell;

pub(crate) use awaits::{Question, asked};
pub(crate) use call::Call;
pub(crate) use context::{Context, Needs};
pub(crate) use keyed::{Keyed, pointless};
pub(crate) use layer::{Layer, Layers};
pub(crate) use marks::Mark;

use crate::function::{Function, span_of_error};
use crate::paths;
use crate::tokens::{CALL, CALLS, OUTCOME, code, code_at, hygienic};
use marks::Marks;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Path;

/// Asks each attribute what it needs of the others.
pub(crate) fn context<'a>(layers: &Layers<'_>, runtime: &'a Path, function: &'a Function) -> Context<'a> {
    let mut needs = Needs::default();
    for (_, layer) in layers {
        layer.needs(&mut needs, function);
    }
    needs.guards |= needs.refuses;
    Context { runtime, function, needs }
}

/// The function, and what stands beside it.
pub(crate) fn function(layers: &Layers<'_>, runtime: &Path, function: Function, siblings: &[Path]) -> TokenStream {
    let cx = context(layers, runtime, &function);
    let statements = statements(layers, &cx, siblings);
    let beside: TokenStream = layers.iter().filter_map(|(_, layer)| layer.beside(&cx)).collect();
    let marks = layers.iter().filter_map(|(_, layer)| layer.mark()).collect();
    let function = shell::around(function, &Marks { marks, runtime }, &statements);
    quote!(#function #beside)
}

/// Uses the imports of the attributes we took off the function. Each of these expands to nothing.
pub(crate) fn used(siblings: &[Path]) -> TokenStream {
    siblings.iter().map(|path| quote!(#[#path(used)] const _: () = ();)).collect()
}

fn statements(layers: &Layers<'_>, cx: &Context<'_>, siblings: &[Path]) -> TokenStream {
    let body = cx.in_attempt(cx.function.body_tokens());
    let (body, is_looked_at) = awaits::looked_at(body, &cx.needs.questions, cx.runtime);
    let traits = cx.traits(is_looked_at);
    let siblings = used(siblings);
    let first = layers.iter().filter_map(|(_, layer)| layer.first(cx));
    let handles = handles::handles(layers, cx);
    let innermost = if cx.needs.guards { cx.attempt(layers, &body) } else { Call::new(cx.anchor(), body) };
    let mut layers: Vec<_> = layers.iter().map(|(_, layer)| *layer).collect();
    // Without a loop, what refuses the call needs a block to leave.
    if let Some(first) = layers.iter().position(|layer| layer.admits())
        && layers[..first].iter().all(|layer| layer.exit().is_none())
    {
        layers.insert(first, &Block);
    }
    if cx.counts() {
        // Below the marks, which may refuse a call before it begins.
        let first = layers.iter().rposition(|layer| layer.mark().is_some()).map_or(0, |mark| mark + 1);
        layers.insert(first, &Begun);
    }
    let call = fold(&layers, &TokenStream::new(), innermost, cx);
    let call = if cx.needs.refuses { cx.end(call) } else { call };
    let call = if cx.counts() { cx.ended(call) } else { call.into_expression() };
    code!(#traits #siblings #(#first)* #handles #call)
}

/// What is inside a layer is written first, and knows how to leave.
fn fold(layers: &[&dyn Layer], exit: &TokenStream, innermost: Call, cx: &Context<'_>) -> Call {
    let Some((outermost, inner)) = layers.split_first() else { return innermost };
    let own = outermost.exit();
    let inside = fold(inner, own.as_ref().unwrap_or(exit), innermost, cx);
    outermost.around(inside, exit, cx)
}

#[cfg(not(test))]
const fn is_counted() -> bool {
    cfg!(feature = "metrics")
}

/// Whichever features the others are tested with.
#[cfg(test)]
fn is_counted() -> bool {
    crate::snapshots::IS_COUNTED.get()
}

impl Context<'_> {
    /// Whether somebody may count its calls. Without the feature, nothing is paid for it.
    pub(crate) fn counts(&self) -> bool {
        self.needs.guards && is_counted()
    }

    /// The traits whose methods the expansion calls.
    fn traits(&self, is_looked_at: bool) -> Option<TokenStream> {
        let Self { runtime, needs, .. } = self;
        let judges = needs.judges.then(|| code!(Judge as _, JudgeResponse as _,));
        let of_body = if is_looked_at { &needs.questions[..] } else { &[] };
        let questions: Vec<_> = needs.own_questions.iter().chain(of_body).collect();
        let looks = (!questions.is_empty()).then(|| {
            let asked = questions.iter().map(|question| Ident::new(question.import, hygienic()));
            code!(Awaiting as _, #(#asked as _,)* Unmarked as _,)
        });
        let imports = &needs.imports;
        let any = needs.judges || looks.is_some() || !imports.is_empty();
        any.then(|| code!(use #runtime::__private::{#judges #imports #looks};))
    }

    /// `outcome.map_err(Failure::into_error)`, where a missing `From<resil::Error>` is reported at the error type.
    fn end(&self, call: Call) -> Call {
        let (statements, at) = (call.into_statements(), span_of_error(&self.function.output));
        let runtime = paths::located_at(self.runtime, at);
        Call::new(statements, code_at!(at=> #OUTCOME.map_err(#runtime::Failure::into_error)))
    }

    /// `end!(call, outcome)`: whoever listens is told what came of it. What no retry tells of a failure is told before.
    fn ended(&self, call: Call) -> TokenStream {
        let (runtime, statements) = (self.runtime, call.into_statements());
        let failed = (self.needs.judges && self.needs.noted.is_none()).then(|| {
            code! {
                if #OUTCOME.is_err() {
                    #CALLS.failed(#runtime::__private::meaning!(#OUTCOME));
                }
            }
        });
        code! {
            #statements
            #failed
            #runtime::__private::end!(#CALL, #OUTCOME);
            #OUTCOME
        }
    }
}

/// The beginning of what is counted as a call.
struct Begun;

impl Layer for Begun {
    fn around(&self, inside: Call, _: &TokenStream, _: &Context<'_>) -> Call {
        inside.after(code!(let #CALL = #CALLS.begin();))
    }
}

/// A block that can be left with an outcome.
struct Block;

impl Layer for Block {
    fn exit(&self) -> Option<TokenStream> {
        Some(code!(break 'call))
    }

    fn around(&self, inside: Call, _: &TokenStream, _: &Context<'_>) -> Call {
        let inside = inside.into_expression();
        Call::new(TokenStream::new(), code!('call: { #inside }))
    }
}
