//! `#[durable(db = Postgres, op = "payment.confirm")]`: an external call whose outcome becomes known, whatever dies in
//! between. Beside the function it puts an operation of the same name, which the ledger records and drives.

mod functions;
mod operation;
mod parameter;

use super::about::Attribute;
use super::facts::{Handle, Place};
use super::retry::Statuses;
use crate::errors::Errors;
use crate::expand::{Context, Layer, pointless};
use crate::function::{Function, Shell, conditions, names_an_original_key};
use crate::read::{
    Argument, Count, Expression, Given, Name, PathTo, Time, Value, Wait, arguments, likely_path, ungrouped, wanted,
};
use crate::tokens::{Local, code};
use darling::FromMeta;
use operation::Operation;
use parameter::{Role, parameter};
use proc_macro2::{Span, TokenStream};
use std::time::Duration;
use syn::{Expr, FnArg, Pat, Path, Type};

const EXAMPLE: &str = "durable(db = Postgres, op = \"payment.confirm\", per = order_id)";

arguments! {
    db: Databases = Postgres,
    op: Name = "order.place",
    version: Count = 1,
    per: Expression = order_id,
    amount: Expression = amount,
    verify: PathTo = payment_status,
    compensate: PathTo = cancel_payment,
    applied: PathTo = mark_paid,
    undone: PathTo = mark_failed,
    in_doubt: InDoubt = manual,
    conclusive: Conclusive = [402],
    settle: Time = "5s",
    key_lifetime: Time = "24h",
    give_up: Time = "24h",
    attempts: Count = 3,
    base: Wait = "100ms",
    max: Wait = "10s",
}

/// What `resil::ledger::Settings` begins with.
const SETTLE: Duration = Duration::from_secs(60);
const KEY_LIFETIME: Duration = Duration::from_hours(24);

/// `db = Postgres`, or `db = [Sqlite, Postgres]`.
struct Databases(Vec<Path>);

impl Value for Databases {
    const WANTS: &'static str = "the kind of database the ledger is in, or a list of them";
}

impl FromMeta for Databases {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        fn path(expr: &Expr) -> Option<Path> {
            if let Expr::Path(path) = expr { Some(path.path.clone()) } else { None }
        }
        let databases = match ungrouped(expr) {
            Expr::Array(list) if !list.elems.is_empty() => list.elems.iter().map(path).collect(),
            one => path(one).map(|one| vec![one]),
        };
        wanted(databases).map(Self)
    }
}

/// `conclusive = [402]`, or `conclusive = is_final`.
enum Conclusive {
    Statuses(Statuses),
    Judged(PathTo),
}

impl Value for Conclusive {
    const WANTS: &'static str = "a list of HTTP statuses from 400 to 599, or the path of a `fn(&Error) -> bool`";

    fn meant(written: &Expr, usual: &str) -> Option<String> {
        Statuses::meant(written, usual).or_else(|| likely_path(written, usual))
    }
}

impl FromMeta for Conclusive {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        match ungrouped(expr) {
            Expr::Path(_) => PathTo::from_expr(expr).map(Self::Judged),
            _ => Statuses::from_expr(expr).map(Self::Statuses),
        }
    }
}

/// What to do about an outcome that stays unknown.
#[derive(Clone, Copy, PartialEq)]
enum InDoubt {
    Repeat,
    Cancel,
    Manual,
}

impl Value for InDoubt {
    const WANTS: &'static str = "`repeat`, `cancel` or `manual`, without quotes";

    fn meant(written: &Expr, usual: &str) -> Option<String> {
        likely_path(written, usual)
    }
}

impl FromMeta for InDoubt {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        let all = [("repeat", Self::Repeat), ("cancel", Self::Cancel), ("manual", Self::Manual)];
        let Expr::Path(path) = ungrouped(expr) else { return wanted(None) };
        wanted(all.into_iter().find(|(name, _)| path.path.is_ident(name)).map(|(_, doubt)| doubt))
    }
}

pub(crate) struct Durable {
    databases: Argument<Databases>,
    op: Argument<Name>,
    /// All others.
    with: Arguments,
}

