//! Lets the compiler look at each future of a body before it is awaited: `call.await` becomes
//! `call.resil_awaited(|call| call.resil_under_retry()).await`, which leaves nothing at run time.
//!
//! It works on tokens, so it reaches closures, blocks and the arguments of macros alike, and it looks only where that is
//! certain to be harmless. Elsewhere what is written stays as it is, and the guard at run time is the only one: in a macro
//! that may print its arguments, or understand them as a language of its own; in a module, which sees none of our names; at
//! the parameter of a closure whose type is not known yet. What `join!` and `try_join!` await is looked at likewise.

use crate::tokens::{code_at, hygienic};
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Path, Token};

/// What a future is asked before it is awaited: nothing, if it carries no mark that forbids it here.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub(crate) method: &'static str,
    /// The trait that the method is of.
    pub(crate) import: &'static str,
    /// Whether it is asked in `resil::after(..)` and `resil::allow(..)` too. Whose a bare `after(..)` is, nobody knows here.
    pub(crate) everywhere: bool,
}

/// `.resil_awaited(|call| call.resil_under_retry())`, reported at what is awaited.
pub(crate) fn asked(span: Span, questions: &[Question]) -> TokenStream {
    let all = questions.iter().map(|question| {
        let method = Ident::new(question.method, hygienic().located_at(span));
        code_at!(span=> call.#method())
    });
    match questions {
        [_] => code_at!(span=> .resil_awaited(|call| #(#all)*)),
        _ => code_at!(span=> .resil_awaited(|call| { #(#all;)* })),
    }
}

/// The body with every await looked at, and whether there is one.
pub(super) fn looked_at(body: TokenStream, questions: &[Question], runtime: &Path) -> (TokenStream, bool) {
    if questions.is_empty() {
        return (body, false);
    }
    let mut look = Look { questions: questions.to_vec(), runtime, untyped: Vec::new(), any: false };
    let tokens = look.through(body);
    (tokens, look.any)
}

struct Look<'a> {
    questions: Vec<Question>,
    runtime: &'a Path,
    /// Parameters of closures around, without a type.
    untyped: Vec<Ident>,
    any: bool,
}

impl Look<'_> {
    fn through(&mut self, tokens: TokenStream) -> TokenStream {
        let outside = self.untyped.len();
        let mut seen: Vec<TokenTree> = Vec::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(dot) if dot.as_char() == '.' && tokens.peek().is_some_and(is_await) => {
                    if !is_one_of(&self.untyped, &seen) {
                        let look = self.at(named(&seen));
                        seen.extend(look);
                    }
                    seen.push(dot.into());
                }
                TokenTree::Punct(bar) if bar.as_char() == '|' && begins_closure(&seen) => {
                    seen.push(bar.into());
                    let is_bar = |token: &TokenTree| matches!(token, TokenTree::Punct(bar) if bar.as_char() == '|');
                    if let Some(end) = tokens.clone().position(|token| is_bar(&token)) {
                        let parameters: Vec<_> = tokens.by_ref().take(end).collect();
                        without_type(&parameters, &mut self.untyped);
                        seen.extend(parameters.into_iter().chain(tokens.next()));
                    }
                }
                TokenTree::Punct(end) if matches!(end.as_char(), ',' | ';') => {
                    self.untyped.truncate(outside);
                    seen.push(end.into());
                }
                TokenTree::Group(group) => {
                    let inner = match before(&seen, self.runtime) {
                        Before::Joined => self.each(group.stream()),
                        Before::Exempt => self.exempt(group.stream()),
                        Before::Code => self.through(group.stream()),
                        Before::Foreign => group.stream(),
                    };
                    let mut whole = Group::new(group.delimiter(), inner);
                    whole.set_span(group.span());
                    seen.push(whole.into());
                }
                other => seen.push(other),
            }
        }
        self.untyped.truncate(outside);
        seen.into_iter().collect()
    }

    fn at(&mut self, span: Span) -> TokenStream {
        self.any = true;
        asked(span, &self.questions)
    }

    /// What runs after the commit, or is allowed inside: its awaits are not asked everything.
    fn exempt(&mut self, tokens: TokenStream) -> TokenStream {
        let rest = self.questions.iter().copied().filter(|question| question.everywhere).collect();
        let all = std::mem::replace(&mut self.questions, rest);
        let tokens = if self.questions.is_empty() { tokens } else { self.through(tokens) };
        self.questions = all;
        tokens
    }

    /// The arguments of `join!(a, b)` or `join!(biased; a, b)`. What is neither, or joins no futures, stays as it is.
    fn each(&mut self, arguments: TokenStream) -> TokenStream {
        let Ok(Joined { biased, futures }) = syn::parse2(arguments.clone()) else {
            return arguments;
        };
        if futures.iter().any(|future| matches!(future, Expr::Lit(_))) {
            return arguments;
        }
        let mut all = biased.unwrap_or_default();
        for pair in futures.into_pairs() {
            let (future, comma) = pair.into_tuple();
            all.extend(self.argument(&mut future.into_token_stream().into_iter().collect()));
            all.extend(comma.into_token_stream());
        }
        all
    }

    fn argument(&mut self, one: &mut Vec<TokenTree>) -> TokenStream {
        if one.is_empty() {
            return TokenStream::new();
        }
        let look = self.at(named(one));
        let argument = self.through(one.drain(..).collect());
        let mut whole = TokenTree::from(Group::new(Delimiter::Parenthesis, argument));
        whole.set_span(hygienic());
        TokenStream::from_iter([whole]).into_iter().chain(look).collect()
    }
}

/// The arguments of `join!`.
struct Joined {
    /// `biased;`
    biased: Option<TokenStream>,
    futures: Punctuated<Expr, Token![,]>,
}

impl Parse for Joined {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let is_biased = input.peek(Ident) && input.peek2(Token![;]);
        let biased = is_biased.then(|| {
            let (name, end): (Ident, Token![;]) = (input.parse()?, input.parse()?);
            syn::Result::Ok(quote!(#name #end))
        });
        Ok(Self { biased: biased.transpose()?, futures: Punctuated::parse_terminated(input)? })
    }
}

fn is_await(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(name) if name == "await")
}

/// What a group of tokens is, by what stands before it.
enum Before {
    /// Code, as it stands.
    Code,
    /// The arguments of `join!` or `try_join!`, whichever crate's.
    Joined,
    /// The arguments of `resil::after(..)` or `resil::allow(..)`.
    Exempt,
    /// What only others understand.
    Foreign,
}

fn before(seen: &[TokenTree], runtime: &Path) -> Before {
    match seen {
        [.., TokenTree::Ident(name), TokenTree::Punct(bang)] if bang.as_char() == '!' => of_macro(&name.to_string()),
        // `macro_rules! name { .. }`
        [.., TokenTree::Punct(bang), TokenTree::Ident(_)] if bang.as_char() == '!' => Before::Foreign,
        [.., TokenTree::Ident(word), TokenTree::Ident(_)] if word == "mod" => Before::Foreign,
        _ if is_exempt(seen, runtime) => Before::Exempt,
        _ => Before::Code,
    }
}

/// Whether `resil::after` or `resil::allow` stands at the end.
fn is_exempt(seen: &[TokenTree], runtime: &Path) -> bool {
    let (mut path, mut before) = (Vec::new(), seen);
    while let [rest @ .., TokenTree::Ident(name)] = before {
        path.insert(0, name.to_string());
        match rest {
            [rest @ .., TokenTree::Punct(one), TokenTree::Punct(two)]
                if one.as_char() == ':' && two.as_char() == ':' =>
            {
                before = rest;
            }
            _ => break,
        }
    }
    let Some((name, of)) = path.split_last() else { return false };
    let is_runtime = || runtime.segments.iter().map(|segment| segment.ident.to_string()).eq(of.iter().cloned());
    (name == "after" || name == "allow") && (of == ["resil"] || is_runtime())
}

/// Macros that evaluate their arguments as they stand, and print only what they are worth.
const TRANSPARENT: &[&str] = &[
    "anyhow",
    "assert_eq",
    "assert_ne",
    "bail",
    "debug",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "error",
    "format",
    "format_args",
    "info",
    "matches",
    "panic",
    "pin",
    "print",
    "println",
    "ready",
    "select",
    "trace",
    "vec",
    "warn",
    "write",
    "writeln",
];

fn of_macro(name: &str) -> Before {
    match name {
        "join" | "try_join" => Before::Joined,
        // `if !(..)` is no macro.
        "if" | "while" | "match" | "return" | "in" | "break" | "else" => Before::Code,
        name if TRANSPARENT.contains(&name) => Before::Code,
        _ => Before::Foreign,
    }
}

/// Whether a bar begins the parameters of a closure, and is no operator.
fn begins_closure(seen: &[TokenTree]) -> bool {
    match seen.last() {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() != '?',
        Some(TokenTree::Ident(word)) => {
            ["move", "async", "return", "break", "else", "in", "static"].iter().any(|one| word == one)
        }
        Some(_) => false,
    }
}

/// The names among parameters that no type is written for.
fn without_type(parameters: &[TokenTree], names: &mut Vec<Ident>) {
    let mut tokens = parameters.iter().peekable();
    let mut is_typed = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) => is_typed = (is_typed || punct.as_char() == ':') && punct.as_char() != ',',
            TokenTree::Ident(name) => {
                let has_type = matches!(tokens.peek(), Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
                names.extend((!is_typed && !has_type).then(|| name.clone()));
            }
            TokenTree::Group(group) if !is_typed => {
                let has_type = matches!(tokens.peek(), Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
                if !has_type {
                    without_type(&group.stream().into_iter().collect::<Vec<_>>(), names);
                }
            }
            _ => {}
        }
    }
}

/// Whether what is awaited is one of these names, and nothing more.
fn is_one_of(names: &[Ident], seen: &[TokenTree]) -> bool {
    match seen {
        [.., TokenTree::Punct(punct), TokenTree::Ident(_)] if matches!(punct.as_char(), '.' | ':') => false,
        [.., TokenTree::Ident(name)] => names.contains(name),
        _ => false,
    }
}

/// Where the name of what is awaited stands: `charge` of `bank.charge(order)`, else its last token.
fn named(seen: &[TokenTree]) -> Span {
    match seen {
        [.., TokenTree::Ident(name), TokenTree::Group(arguments)]
            if arguments.delimiter() == Delimiter::Parenthesis =>
        {
            name.span()
        }
        [.., last] => last.span(),
        [] => hygienic(),
    }
}

#[cfg(test)]
mod tests;
