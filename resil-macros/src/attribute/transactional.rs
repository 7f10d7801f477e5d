//! `#[transactional(tx = self.db)]`: database work that commits or rolls back as one, and once for each request ID.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::Errors;
use crate::expand::{Context, Layer, Needs, Question};
use crate::function::{Function, conditions, each_binding, span_of_name, span_of_type};
use crate::paths;
use crate::read::{Argument, Expression, Given, Name, Time, Value, Wait, arguments, set, value};
use crate::tokens::{Local, OUTCOME, REFUSAL, code, code_at};
use darling::FromMeta;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Pat, PatIdent, PatType, Path, Signature};

const TRANSACTIONAL: Local = Local("transactional");
const TRANSACTION: Local = Local("transaction");
const SCOPE: Local = Local("scope");
const ONCE: Local = Local("once");
const KNOWN: Local = Local("known");

/// What a call must not be where a transaction is open. What runs after the commit, or is allowed inside, may be it.
const IN_TRANSACTION: Question =
    Question { method: "resil_in_transaction", import: "InTransaction", everywhere: false };

/// What says more about `once`.
const OF_ONCE: [&str; 4] = ["op", "keep", "max_wait", "fingerprint"];

arguments! {
    tx: Opened = self.db,
    op: Name = "order.place",
    once: Expression = request_id,
    keep: Time = "24h",
    max_wait: Wait = "100ms",
    fingerprint: Expression = (item, number),
}

/// `tx`, or `tx = expr`: where the transaction is opened, if it is not the caller's.
struct Opened(Option<Expr>);

impl Value for Opened {
    const WANTS: &'static str = Expression::WANTS;
}

impl FromMeta for Opened {
    fn from_word() -> darling::Result<Self> {
        Ok(Self(None))
    }

    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        Expression::from_expr(expr).map(|database| Self(Some(database.0)))
    }
}

pub(crate) struct Transactional {
    /// What the body calls the transaction.
    tx: Ident,
    /// Where it is opened; `None` if it is the caller's.
    pub(super) database: Option<Expr>,
    /// What makes it run once.
    once: Option<Once>,
}

/// A transaction that runs once for each request ID.
struct Once {
    op: Argument<Name>,
    id: Argument<Expression>,
    keep: Option<Argument<Time>>,
    max_wait: Option<Argument<Wait>>,
    /// What is compared between two requests, if not all parameters.
    fingerprint: Option<Argument<Expression>>,
}

