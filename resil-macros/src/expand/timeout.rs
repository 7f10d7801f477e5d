use super::{Expansion, hygienic, local::Local, policies::Policy, settings};
use quote::quote_spanned;

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
        Some(Policy { local: Local::Timeout, new: quote_spanned!(hygienic()=> #whole #connect #read) })
    }
}
