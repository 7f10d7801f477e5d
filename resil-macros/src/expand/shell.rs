//! Puts the new statements back where the body was.

use super::marks::Marks;
use crate::function::{Function, Shell};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Expr;

pub(super) fn around(function: Function, marks: &Marks<'_>, statements: &TokenStream) -> TokenStream {
    if !marks.marks.is_empty() {
        return marks.around(&function, statements);
    }
    let Function { attributes, signature, head, shell, .. } = function;
    let block = match shell {
        Shell::Declaration => quote!(;),
        Shell::AsyncFn => quote!({ #statements }),
        Shell::ImplFuture { before, capture } => quote!({ #(#before)* async #capture { #statements } }),
        Shell::AsyncTrait { before, mut pin, mut inner, after, mut ret } => {
            if let Some(init) = &mut ret.init {
                *init.expr = Expr::Verbatim(quote!({ #statements }));
            }
            inner.push(syn::Stmt::Local(*ret));
            inner.extend(after);
            if let Expr::Call(call) = &mut *pin
                && let Some(Expr::Async(block)) = call.args.first_mut()
            {
                block.block.stmts = inner;
            }
            quote!({ #(#before)* #pin })
        }
    };
    quote!(#(#attributes)* #head #signature #block)
}