impl Attribute for Durable {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = EXAMPLE;
    const PLACE: Place = Place::Beside;
    const NEEDS_DATABASE: bool = true;
    const HANDLE: Option<Handle> = Some(Handle { local: Local("durable"), type_name: "Durable" });
    const IN_FUNCTION: &'static [&'static str] =
        &["db", "per", "amount", "verify", "compensate", "applied", "undone", "in_doubt", "conclusive"];

    fn new(mut with: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let missing: Vec<_> = ["db", "op"].into_iter().filter(|name| !given.has(name)).collect();
        if !missing.is_empty() && !given.unread {
            let verb = if missing.len() == 1 { "is" } else { "are" };
            let missing = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            errors.at(
                given.span,
                format!(
                    "an intent is stored in a database, under a name that stays when the function is renamed, and {missing} {verb} missing; write `#[{EXAMPLE}]`"
                ),
            );
        }
        if let Some(doubt) = with.in_doubt.as_ref().filter(|doubt| doubt.value == InDoubt::Cancel)
            && !given.has("compensate")
        {
            errors.at(doubt.at, "nothing says how to cancel; write `compensate = cancel_payment` beside it");
        }
        Some(Self { databases: with.db.take()?, op: with.op.take()?, with })
    }

    /// What the ledger runs again after a restart: a free function of values that can be stored, and of references to
    /// what it is given.
    fn fits(function: &Function, span: Span, errors: &mut Errors) {
        if !matches!(function.shell, Shell::AsyncFn) {
            let name = &function.signature.ident;
            errors.at(span, format!("the ledger runs `{name}` by itself; write it as `async fn {name}(..)`"));
        }
        if let Some(parameter) = function.signature.generics.params.first() {
            errors.on(parameter, GENERIC);
        }
        for input in &function.signature.inputs {
            match input {
                FnArg::Receiver(this) => errors.on(
                    this,
                    "the ledger runs this function after a restart, when there is no `self`; write a free function that takes `client: &Client`, and give the ledger one with `.provide(Arc::new(client))`",
                ),
                FnArg::Typed(typed) if !matches!(*typed.pat, Pat::Ident(_)) => errors.on(
                    &typed.pat,
                    "each parameter is stored under its name, and this one has none; write `order: Order` and take it apart in the body",
                ),
                FnArg::Typed(typed) if !conditions(&typed.attrs).is_empty() => errors.on(
                    conditions(&typed.attrs),
                    "what one build has stored another one reads, so the parameters are the same in each; write two functions, each under its `#[cfg]` and with an `op` of its own",
                ),
                FnArg::Typed(typed) if names_an_original_key(&typed.ty) => errors.on(
                    &typed.ty,
                    "the call has the key itself, by which `verify` and `compensate` then know it; write `key: &IdempotencyKey`",
                ),
                FnArg::Typed(typed) => stored_or_given(&typed.ty, errors),
            }
        }
    }
}

const GENERIC: &str = "the ledger runs this function after a restart, when nobody says which type is meant; write the type, or call this function from one without type parameters";

fn stored_or_given(ty: &Type, errors: &mut Errors) {
    let data = match ty {
        Type::ImplTrait(_) => return errors.on(ty, GENERIC),
        Type::Reference(reference) if reference.mutability.is_some() => {
            return errors.on(
                ty,
                "what is borrowed here is shared by all intents of the process; write `&T` with the lock inside `T`",
            );
        }
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(_) => "Vec<..>",
            Type::Path(path) if path.path.is_ident("str") => "String",
            _ => return,
        },
        _ => return,
    };
    errors.on(
        ty,
        format!(
            "a reference is something that the ledger was given, found by its type, and this is data; write `{data}`, which is stored"
        ),
    );
}

impl Layer for Durable {
    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {
        // An operator may cancel, and that waits too.
        let settles = self.with.verify.is_some() || self.with.compensate.is_some();
        if let (Some(settle), false, InDoubt::Manual) = (&self.with.settle, settles, self.in_doubt(cx)) {
            pointless(settle.span(), &settle.key, "verify", "payment_status", errors);
        }
        self.repeat_is_recognised(cx, errors);
        self.key_outlives_what_settles(errors);
    }

    /// `let _ = (&order_id, &amount);`: what is stored is used, also where the call itself does not need it.
    fn first(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let parameters = cx.function.signature.inputs.iter().filter_map(parameter);
        let stored = parameters.filter(|parameter| matches!(parameter.role, Role::Stored) && !parameter.is_quiet());
        let names = stored.map(|parameter| parameter.name);
        Some(code!(let _ = (#(&#names,)*);))
    }

    fn beside(&self, cx: &Context<'_>) -> Option<TokenStream> {
        Some(Operation::of(self, cx).items())
    }
}

impl Durable {
    /// What the ledger does about an outcome that stays unknown. A retry that repeats what may have been sent has the
    /// proof that the ledger needs.
    fn in_doubt(&self, cx: &Context<'_>) -> InDoubt {
        let default = if cx.needs.proves { InDoubt::Repeat } else { InDoubt::Manual };
        self.with.in_doubt.as_ref().map_or(default, |doubt| doubt.value)
    }

    /// A repeat may arrive as late as the first request. What is left to a constant, the ledger finds when it is opened.
    fn key_outlives_what_settles(&self, errors: &mut Errors) {
        let (settle, lifetime) = (self.with.settle.as_ref(), self.with.key_lifetime.as_ref());
        let known = |time: Option<&Argument<Time>>, default| time.map_or(Some(default), |time| time.known());
        let (Some(settles), Some(lasts)) = (known(settle, SETTLE), known(lifetime, KEY_LIFETIME)) else { return };
        if let Some(written) = settle.or(lifetime).filter(|_| settles >= lasts) {
            errors.at(
                written.at,
                format!(
                    "a repeat may arrive {settles:?} late, and the partner forgets the key after {lasts:?}; write a shorter `settle`, or for how long the partner keeps a key: `key_lifetime = \"24h\"`"
                ),
            );
        }
    }

    /// A partner recognises only a key that it gets.
    fn repeat_is_recognised(&self, cx: &Context<'_>, errors: &mut Errors) {
        let Some(doubt) = self.with.in_doubt.as_ref().filter(|doubt| doubt.value == InDoubt::Repeat) else { return };
        let takes_key =
            cx.function.signature.inputs.iter().filter_map(parameter).any(|one| matches!(one.role, Role::Key));
        if !cx.needs.repeats && !takes_key {
            errors.at(
                doubt.at,
                format!(
                    "the partner recognises a repeat by its key, and `{}` has none to send; add the parameter `key: &IdempotencyKey`",
                    cx.function.signature.ident
                ),
            );
        }
    }
}
