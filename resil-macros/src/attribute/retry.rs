//! `#[retry(idempotent)]`: tries again what is proven safe to repeat, for failures that pass.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::Errors;
use crate::expand::{Call, Context, Layer, Needs, Question};
use crate::function::{Function, each_binding, mentions, names_an_original_key, span_of_error};
use crate::read::{
    Argument, Constant, Count, Factor, Given, Name, Parameter, PathTo, Value, Wait, Word, arguments, fraction,
    likely_count, literal, name, reason, set, ungrouped, wanted,
};
use crate::tokens::{CALL, Local, OUTCOME, code, code_at};
use darling::FromMeta;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::time::Duration;
use syn::{Expr, FnArg, Lit, PatIdent, Type};

const RETRY: Local = Local("retry");
const DELAY: Local = Local("delay");
const FAILURE: Local = Local("failure");

const PROOFS: [&str; 3] = ["idempotent", "idempotency_key", "unsent"];

/// What a call must not be where it may be repeated.
const UNDER_RETRY: Question = Question { method: "resil_under_retry", import: "UnderRetry", everywhere: true };

arguments! {
    idempotent: Idempotent,
    idempotency_key: Parameter = key,
    unsent: Word,
    settings: PathTo = PARTNER,
    attempts: Count = 3,
    base: Wait = "100ms",
    factor: Factor = 2.0,
    max: Wait = "10s",
    jitter: Jitter = "full",
    retry_status: Statuses = [429],
    nested: Word,
    budget: Budget = "payment",
    failure_if: PathTo = is_still_pending,
}

/// `idempotent`, or `idempotent = "why"`.
struct Idempotent(Option<String>);

impl Value for Idempotent {
    const WANTS: &'static str = "a word by itself, or the reason in quotes";
}

impl FromMeta for Idempotent {
    fn from_word() -> darling::Result<Self> {
        Ok(Self(None))
    }

    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        wanted(reason(expr)).map(|why| Self(Some(why)))
    }
}

/// `jitter = "full"` and its kin, or a fraction.
#[derive(Clone, Copy, PartialEq)]
enum Jitter {
    None,
    Full,
    Equal,
    Decorrelated,
    Fraction(f64),
}

impl Value for Jitter {
    const WANTS: &'static str = "\"full\", \"equal\", \"decorrelated\", \"none\", or a fraction above 0 and at most 1";
}

impl FromMeta for Jitter {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        wanted(literal(expr).and_then(|lit| match lit {
            Lit::Str(text) => match text.value().as_str() {
                "full" => Some(Self::Full),
                "equal" => Some(Self::Equal),
                "decorrelated" => Some(Self::Decorrelated),
                "none" => Some(Self::None),
                _ => None,
            },
            lit => fraction(lit).map(Self::Fraction),
        }))
    }
}

impl ToTokens for Jitter {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::None => code!(None),
            Self::Full => code!(Full),
            Self::Equal => code!(Equal),
            Self::Decorrelated => code!(Decorrelated),
            Self::Fraction(part) => {
                let part = part.constant();
                code!(Fraction(#part))
            }
        });
    }
}

/// `retry_status = [429]`.
pub(super) struct Statuses(Vec<u16>);

impl Statuses {
    /// `&[429]`.
    pub(super) fn constant(&self) -> TokenStream {
        let statuses = self.0.iter().map(|status| u32::from(*status).constant());
        code!(&[#(#statuses),*])
    }
}

impl Value for Statuses {
    const WANTS: &'static str = "a list of HTTP statuses from 400 to 599";

    fn meant(written: &Expr, usual: &str) -> Option<String> {
        likely_count(written, usual).map(|status| format!("[{status}]"))
    }
}

impl FromMeta for Statuses {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        let status = |status: &Expr| match literal(status)? {
            Lit::Int(number) => number.base10_parse().ok().filter(|status| (400..600).contains(status)),
            _ => None,
        };
        wanted(match ungrouped(expr) {
            Expr::Array(list) => list.elems.iter().map(status).collect::<Option<_>>().map(Self),
            _ => None,
        })
    }
}

/// `budget = "name"` or `budget = none`.
enum Budget {
    Named(Name),
    None,
}

impl Value for Budget {
    const WANTS: &'static str = "the name of a retry budget, or `none`";
}

impl FromMeta for Budget {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        wanted(match ungrouped(expr) {
            Expr::Path(path) if path.path.is_ident("none") => Some(Self::None),
            expr => name(expr).map(|name| Self::Named(Name(name))),
        })
    }
}

