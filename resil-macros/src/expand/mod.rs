//! A stack -> tokens. The expansion is a fold: each attribute gets what is inside it and gives back the whole. What no
//! attribute can know of the others is gathered first, as `Needs`. Outside the fold stay the marks, which change the
//! signature, what stands beside the function, and the shell that the body came out of.

mod attempt;
mod awaits;
mod call;
mod handles;
mod keyed;
mod marks;
mod owned;
mod shell;

pub(crate) use awaits::{Question, asked};
pub(crate) use call::Call;
pub(crate) use keyed::{Keyed, pointless};
pub(crate) use marks::Mark;

use crate::attribute::{Layer, Layers};
use crate::function::{Function, span_of_error};
use crate::paths;
use crate::tokens::{Local, OUTCOME, code, code_at, hygienic};
use marks::Marks;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Path;

/// What the attributes of a stack need of each other.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a need of its own")]
pub(crate) struct Needs {
    /// Something guards the call: the body becomes an attempt.
    pub(crate) guards: bool,
    /// Something but the body can fail: a retry alone never does.
    pub(crate) refuses: bool,
    /// The attempt only borrows the parameters, since somebody needs them afterwards.
    pub(crate) lends: bool,
    /// The attempt leaves its caller's thread, and owns what it uses.
    pub(crate) owns: bool,
    /// Somebody asks what an outcome means.
    pub(crate) judges: bool,
    /// What was sent is repeated, on the word of the user alone.
    pub(crate) repeats: bool,
    /// Requests within must know what allows them to be repeated.
    pub(crate) proves: bool,
    /// What each awaited future of the body is asked.
    pub(crate) questions: Vec<Question>,
    /// What an attribute asks of a future that it awaits itself.
    pub(crate) own_questions: Vec<Question>,
    /// Other traits whose methods are called.
    pub(crate) imports: TokenStream,
    /// `.within(deadline)`, for whoever waits.
    pub(crate) deadline: Option<TokenStream>,
    /// The breaker's name, which the budget of retries takes.
    pub(crate) breaker: Option<TokenStream>,
    /// `timeout.apply`, around the attempt.
    pub(crate) bounds: Option<TokenStream>,
    /// `retry.prove`, around an attempt that nothing bounds.
    pub(crate) unbounded: Option<TokenStream>,
    /// `.on(bulkhead)`, after it.
    pub(crate) wraps: TokenStream,
    /// `.under(&mut retry)`, after it: what remembers whether something was sent.
    pub(crate) noted: Option<TokenStream>,
    /// The local that remembers it.
    pub(crate) remembers: Option<Local>,
    /// What the body begins with.
    pub(crate) begins: TokenStream,
    /// What an attempt uses beside the body.
    pub(crate) mentions: TokenStream,
}

/// What every attribute sees while it is checked and written.
pub(crate) struct Context<'a> {
    pub(crate) runtime: &'a Path,
    pub(crate) function: &'a Function,
    pub(crate) needs: Needs,
}

impl<'a> Context<'a> {
    pub(crate) fn of(layers: &Layers<'_>, runtime: &'a Path, function: &'a Function) -> Self {
        let mut needs = Needs::default();
        for (_, layer) in layers {
            layer.needs(&mut needs, function);
        }
        needs.guards |= needs.refuses;
        Self { runtime, function, needs }
    }
}

/// The function, and what stands beside it.
pub(crate) fn function(layers: &Layers<'_>, runtime: &Path, function: Function, siblings: &[Path]) -> TokenStream {
    let cx = Context::of(layers, runtime, &function);
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
        layers.insert(first, &call::Block);
    }
    let call = fold(&layers, &TokenStream::new(), innermost, cx);
    let call = if cx.needs.refuses { cx.end(call) } else { call.into_expression() };
    code!(#traits #siblings #(#first)* #handles #call)
}

/// What is inside a layer is written first, and knows how to leave.
fn fold(layers: &[&dyn Layer], exit: &TokenStream, innermost: Call, cx: &Context<'_>) -> Call {
    let Some((outermost, inner)) = layers.split_first() else { return innermost };
    let own = outermost.exit();
    let inside = fold(inner, own.as_ref().unwrap_or(exit), innermost, cx);
    outermost.around(inside, exit, cx)
}

impl Context<'_> {
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
    fn end(&self, call: Call) -> TokenStream {
        let (statements, at) = (call.into_statements(), span_of_error(&self.function.output));
        let runtime = paths::located_at(self.runtime, at);
        let end = code_at!(at=> #OUTCOME.map_err(#runtime::Failure::into_error));
        code!(#statements #end)
    }
}
