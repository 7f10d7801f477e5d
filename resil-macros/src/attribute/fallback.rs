//! `#[fallback(value = Vec::new())]`: a default, a function, or the last good value in place of a failure.

use super::about::Attribute;
use super::deadline::DEADLINE;
use super::facts::Handle;
use crate::errors::{Errors, text};
use crate::expand::{Call, Context, Layer, Needs, Question, asked};
use crate::function::{Function, Shell, anchored, conditions, mentions, span_of_error};
use crate::paths;
use crate::read::{Argument, Expression, Given, PathTo, Reason, Time, Value, Word, arguments, likely_path};
use crate::tokens::{Local, OUTCOME, code, code_at, operand};
use darling::FromMeta;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Pat, PatIdent};

const FALLBACK: Local = Local("fallback");
const FAILURE: Local = Local("failure");
const LAST_GOOD: Local = Local("last_good");
const VALUE: Local = Local("value");
const SENT: Local = Local("sent");

/// What a function must not be that may be called after a call that has acted.
const UNDER_FALLBACK: Question = Question { method: "resil_under_fallback", import: "UnderFallback", everywhere: true };

const FORMS: [&str; 3] = ["value", "with", "stale"];

/// What says more about `with`.
const OF_WITH: [&str; 2] = ["unsent", "acts"];

arguments! {
    value: Expression = Vec::new(),
    with: Answering = cached_rate,
    stale: Time = "10m",
    key: Expression = tenant.id,
    of: Expression = self.base,
    unsent: Word,
    acts: Reason = "it only reads",
}

/// `with = path`: a function, which the expansion calls.
pub(crate) struct Answering(PathTo);

impl Value for Answering {
    const WANTS: &'static str = "the path of an `async fn`, which gets each parameter by reference and the failure";

    fn meant(written: &Expr, usual: &str) -> Option<String> {
        match written {
            Expr::Call(call) => Some(text(&call.func)),
            other => likely_path(other, usual),
        }
    }
}

impl FromMeta for Answering {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        PathTo::from_expr(expr).map(Self)
    }
}

/// What a fallback answers.
pub(crate) enum Fallback {
    Value(Argument<Expression>),
    With(Argument<Answering>, Acting),
    Stale(Box<Stale>),
}

/// The last good value.
pub(crate) struct Stale {
    max_age: Argument<Time>,
    key: Argument<Expression>,
    /// Which instance's it is.
    of: Option<Argument<Expression>>,
}

/// Whether a fallback function may act a second time, after a call that has acted.
pub(crate) enum Acting {
    /// It does not act, as far as anybody can see.
    Unsaid,
    /// It may; so it answers only what certainly was never done.
    Unsent,
    /// It may, and the user says why it is harmless.
    Harmless(String),
}