pub(crate) struct Retry {
    pub(super) span: Span,
    proof: Proof,
    /// All others.
    pub(super) with: Arguments,
}

enum Proof {
    Idempotent,
    Because(String),
    Key(Ident),
    Unsent,
}

impl Attribute for Retry {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "retry(idempotent, attempts = 3)";
    const HANDLE: Option<Handle> = Some(Handle { local: RETRY, type_name: "Retry" });
    const IN_FUNCTION: &'static [&'static str] = &["idempotency_key", "failure_if"];

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Int(_)).then_some("attempts")
    }

    fn new(mut with: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        let idempotent = with.idempotent.take().map(|idempotent| idempotent.value.0);
        let proof = match (idempotent, with.idempotency_key.take(), with.unsent.take()) {
            (Some(None), None, None) => Proof::Idempotent,
            (Some(Some(reason)), None, None) => Proof::Because(reason),
            (None, Some(key), None) => Proof::Key(key.value.0),
            (None, None, Some(_)) => Proof::Unsent,
            (None, None, None) => {
                if !given.has_any(&PROOFS) {
                    errors.at(
                        given.span,
                        "repeating a call needs proof that it is safe; write one of\n\
                         \x20   #[retry(idempotent)]               reads and overwrites: GET, PUT\n\
                         \x20   #[retry(idempotency_key = key)]    orders, payments: the partner recognises `key: &IdempotencyKey`\n\
                         \x20   #[retry(unsent)]                   any call: repeats only what never reached the partner",
                    );
                }
                return None;
            }
            _ => {
                for second in given.among(&PROOFS).skip(1) {
                    errors.on(
                        second,
                        "one proof is enough, and two contradict each other; keep `idempotent`, `idempotency_key = key` or `unsent`",
                    );
                }
                return None;
            }
        };
        Some(Self { span: given.span, proof, with })
    }

    /// A change to a parameter would leak into the next attempt.
    fn fits(function: &Function, _: Span, errors: &mut Errors) {
        for input in &function.signature.inputs {
            match input {
                // `ref mut name` changes nothing of its own.
                FnArg::Typed(typed) => each_binding(&typed.pat, &mut |binding| {
                    if let PatIdent { by_ref: None, mutability: Some(mutability), ident: name, .. } = binding {
                        errors.on(
                            mutability,
                            format!(
                                "a change to `{name}` would leak into the next attempt; take `{name}` without `mut` and write `let mut {name} = {name}.clone();` in the body"
                            ),
                        );
                    }
                }),
                FnArg::Receiver(this) => {
                    if let Some(mutability) = this.mutability {
                        errors.on(
                            mutability,
                            "a change to `self` would leak into the next attempt; take `&self` and write `let mut this = self.clone();` in the body",
                        );
                    }
                }
            }
        }
    }
}

