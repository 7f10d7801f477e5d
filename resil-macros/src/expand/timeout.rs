use super::{Expansion, hygienic, local::Local, policies::Policy, settings};
use crate::diagnostics;
use crate::model::{Setting, Timeout};
use proc_macro2::TokenStream;
use quote::quote_spanned;
use std::time::Duration;

impl Expansion<'_> {
    pub(super) fn timeout(&self) -> Option<Policy> {
        let timeout = self.stack.timeout.as_ref()?;
        let whole = match &timeout.attempt {
            Some(limit) => {
                let limit = settings::constant(limit, settings::duration);
                quote_spanned!(hygienic()=> attempt(#limit))
            }
            None => quote_spanned!(hygienic()=> phases()),
        };
        let connect = settings::set("connect", timeout.connect.as_ref(), settings::duration);
        let read = settings::set("read", timeout.read.as_ref(), settings::duration);
        Some(Policy::new(Local::Timeout, quote_spanned!(hygienic()=> #whole #connect #read)))
    }

    /// A warning for each phase outside its recommended range. Stable Rust has none for macros, but it warns of the
    /// use of what is deprecated, and prints the note.
    pub(super) fn range_warnings(&self) -> Option<TokenStream> {
        let Timeout { connect, read, any_range: false, .. } = self.stack.timeout.as_ref()? else { return None };
        Some(
            [warning("connect", connect.as_ref(), 1, 5), warning("read", read.as_ref(), 5, 30)]
                .into_iter()
                .flatten()
                .collect(),
        )
    }
}

fn warning(phase: &str, bound: Option<&Setting<Duration>>, least: u64, most: u64) -> Option<TokenStream> {
    let Setting::Known(limit, written) = bound? else { return None };
    if (Duration::from_secs(least)..=Duration::from_secs(most)).contains(limit) {
        return None;
    }
    let note = diagnostics::outside_range(phase, *limit, least, most);
    let name = proc_macro2::Ident::new(&format!("{phase}_outside_its_range"), hygienic().located_at(*written));
    Some(quote_spanned! {hygienic()=>
        #[deprecated(note = #note)]
        #[allow(non_upper_case_globals)]
        const #name: () = ();
        let () = #name;
    })
}