impl Attribute for Fallback {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "fallback(value = Vec::new())";
    const HANDLE: Option<Handle> = Some(Handle { local: FALLBACK, type_name: "Fallback" });
    const IN_FUNCTION: &'static [&'static str] = &["value", "with", "key", "of"];
    const TAKES_A_NAME: Option<&'static str> = Some("with");

    fn new(arguments: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let Arguments { value, with, stale, key, of, unsent, acts } = arguments;
        let acting = match (unsent, acts) {
            (None, None) => Acting::Unsaid,
            (Some(_), None) => Acting::Unsent,
            (None, Some(why)) => Acting::Harmless(why.value.0),
            (Some(_), Some(acts)) => {
                errors.on(
                    acts.key,
                    "a fallback under `unsent` needs no reason, since it never answers what may have been done; keep one of the two",
                );
                return None;
            }
        };
        if !given.has("with") && given.among(&OF_WITH).next().is_some() {
            for name in given.among(&OF_WITH) {
                errors.on(
                    name,
                    format!(
                        "`{name}` is about a function that acts; write `with = second_gateway, {name}`, or leave it out"
                    ),
                );
            }
            return None;
        }
        if let Some(of) = of.as_ref().filter(|_| !given.has("stale")) {
            errors.on(
                &of.key,
                "`of` says whose last good value it is; write `stale = \"10m\", key = .., of = self.base`",
            );
            return None;
        }
        match (value, with, stale, key) {
            (Some(value), None, None, None) => return Some(Self::Value(value)),
            (None, Some(path), None, None) => return Some(Self::With(path, acting)),
            (None, None, Some(max_age), Some(key)) => return Some(Self::Stale(Box::new(Stale { max_age, key, of }))),
            (None, None, Some(stale), None) if !given.has("key") => errors.on(
                stale.key,
                "the last good value of which call? Write `stale = \"10m\", key = order.id`, with what tells calls apart, or `key = \"all\"`",
            ),
            (_, _, None, Some(key)) if !given.has("stale") => {
                errors.on(key.key, "`key` tells last good values apart; write `stale = \"10m\", key = ..`");
            }
            (None, None, None, None) if !given.has_any(&FORMS) && !given.unread => errors.at(
                given.span,
                "a fallback needs to know what to answer; write one of\n\
                 \x20   #[fallback(value = Vec::new())]                   a default\n\
                 \x20   #[fallback(with = cached_rate)]                   a function of the parameters and the failure\n\
                 \x20   #[fallback(stale = \"10m\", key = order.id)]       the last good value",
            ),
            _ => {
                for second in given.among(&FORMS).skip(1) {
                    errors.on(
                        second,
                        "one fallback is enough, and the first would always answer; keep `value`, `with` or `stale`",
                    );
                }
            }
        }
        None
    }
}

