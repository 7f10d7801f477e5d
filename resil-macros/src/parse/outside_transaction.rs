use super::arguments::arguments;
use super::values::Function;
use super::{Arguments, Given};
use crate::diagnostics::Errors;
use crate::model::OutsideTransaction;
use proc_macro2::Span;
use syn::Path;

arguments! {
    OutsideTransactionArguments {
        runtime = "crate": Function,
    }
}

impl Arguments for OutsideTransactionArguments {
    type Model = OutsideTransaction;
    const EXAMPLE: &'static str = "outside_transaction";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, _: Span, _: &Given, _: &mut Errors) -> Option<OutsideTransaction> {
        Some(OutsideTransaction)
    }
}
