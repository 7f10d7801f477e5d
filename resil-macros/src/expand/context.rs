//! What an attribute sees of the others, and of the function.

use super::awaits::Question;
use crate::function::Function;
use crate::tokens::Local;
use proc_macro2::TokenStream;
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
    /// `turn.follow`, around the attempt with all that.
    pub(crate) follows: Option<TokenStream>,
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