impl Layer for Fallback {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
        needs.lends = true;
        match self {
            Self::With(_, Acting::Unsaid) => needs.own_questions.push(UNDER_FALLBACK),
            // Unless a retry inside remembers it anyway.
            Self::With(_, Acting::Unsent) => {
                needs.remembers = Some(SENT);
                needs.noted = Some(code!(.noting(&mut #SENT)));
            }
            _ => {}
        }
    }

    /// The function gets the parameters by their names, and a value that is kept is its instance's.
    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {
        match self {
            Self::Value(_) => return,
            Self::With(..) => {}
            Self::Stale(stale) => return stale.is_somebodys(cx, errors),
        }
        for unnamed in cx.function.unnamed_parameters() {
            errors.on(
                unnamed,
                "the fallback function gets each parameter by reference, and this one has no name; write `order: Order` and take it apart in the body",
            );
        }
    }

    fn handle(&self, _: &Context<'_>) -> Option<TokenStream> {
        Some(match self {
            Self::Stale(stale) => {
                let max_age = &stale.max_age;
                code!(stale(#max_age))
            }
            Self::With(_, Acting::Unsent) => code!(asking().unsent()),
            Self::With(_, Acting::Harmless(why)) => code!(asking().acts(#why)),
            Self::With(_, Acting::Unsaid) => code!(asking()),
            Self::Value(_) => code!(new()),
        })
    }

    /// `let outcome = match outcome { .. };`: the answer in place of a failure.
    fn around(&self, inside: Call, _: &TokenStream, cx: &Context<'_>) -> Call {
        let at = span_of_error(&cx.function.output);
        let takes = match (self, cx.needs.remembers) {
            (Self::With(_, Acting::Unsent), Some(local)) => {
                code_at!(at=> #FALLBACK.take_over_unsent(&#FAILURE, (&#local).may_have_acted()))
            }
            _ => code_at!(at=> #FALLBACK.take_over(&#FAILURE)),
        };
        let instead = self.instead(cx);
        let (start, keep) = match self {
            // Before the attempts, which may take what the key is made of.
            Self::Stale(stale) => (
                {
                    let Stale { key, of, .. } = &**stale;
                    let of = of.as_ref().filter(|of| !is_all(of));
                    let of = of.map(|of| (operand(&of.0), of.0.span()));
                    let of = of.map(|(of, at)| code_at!(at=> .of(&#of)));
                    // The closure stands for the types of this instantiation.
                    code!(let #LAST_GOOD = #FALLBACK.last_good(#key) #of.typed(&|| ());)
                },
                code_at!(cx.function.output.span()=> (&#LAST_GOOD).keep(&#VALUE);),
            ),
            _ if cx.needs.remembers == Some(SENT) => {
                let runtime = cx.runtime;
                (code!(let mut #SENT = #runtime::Sent::new();), TokenStream::new())
            }
            _ => (TokenStream::new(), TokenStream::new()),
        };
        inside.between(
            start,
            code! {
                let #OUTCOME = match #OUTCOME {
                    ::core::result::Result::Ok(#VALUE) => {
                        #keep
                        ::core::result::Result::Ok(#VALUE)
                    }
                    ::core::result::Result::Err(#FAILURE) if #takes => #instead,
                    ::core::result::Result::Err(#FAILURE) => ::core::result::Result::Err(#FAILURE),
                };
            },
        )
    }
}

impl Fallback {
    /// The function that nobody says may act.
    pub(super) fn unsaid(&self) -> Option<&PathTo> {
        match self {
            Self::With(path, Acting::Unsaid) => Some(&path.0),
            _ => None,
        }
    }

    fn instead(&self, cx: &Context<'_>) -> TokenStream {
        let runtime = cx.runtime;
        match self {
            // The type is said first, so that the value is coerced to it.
            Self::Value(value) => {
                let output = anchored(&cx.function.output);
                code_at!(value.0.span()=> #runtime::__private::value::<#output>(#value))
            }
            Self::With(Argument { value: Answering(path), .. }, acting) => {
                let parameters = by_reference(cx.function);
                let output = anchored(&cx.function.output);
                let private = paths::located_at(runtime, path.name_span());
                let look = matches!(acting, Acting::Unsaid).then(|| asked(path.name_span(), &[UNDER_FALLBACK]));
                let ask = code_at!(path.name_span()=> |#FAILURE| #path(#(#parameters,)* #FAILURE) #look);
                let answer = |how| code_at!(path.name_span()=> #private::__private::#how::<#output, _, _>);
                if cx.needs.deadline.is_some() {
                    let answer = answer(code!(answer_within));
                    code_at!(path.name_span()=> #answer(&#FALLBACK, #FAILURE, #ask, #DEADLINE).await)
                } else {
                    let answer = answer(code!(answer));
                    code_at!(path.name_span()=> #answer(&#FALLBACK, #FAILURE, #ask).await)
                }
            }
            Self::Stale(_) => code!((&#LAST_GOOD).instead_of(#FAILURE)),
        }
    }
}

impl Stale {
    /// Methods of several instances share a call site.
    fn is_somebodys(&self, cx: &Context<'_>, errors: &mut Errors) {
        let this = cx.function.signature.receiver().map(|this| Ident::new("self", this.self_token.span));
        match (this, &self.of) {
            (Some(this), None) if !mentions(self.key.to_token_stream(), &this) => errors.on(
                &self.max_age.key,
                "the last good value of which instance? Write `of = self.base`, with what tells instances apart, or `of = all`, if they are all alike",
            ),
            (None, Some(of)) => errors.on(
                &of.key,
                "`of` tells instances apart, and this function has no `self`; take it off, or write what it says into `key`",
            ),
            _ => {}
        }
    }
}

/// `of = all`: instances need not be told apart.
fn is_all(of: &Argument<Expression>) -> bool {
    syn::parse2::<Ident>(of.to_token_stream()).is_ok_and(|of| of == "all")
}

/// The parameters as a fallback function gets them. `check` has seen to it that each has a name.
fn by_reference(function: &Function) -> Vec<TokenStream> {
    let references = function.signature.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(this) => {
            let this = match function.shell {
                Shell::AsyncTrait { .. } => Ident::new("__self", this.self_token.span).to_token_stream(),
                _ => this.self_token.to_token_stream(),
            };
            Some(code!(&#this))
        }
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(PatIdent { ident: name, .. }) => {
                let conditions = conditions(&typed.attrs);
                Some(code!(#conditions &#name))
            }
            _ => None,
        },
    });
    references.collect()
}
