use super::arguments::arguments;
use super::values::{Function, Name, Time, TransactionOf, Value, Wait};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::{Once, Transactional};
use proc_macro2::Span;
use syn::Path;

arguments! {
    TransactionalArguments {
        tx = "tx": TransactionOf,
        op = "op": Name,
        once = "once": Value,
        keep = "keep": Time,
        max_wait = "max_wait": Wait,
        fingerprint = "fingerprint": Value,
        runtime = "crate": Function,
    }
}

/// What says more about `once`.
const OF_ONCE: [&str; 4] = ["op", "keep", "max_wait", "fingerprint"];

impl Arguments for TransactionalArguments {
    type Model = Transactional;
    const EXAMPLE: &'static str = "transactional(tx = self.db)";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Transactional> {
        let once = match (self.once, self.op) {
            (Some(id), Some(op)) => Some(Once {
                op: op.0,
                id: id.0,
                keep: self.keep.map(|keep| keep.0),
                max_wait: self.max_wait.map(|wait| wait.0),
                fingerprint: self.fingerprint.map(|value| value.0),
            }),
            (Some(_), None) if !given.has("op") => {
                errors
                    .extend(given.names.iter().filter(|name| name.is_ident("once")).map(diagnostics::once_without_op));
                None
            }
            (None, _) if !given.has("once") => {
                let pointless = given.names.iter().filter(|name| OF_ONCE.iter().any(|of| name.is_ident(of)));
                errors.extend(pointless.map(diagnostics::pointless_without_once));
                None
            }
            _ => None,
        };
        let Some(TransactionOf { tx, database }) = self.tx else {
            if !given.has("tx") && !given.unread {
                errors.push(diagnostics::no_transaction(span));
            }
            return None;
        };
        if let (None, Some(_)) = (&database, &once) {
            errors.extend(given.names.iter().filter(|name| name.is_ident("once")).map(diagnostics::once_in_callers));
        }
        Some(Transactional { tx, database, once })
    }
}
