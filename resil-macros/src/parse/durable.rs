use super::arguments::arguments;
use super::values::{Count, Databases, Doubt, Function, Name, Time, Value, Wait};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::{Durable, InDoubt};
use proc_macro2::Span;
use syn::Path;

arguments! {
    DurableArguments {
        db = "db": Databases,
        op = "op": Name,
        version = "version": Count,
        per = "per": Value,
        amount = "amount": Value,
        verify = "verify": Function,
        compensate = "compensate": Function,
        applied = "applied": Function,
        undone = "undone": Function,
        in_doubt = "in_doubt": Doubt,
        settle = "settle": Time,
        attempts = "attempts": Count,
        base = "base": Wait,
        max = "max": Wait,
        runtime = "crate": Function,
    }
}

impl Arguments for DurableArguments {
    type Model = Durable;
    const EXAMPLE: &'static str = "durable(db = Postgres, op = \"payment.confirm\", per = order_id)";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Durable> {
        let missing: Vec<_> = ["db", "op"].into_iter().filter(|name| !given.has(name)).collect();
        if !missing.is_empty() && !given.unread {
            errors.push(diagnostics::durable_without(span, &missing));
        }
        let in_doubt = self.in_doubt.map(|doubt| (doubt.0, doubt.1));
        if let (Some((InDoubt::Cancel, at)), None) = (in_doubt, &self.compensate)
            && !given.has("compensate")
        {
            errors.push(diagnostics::cancel_without_compensate(at));
        }
        Some(Durable {
            databases: self.db?.0,
            op: self.op?.0,
            version: self.version.map(|version| version.0),
            per: self.per.map(|per| per.0),
            amount: self.amount.map(|amount| amount.0),
            verify: self.verify.map(|path| path.0),
            compensate: self.compensate.map(|path| path.0),
            applied: self.applied.map(|path| path.0),
            undone: self.undone.map(|path| path.0),
            settle: self.settle.map(|settle| settle.0),
            attempts: self.attempts.map(|attempts| attempts.0),
            base: self.base.map(|base| base.0),
            max: self.max.map(|max| max.0),
            in_doubt,
        })
    }
}
