//! The innermost of the fold: the body as one attempt.

use super::call::Call;
use super::context::{Context, Needs};
use super::layer::Layers;
use crate::function::{anchored, span_of_error};
use crate::tokens::{ATTEMPT, code, code_at};
use proc_macro2::TokenStream;

impl Context<'_> {
    /// `let attempt = async { body }; let outcome = .. .await;`
    pub(super) fn attempt(&self, layers: &Layers<'_>, body: &TokenStream) -> Call {
        let clones = self.clones();
        let takes = !self.needs.lends || clones.is_some();
        let capture = takes.then(|| code!(move));
        let (anchor, begins) = (self.anchor(), &self.needs.begins);
        let body = code!(#anchor #begins #body);
        let body = layers.iter().rfold(body, |body, (_, layer)| layer.within(body, capture.as_ref(), self));
        let mut block = self.function.async_block(&capture, &body);
        if clones.is_some() {
            block = code!({ #clones #block });
        }
        let run = self.run();
        Call::new(code!(let #ATTEMPT = #block;), code!(#run.await))
    }

    /// The attempt, wrapped in what bounds it.
    fn run(&self) -> TokenStream {
        let Needs { deadline, noted, wraps, .. } = &self.needs;
        let (runtime, wraps) = (self.runtime, code!(#deadline #noted #wraps));
        match (self.needs.refuses, &self.needs.bounds, &self.needs.unbounded) {
            (true, Some(bounds), _) => self.followed(code!(#bounds(#ATTEMPT) #wraps)),
            (true, None, _) => self.followed(code!(#runtime::Attempt::new(#ATTEMPT) #wraps)),
            (false, _, Some(unbounded)) => code!(#unbounded(#ATTEMPT)),
            (false, _, None) => code!(#ATTEMPT),
        }
    }

    /// The same, where somebody hears of its answers.
    fn followed(&self, run: TokenStream) -> TokenStream {
        match &self.needs.follows {
            Some(follow) => code!(#follow(#run)),
            None => run,
        }
    }

    /// `if false { return output::<R>(); }`, so that the body is read as that of a function that returns `R`.
    pub(super) fn anchor(&self) -> TokenStream {
        let (runtime, output) = (self.runtime, anchored(&self.function.output));
        let at = span_of_error(&self.function.output);
        let output = if self.needs.guards {
            code_at!(at=> #runtime::__private::output::<#output>())
        } else {
            code_at!(at=> #runtime::__private::any::<#output>())
        };
        code!(if false { return #output; })
    }
}