impl Attribute for Transactional {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "transactional(tx = self.db)";
    const HANDLE: Option<Handle> = Some(Handle { local: TRANSACTIONAL, type_name: "Transactional" });
    const NEEDS_DATABASE: bool = true;
    const IN_FUNCTION: &'static [&'static str] = &["tx", "once", "fingerprint"];
    /// The database is what a transaction is opened on.
    const ALIASES: &'static [(&'static str, &'static str)] = &[("db", "tx")];

    fn new(arguments: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let Arguments { tx, op, once, keep, max_wait, fingerprint } = arguments;
        let once = match (once, op) {
            (Some(id), Some(op)) => Some(Once { op, id, keep, max_wait, fingerprint }),
            (Some(once), None) if !given.has("op") => {
                errors.on(
                    once.key,
                    "a request ID is unique within an operation, and two functions may share one; write `op = \"order.place\", once = ..`, a name that stays when the function is renamed",
                );
                None
            }
            (None, _) if !given.has("once") => {
                for name in given.among(&OF_ONCE) {
                    errors.on(
                        name,
                        format!(
                            "`{name}` says nothing without `once`; write `op = \"order.place\", once = request_id`"
                        ),
                    );
                }
                None
            }
            _ => None,
        };
        let Some(Argument { key: tx, value: Opened(database), .. }) = tx else {
            if !given.has("tx") && !given.unread {
                errors.at(
                    given.span,
                    "a transaction begins on a database, or is the caller's; write one of\n\
                     \x20   #[transactional(tx = self.db)]    opens one on this `Db`, and calls it `tx` in the body\n\
                     \x20   #[transactional(tx)]              takes part in the caller's: the parameter `tx: &mut Tx<Postgres>`",
                );
            }
            return None;
        };
        if let (None, Some(once)) = (&database, &once) {
            errors.on(
                &once.id.key,
                "the whole transaction runs once or not, and this one is the caller's; write `op = .., once = ..` at the function that begins it with `#[transactional(tx = self.db)]`",
            );
        }
        Some(Self { tx, database, once })
    }

    /// `let tx = &mut opened(&db);`, unless a parameter has that name.
    fn without(body: TokenStream, arguments: &TokenStream, signature: &Signature, runtime: &Path) -> TokenStream {
        let opened = value(arguments, "tx").and_then(|(tx, database)| {
            let is_free = parameter_named(tx.get_ident()?, signature).is_none();
            is_free.then(|| code!(let #tx = &mut #runtime::__private::opened(&#database); let _ = &#tx;))
        });
        code!(#opened #body)
    }
}

impl Layer for Transactional {
    fn needs(&self, needs: &mut Needs, function: &Function) {
        needs.refuses = true;
        needs.questions.push(IN_TRANSACTION);
        needs.mentions.extend(self.mentions(function));
        if self.database.is_some() {
            needs.imports.extend(code!(OnAny as _, OnPool as _,));
        }
    }

    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {
        self.has_a_name_of_its_own(cx.function, errors);
        self.requests_are_compared_by_named_parameters(cx.function, errors);
    }

    fn handle(&self, _: &Context<'_>) -> Option<TokenStream> {
        Some(match (&self.database, &self.once) {
            (Some(_), Some(Once { op, keep, max_wait, .. })) => {
                let (keep, max_wait) = (set(keep.as_ref()), set(max_wait.as_ref()));
                code!(opening().op(#op)#keep #max_wait)
            }
            (Some(_), None) => code!(opening()),
            (None, _) => code!(taking_part()),
        })
    }

    /// The body in its transaction, which is committed if it succeeds.
    fn within(&self, body: TokenStream, capture: Option<&TokenStream>, cx: &Context<'_>) -> TokenStream {
        let tx = &self.tx;
        let Some(database) = &self.database else {
            let part = code_at!(tx.span()=> &#tx);
            return code! {
                let #SCOPE = #TRANSACTIONAL.take_part(#part);
                (&#SCOPE).around(async #capture { #body }).await
            };
        };
        let at = database.span();
        let database = cx.in_attempt(database.to_token_stream());
        let runtime = paths::located_at(cx.runtime, at);
        let database = code_at!(at=> (&#runtime::__private::On(&#database)).resil_db());
        let (begin, store) = match &self.once {
            Some(once) => self.begin_once(once, &database, cx),
            None => (begin(&database, cx), TokenStream::new()),
        };
        code! {
            #begin
            let #SCOPE = (&#TRANSACTION).scope();
            let #tx = &mut #TRANSACTION;
            let #OUTCOME = (&#SCOPE).around(async #capture { #body }).await;
            #store
            #TRANSACTION.end(#OUTCOME).await
        }
    }
}

/// `let mut transaction = match transactional.begin(&db).await { .. };`
fn begin(database: &TokenStream, cx: &Context<'_>) -> TokenStream {
    let refused = cx.refused();
    code! {
        let mut #TRANSACTION = match #TRANSACTIONAL.begin(#database).await {
            ::core::result::Result::Ok(#TRANSACTION) => #TRANSACTION,
            ::core::result::Result::Err(#REFUSAL) => return #refused,
        };
    }
}

impl Transactional {
    /// The same, unless it has run for this request ID; and `let outcome = transaction.store(outcome);`.
    fn begin_once(&self, once: &Once, database: &TokenStream, cx: &Context<'_>) -> (TokenStream, TokenStream) {
        let runtime = cx.runtime;
        let id = cx.in_attempt(once.id.to_token_stream());
        let id = code_at!(once.id.0.span()=> &#id);
        let arguments = self.compared(once, cx);
        let refused = cx.refused();
        // Where a type that cannot be stored is reported.
        let at = span_of_name(&cx.function.output, 0);
        let outcome = OUTCOME.at(at);
        let [again, store] = [code_at!(at=> #KNOWN.outcome()), code_at!(at=> (&mut #TRANSACTION).store(#outcome))];
        let begin = code! {
            let #ONCE = #TRANSACTIONAL.once(#id)#arguments;
            let mut #TRANSACTION = match #TRANSACTIONAL.begin_once(#database, #ONCE).await {
                ::core::result::Result::Ok(#runtime::__private::Begun::First(#TRANSACTION)) => #TRANSACTION,
                ::core::result::Result::Ok(#runtime::__private::Begun::Again(#KNOWN)) => return #again,
                ::core::result::Result::Err(#REFUSAL) => return #refused,
            };
        };
        (begin, code!(let #OUTCOME = #store;))
    }

    /// `.argument(&item).argument(&number)`: what a repeat must have in common with the first request.
    fn compared(&self, once: &Once, cx: &Context<'_>) -> TokenStream {
        if let Some(fingerprint) = &once.fingerprint {
            let at = fingerprint.0.span();
            let fingerprint = cx.in_attempt(fingerprint.to_token_stream());
            return code_at!(at=> .argument(&#fingerprint));
        }
        let compared = self.compared_parameters(cx.function);
        let argument = |typed: &PatType, name: &Ident| {
            let (at, conditions) = (span_of_type(&typed.ty), conditions(&typed.attrs));
            if conditions.is_empty() {
                code_at!(at=> .argument(&#name))
            } else {
                // A tuple may have an element under `#[cfg]`, and a chain of methods no link.
                code_at!(at=> .argument(&(#conditions &#name,)))
            }
        };
        compared.map(|(typed, name)| argument(typed, name)).collect()
    }

    /// What the transaction uses of the parameters before the body begins.
    fn mentions(&self, function: &Function) -> TokenStream {
        let mut mentioned = self.database.to_token_stream();
        if let Some(Once { id, fingerprint, .. }) = &self.once {
            mentioned.extend(id.to_token_stream());
            mentioned.extend(fingerprint.to_token_stream());
            if fingerprint.is_none() {
                mentioned.extend(self.compared_parameters(function).map(|(_, name)| name.to_token_stream()));
            }
        }
        mentioned
    }

    /// All parameters but the database, which is no data, and the request ID, which is compared as it is. A parameter that
    /// only has one of the two in it may have data beside it, and stays.
    fn compared_parameters<'a>(&'a self, function: &'a Function) -> impl Iterator<Item = (&'a PatType, &'a Ident)> {
        let (database, id) = (self.database.as_ref(), self.once.as_ref().map(|once| &once.id.0));
        function.signature.inputs.iter().filter_map(move |input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(PatIdent { ident, .. }) => {
                    let is_left_out = [database, id].into_iter().flatten().any(|expr| is_just(expr, ident));
                    (!is_left_out).then_some((typed, ident))
                }
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
    }

    /// `tx` is a parameter, and `tx = expr` hides none.
    fn has_a_name_of_its_own(&self, function: &Function, errors: &mut Errors) {
        let tx = &self.tx;
        match (parameter_named(tx, &function.signature), &self.database) {
            (None, None) => errors.on(
                tx,
                "the function has no parameter `tx`; add `tx: &mut Tx<Postgres>`, or write `#[transactional(tx = self.db)]` to begin a transaction here",
            ),
            (Some(parameter), Some(_)) => errors.on(
                parameter,
                "the transaction that begins here would hide this parameter; take the parameter off, or write `#[transactional(tx)]` to take part in the caller's",
            ),
            _ => {}
        }
    }

    fn requests_are_compared_by_named_parameters(&self, function: &Function, errors: &mut Errors) {
        if self.once.as_ref().is_none_or(|once| once.fingerprint.is_some()) {
            return;
        }
        for input in &function.signature.inputs {
            match input {
                FnArg::Typed(typed) if !matches!(*typed.pat, Pat::Ident(_)) => errors.on(
                    &typed.pat,
                    "a repeat is compared with the first request by its parameters, and this one has no name; write `order: Order` and take it apart in the body, or name what is compared: `fingerprint = (item, number)`",
                ),
                // Where `self` holds the database it is the service; else it may be what the request is about.
                FnArg::Receiver(this) if !self.database.as_ref().is_some_and(begins_with_self) => errors.on(
                    this,
                    "`self` is not compared between a request and its repeat, and here it is not the service that has the database; name what is compared: `fingerprint = (&self.id, item)`",
                ),
                _ => {}
            }
        }
    }
}

/// The parameter of this name, also where it is a part of a pattern.
fn parameter_named(name: &Ident, signature: &Signature) -> Option<Ident> {
    let mut parameter = None;
    for input in &signature.inputs {
        if let FnArg::Typed(typed) = input {
            each_binding(&typed.pat, &mut |binding| {
                if binding.ident == *name {
                    parameter = Some(binding.ident.clone());
                }
            });
        }
    }
    parameter
}

/// Whether an expression is a part of `self`.
fn begins_with_self(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.path.is_ident("self"),
        Expr::Field(field) => begins_with_self(&field.base),
        Expr::MethodCall(call) => call.args.is_empty() && begins_with_self(&call.receiver),
        Expr::Reference(reference) => begins_with_self(&reference.expr),
        Expr::Paren(inner) => begins_with_self(&inner.expr),
        _ => false,
    }
}

/// Whether an expression is this name, or a reference to it.
fn is_just(expr: &Expr, name: &Ident) -> bool {
    match expr {
        Expr::Path(path) => path.path.is_ident(name),
        Expr::Reference(reference) => is_just(&reference.expr, name),
        Expr::Group(group) => is_just(&group.expr, name),
        _ => false,
    }
}
