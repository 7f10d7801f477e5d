use super::{Expansion, hygienic, local::Local, policies::Policy, settings};
use proc_macro2::TokenStream;
use quote::quote_spanned;

impl Expansion<'_> {
    pub(super) fn deadline(&self) -> Option<Policy> {
        let limit = settings::constant(&self.stack.deadline.as_ref()?.limit, settings::duration);
        Some(Policy::new(Local::Deadline, quote_spanned!(hygienic()=> within(#limit))))
    }

    pub(super) fn start_deadline(&self) -> Option<TokenStream> {
        self.stack.deadline.as_ref()?;
        let deadline = Local::Deadline;
        Some(quote_spanned!(hygienic()=> let #deadline = #deadline.start();))
    }
}