impl Layer for Retry {
    fn needs(&self, needs: &mut Needs, function: &Function) {
        needs.guards = true;
        needs.lends = true;
        needs.judges = true;
        needs.repeats = matches!(self.proof, Proof::Idempotent | Proof::Because(_));
        needs.proves = !matches!(self.proof, Proof::Unsent);
        if needs.repeats {
            needs.questions.push(UNDER_RETRY);
        }
        needs.remembers = Some(RETRY);
        needs.noted = Some(code!(.under(&mut #RETRY)));
        needs.unbounded = Some(code!((&mut #RETRY).prove));
        if let Proof::Key(_) = self.proof {
            needs.imports.extend(code!(Untold as _,));
        }
        needs.begins.extend(self.key_must_be_used(function));
    }

    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {
        self.key_is_a_parameter_that_is_sent(cx, errors);
    }

    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        let (with, runtime) = (&self.with, cx.runtime);
        let proof = match &self.proof {
            Proof::Idempotent => code!(idempotent()),
            Proof::Because(reason) => code!(idempotent_because(#reason)),
            Proof::Key(_) => code!(idempotency_key()),
            Proof::Unsent => code!(unsent()),
        };
        let [base, max] = [&with.base, &with.max].map(|wait| set(wait.as_ref()));
        let (attempts, factor) = (set(with.attempts.as_ref()), set(with.factor.as_ref()));
        let jitter = with.jitter.as_ref().map(|jitter| code!(.jitter(#runtime::Jitter::#jitter)));
        let statuses = with.retry_status.as_ref().map(|statuses| statuses.constant());
        let statuses = statuses.map(|statuses| code!(.retry_status(#statuses)));
        let nested = with.nested.as_ref().map(|_| code!(.nested()));
        // A budget of its own name, else the sibling breaker's, else the call site's.
        let budget = match (with.budget.as_ref().map(|budget| &budget.value), &cx.needs.breaker) {
            (Some(Budget::None), _) => Some(code!(.no_budget())),
            (Some(Budget::Named(name)), _) => Some(code!(.budget(#name))),
            (None, Some(name)) => Some(code!(.budget(#name))),
            (None, None) => None,
        };
        // Before what is written beside them, which counts.
        let settings = set(with.settings.as_ref());
        Some(code!(#proof #settings #attempts #base #factor #max #jitter #statuses #nested #budget))
    }

    fn exit(&self) -> Option<TokenStream> {
        Some(code!(break))
    }

    fn around(&self, inside: Call, _: &TokenStream, cx: &Context<'_>) -> Call {
        let start = match &self.proof {
            Proof::Key(key) => {
                // The parameter as it is named there: a macro may have written the attribute, and its caller the name.
                let at = key.span();
                let (key, ty) = cx.function.parameter(key).map_or((key, None), |(name, ty)| (name, Some(ty)));
                let key = Ident::new(&key.to_string(), key.span().located_at(at));
                // Under a bulkhead it is taken by value.
                let reference = matches!(ty, Some(Type::Path(_))).then(|| code!(&));
                code!(start_with(#reference #key))
            }
            _ => code!(start()),
        };
        let within = &cx.needs.deadline;
        let verdict = inside.verdict(cx);
        let verdict = cx.failure_if(verdict, self.with.failure_if.as_deref());
        let inside = inside.into_statements();
        let waits = cx.counts().then(|| code!(#DELAY.told_to(&#CALL);));
        // The outcome is gone before the wait: it would be a part of the future, and decide whether that is `Send`.
        let attempts = code! {
            loop {
                let #DELAY = {
                    #inside
                    let ::core::option::Option::Some(#DELAY) = (&mut #RETRY).again(#verdict) else { break #OUTCOME };
                    #waits
                    #DELAY
                };
                #DELAY.await;
            }
        };
        let start = code!(let mut #RETRY = #RETRY.#start #within;);
        match &self.proof {
            Proof::Key(_) => Call::new(code!(#start let #OUTCOME = #attempts;), conclude(cx)),
            _ => Call::new(start, attempts),
        }
    }
}

/// `(&mut retry).conclude(outcome, ..)`: what a keyed call may say at its end. A missing `From<resil::Error>` is reported at the
/// error type.
fn conclude(cx: &Context<'_>) -> TokenStream {
    let (runtime, at) = (cx.runtime, span_of_error(&cx.function.output));
    let outcome = OUTCOME.at(at);
    let why = code!(|#FAILURE| #runtime::__private::Told(#FAILURE).resil_text());
    code_at!(at=> (&mut #RETRY).conclude(#outcome, #why))
}

impl Retry {
    pub(super) fn repeats_what_was_sent(&self) -> bool {
        matches!(self.proof, Proof::Idempotent | Proof::Because(_))
    }

    fn key_is_a_parameter_that_is_sent(&self, cx: &Context<'_>, errors: &mut Errors) {
        let Proof::Key(key) = &self.proof else { return };
        let Some((name, ty)) = cx.function.parameter(key) else {
            errors.on(
                key,
                format!(
                    "the function has no parameter `{key}`; add `{key}: &IdempotencyKey`, made by the caller with `IdempotencyKey::derived(\"order\", id)` or `::random()`"
                ),
            );
            return;
        };
        if names_an_original_key(ty) {
            errors.on(
                ty,
                "this is the key of the call that is asked about, and nothing else goes out under it; write `key: &IdempotencyKey` in `compensate`, and `#[retry(idempotent)]` in `verify`",
            );
            return;
        }
        let is_taken = cx.needs.owns && matches!(ty, Type::Path(_));
        if !is_taken && !is_key_reference(ty) {
            errors.on(
                ty,
                format!(
                    "an idempotency key stays the same in every attempt, so it comes in by reference; write `{key}: &IdempotencyKey`"
                ),
            );
        }
        let body = cx.function.body_tokens();
        if !mentions(body.clone(), key) && !sends_checked(body) {
            errors.at(
                name.span(),
                format!(
                    "the body never sends `{key}`, so every attempt would be a new order; write `.header(\"Idempotency-Key\", {key}.as_str())`, or send with `.checked()`"
                ),
            );
        }
    }

    /// Binds the key anew inside the attempt, so that rustc itself sees whether the body uses it.
    fn key_must_be_used(&self, function: &Function) -> Option<TokenStream> {
        let Proof::Key(key) = &self.proof else { return None };
        let (parameter, _) = function.parameter(key).filter(|_| !sends_checked(function.body_tokens()))?;
        Some(quote!(#[deny(unused_variables)] let #parameter = #parameter;))
    }

    /// The sum of all waits, or the first partial sum that reaches `enough`. Known only without jitter, with which the
    /// deadline ends the attempts at run time, and without a set of settings, which `check()` looks at.
    pub(super) fn waits(&self, enough: Duration) -> Option<Duration> {
        let Arguments { attempts, base, factor, max, jitter, settings: None, .. } = &self.with else { return None };
        jitter.as_ref().filter(|jitter| jitter.value == Jitter::None)?;
        let wait = |wait: &Option<Argument<Wait>>, usual| wait.as_ref().map_or(Some(usual), |wait| wait.known());
        let attempts = attempts.as_ref().map_or(Some(3), |attempts| attempts.known())?;
        let factor = factor.as_ref().map_or(Some(2.0), |factor| factor.known())?;
        let max = wait(max, Duration::from_secs(10))?;
        let mut next = wait(base, Duration::from_millis(100))?.as_secs_f64();
        let mut sum = Duration::ZERO;
        for _ in 1..attempts {
            sum = sum.saturating_add(Duration::try_from_secs_f64(next).unwrap_or(max).min(max));
            if sum >= enough {
                break;
            }
            next *= factor;
        }
        Some(sum)
    }

    /// Where the waits were written.
    pub(super) fn span_of_waits(&self) -> Option<Span> {
        self.with.base.as_ref().or(self.with.max.as_ref()).map(|wait| wait.span())
    }
}

fn is_key_reference(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    let mut inner = &*reference.elem;
    while let Type::Group(group) = inner {
        inner = &group.elem;
    }
    match inner {
        // An alias of another name is rustc's to judge: `start_with` takes `&IdempotencyKey`.
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident != "str" && last.ident != "String"),
        _ => false,
    }
}

/// Whether the body sends through `.checked()`, which applies the key by itself. If that is another method of this name, the
/// key is missed at run time.
fn sends_checked(body: TokenStream) -> bool {
    let tokens: Vec<_> = body.into_iter().collect();
    let is_call = tokens.windows(3).any(|call| match call {
        [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(arguments)] => {
            dot.as_char() == '.' && name == "checked" && arguments.stream().is_empty()
        }
        _ => false,
    });
    let sends = |token| matches!(token, TokenTree::Group(group) if sends_checked(group.stream()));
    is_call || tokens.into_iter().any(sends)
}
