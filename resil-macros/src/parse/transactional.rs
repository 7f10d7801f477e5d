use super::arguments::arguments;
use super::values::{Function, TransactionOf};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::Transactional;
use proc_macro2::Span;
use syn::Path;

arguments! {
    TransactionalArguments {
        tx = "tx": TransactionOf,
        runtime = "crate": Function,
    }
}

impl Arguments for TransactionalArguments {
    type Model = Transactional;
    const EXAMPLE: &'static str = "transactional(tx = self.db)";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Transactional> {
        let Some(TransactionOf { tx, database }) = self.tx else {
            if !given.has("tx") && !given.unread {
                errors.push(diagnostics::no_transaction(span));
            }
            return None;
        };
        Some(Transactional { tx, database })
    }
}
