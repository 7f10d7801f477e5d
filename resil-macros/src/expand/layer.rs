//! What an attribute does to the function under it.

use super::call::Call;
use super::context::{Context, Needs};
use super::keyed::Keyed;
use super::marks::Mark;
use crate::attribute::facts::Facts;
use crate::errors::Errors;
use crate::function::Function;
use proc_macro2::TokenStream;

/// What an attribute does to the function under it. Only `around` is a layer in the narrow sense; each has a default
/// that does nothing.
#[expect(unused_variables, reason = "defaults")]
pub(crate) trait Layer {
    /// What it asks of others: gathered from all attributes before anything is checked or written.
    fn needs(&self, needs: &mut Needs, function: &Function) {}

    /// Rules about its arguments and the function.
    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {}

    /// What the future says in its type.
    fn mark(&self) -> Option<&dyn Mark> {
        None
    }

    /// The constant expression that makes its handle, after the type's name.
    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        None
    }

    /// What has a state of its own.
    fn keyed(&self) -> Option<&Keyed> {
        None
    }

    /// What stands before everything else.
    fn first(&self, cx: &Context<'_>) -> Option<TokenStream> {
        None
    }

    /// The body that becomes the attempt, with what this attribute puts around it there.
    fn within(&self, body: TokenStream, capture: Option<&TokenStream>, cx: &Context<'_>) -> TokenStream {
        body
    }

    /// How what is inside leaves this layer with an outcome of its own, if it cannot just go on outwards.
    fn exit(&self) -> Option<TokenStream> {
        None
    }

    /// Whether it may refuse what is inside, through the nearest `exit` around it.
    fn admits(&self) -> bool {
        false
    }

    /// What is inside, with this attribute around it.
    fn around(&self, inside: Call, exit: &TokenStream, cx: &Context<'_>) -> Call {
        inside
    }

    /// Items beside the function.
    fn beside(&self, cx: &Context<'_>) -> Option<TokenStream> {
        None
    }
}

/// The attributes of one function, outermost first.
pub(crate) type Layers<'a> = Vec<(&'static Facts, &'a dyn Layer)>;
