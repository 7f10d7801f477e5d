//! Lets the compiler look at each future of a body before it is awaited: `call.await` becomes
//! `call.resil_awaited(|call| call.resil_under_retry()).await`, which leaves nothing at run time.
//!
//! It works on tokens, so it reaches closures, blocks and the arguments of macros alike. What `join!` and `try_join!`
//! await is looked at likewise.

use crate::tokens::{code_at, hygienic};
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token};

/// What a future is asked before it is awaited: nothing, if it carries no mark that forbids it here.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub(crate) method: &'static str,
    /// The trait that the method is of.
    pub(crate) import: &'static str,
    /// Whether it is asked in `resil::after(..)` and `resil::allow(..)` too.
    pub(crate) everywhere: bool,
}

/// The body with every await looked at, and whether there is one.
pub(super) fn looked_at(body: TokenStream, questions: &[Question]) -> (TokenStream, bool) {
    if questions.is_empty() {
        return (body, false);
    }
    let mut look = Look { questions: questions.to_vec(), any: false };
    let tokens = look.through(body);
    (tokens, look.any)
}

struct Look {
    questions: Vec<Question>,
    any: bool,
}

impl Look {
    fn through(&mut self, tokens: TokenStream) -> TokenStream {
        let mut seen: Vec<TokenTree> = Vec::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(dot) if dot.as_char() == '.' && tokens.peek().is_some_and(is_await) => {
                    let look = self.at(named(&seen));
                    seen.extend(look);
                    seen.push(dot.into());
                }
                TokenTree::Group(group) => {
                    let inner = match &seen[..] {
                        seen if joins(seen) => self.each(group.stream()),
                        seen if is_exempt(seen) => self.exempt(group.stream()),
                        _ => self.through(group.stream()),
                    };
                    let mut whole = Group::new(group.delimiter(), inner);
                    whole.set_span(group.span());
                    seen.push(whole.into());
                }
                other => seen.push(other),
            }
        }
        seen.into_iter().collect()
    }

    /// `.resil_awaited(|call| call.resil_under_retry())`, reported at what is awaited.
    fn at(&mut self, span: Span) -> TokenStream {
        self.any = true;
        let questions = self.questions.iter().map(|question| {
            let method = Ident::new(question.method, hygienic().located_at(span));
            code_at!(span=> call.#method())
        });
        match self.questions.len() {
            1 => code_at!(span=> .resil_awaited(|call| #(#questions)*)),
            _ => code_at!(span=> .resil_awaited(|call| { #(#questions;)* })),
        }
    }

    /// What runs after the commit, or is allowed inside: its awaits are not asked everything.
    fn exempt(&mut self, tokens: TokenStream) -> TokenStream {
        let rest = self.questions.iter().copied().filter(|question| question.everywhere).collect();
        let all = std::mem::replace(&mut self.questions, rest);
        let tokens = if self.questions.is_empty() { tokens } else { self.through(tokens) };
        self.questions = all;
        tokens
    }

    /// The arguments of `join!(a, b)` or `join!(biased; a, b)`. What is neither stays as it is.
    fn each(&mut self, arguments: TokenStream) -> TokenStream {
        let Ok(Joined { biased, futures }) = syn::parse2(arguments.clone()) else { return self.through(arguments) };
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

/// Whether a group of arguments follows `join!` or `try_join!`, whichever crate's.
fn joins(seen: &[TokenTree]) -> bool {
    match seen {
        [.., TokenTree::Ident(name), TokenTree::Punct(bang)] => {
            bang.as_char() == '!' && (name == "join" || name == "try_join")
        }
        _ => false,
    }
}

/// Whether the arguments of `resil::after(..)` or `resil::allow(..)` follow; of a method of that name they do not.
fn is_exempt(seen: &[TokenTree]) -> bool {
    let is_ours = |name: &TokenTree| matches!(name, TokenTree::Ident(name) if name == "after" || name == "allow");
    match seen {
        [.., TokenTree::Punct(dot), name] if is_ours(name) => dot.as_char() != '.',
        [.., name] => is_ours(name),
        [] => false,
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
