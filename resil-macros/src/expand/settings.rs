//! Values of the model as the constants an expansion writes.

use super::hygienic;
use crate::model::Setting;
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote_spanned};
use std::time::Duration;

/// `.name(value)` for a setting that was written.
pub(super) fn set<T: Copy>(
    name: &str,
    setting: Option<&Setting<T>>,
    value: impl FnOnce(T) -> TokenStream,
) -> TokenStream {
    let Some(setting) = setting else { return TokenStream::new() };
    let name = proc_macro2::Ident::new(name, hygienic());
    let value = constant(setting, value);
    quote_spanned!(hygienic()=> .#name(#value))
}

pub(super) fn constant<T: Copy>(setting: &Setting<T>, value: impl FnOnce(T) -> TokenStream) -> TokenStream {
    match setting {
        Setting::Known(known, _) => value(*known),
        Setting::Constant(expr) => expr.to_token_stream(),
    }
}

/// `Duration::from_secs(5)`, in the largest unit that holds it exactly.
pub(super) fn duration(duration: Duration) -> TokenStream {
    let path = quote_spanned!(hygienic()=> ::core::time::Duration);
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if nanos == 0 {
        let seconds = Literal::u64_unsuffixed(seconds);
        return quote_spanned!(hygienic()=> #path::from_secs(#seconds));
    }
    match u64::try_from(duration.as_micros()) {
        Ok(micros) if nanos.is_multiple_of(1_000_000) => {
            let millis = Literal::u64_unsuffixed(micros / 1_000);
            quote_spanned!(hygienic()=> #path::from_millis(#millis))
        }
        _ => {
            let (seconds, nanos) = (Literal::u64_unsuffixed(seconds), Literal::u32_unsuffixed(nanos));
            quote_spanned!(hygienic()=> #path::new(#seconds, #nanos))
        }
    }
}

pub(super) fn whole(number: u32) -> TokenStream {
    Literal::u32_unsuffixed(number).to_token_stream()
}

pub(super) fn fraction(number: f64) -> TokenStream {
    Literal::f64_unsuffixed(number).to_token_stream()
}
