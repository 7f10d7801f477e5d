//! `#[derive(Classify)]`: every variant says what it means, none is forgotten.

use crate::diagnostics::{self, Errors};
use crate::paths;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Data, DeriveInput, Fields, Member, Path};

/// What a variant means.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Transient,
    Permanent,
    Caller,
    Delegate,
    Status,
}

impl Mark {
    const ALL: [(&'static str, Self); 5] = [
        ("transient", Self::Transient),
        ("permanent", Self::Permanent),
        ("caller", Self::Caller),
        ("delegate", Self::Delegate),
        ("status", Self::Status),
    ];
}

/// The `#[classify(..)]` attributes of one item, read.
#[derive(Default)]
struct Marks {
    mark: Option<Mark>,
    unsent: bool,
    runtime: Option<Path>,
}

pub(crate) fn classify(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let runtime = marks(&input.attrs, &mut errors).runtime.unwrap_or_else(paths::default_runtime);
    let name = &input.ident;
    let arms: Vec<TokenStream> = match &input.data {
        Data::Enum(data) => data
            .variants
            .iter()
            .filter_map(|variant| {
                let pattern = &variant.ident;
                arm(&quote!(Self::#pattern), &variant.ident, &variant.attrs, &variant.fields, &runtime, &mut errors)
            })
            .collect(),
        Data::Struct(data) => {
            arm(&quote!(Self), name, &input.attrs, &data.fields, &runtime, &mut errors).into_iter().collect()
        }
        Data::Union(_) => {
            errors.push(diagnostics::classify_not_an_enum(name.span()));
            Vec::new()
        }
    };
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    // A mistake still leaves an implementation behind, so that it is the only error.
    let body = match errors.any() {
        true => quote!(::core::unreachable!()),
        false if arms.is_empty() => quote!(match *self {}),
        false => quote!(match self { #(#arms)* }),
    };
    let errors = errors.to_compile_errors();
    quote! {
        #errors
        #[automatically_derived]
        impl #generics #runtime::Classify for #name #arguments #bounds {
            fn verdict(&self) -> #runtime::Verdict {
                #body
            }
        }
    }
}

/// `Self::Variant { field, .. } => verdict,`
fn arm(
    pattern: &TokenStream,
    name: &Ident,
    attributes: &[Attribute],
    fields: &Fields,
    runtime: &Path,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let marks = marks(attributes, errors);
    let mut marked_fields = fields.iter().enumerate().filter_map(|(index, field)| {
        let mark = self::marks(&field.attrs, errors).mark?;
        Some((mark, member(index, field.ident.as_ref())))
    });
    let of_field = marked_fields.next();
    if let Some((_, second)) = marked_fields.next() {
        errors.push(diagnostics::two_marks(second.to_token_stream()));
        return None;
    }
    drop(marked_fields);
    let (mark, asked) = match (marks.mark, of_field) {
        (Some(mark @ (Mark::Delegate | Mark::Status)), None) => {
            let mut all = fields.iter();
            match (all.next(), all.next()) {
                (Some(only), None) => (mark, Some(member(0, only.ident.as_ref()))),
                _ => {
                    let text = if mark == Mark::Status { "status" } else { "delegate" };
                    errors.push(diagnostics::which_field(name, text));
                    return None;
                }
            }
        }
        (Some(mark), None) => (mark, None),
        (None, Some((mark, member))) => (mark, Some(member)),
        (Some(_), Some((_, member))) => {
            errors.push(diagnostics::two_marks(member.to_token_stream()));
            return None;
        }
        (None, None) => {
            if !errors.any() {
                errors.push(diagnostics::unmarked_variant(name));
            }
            return None;
        }
    };
    let field = format_ident!("field", span = Span::mixed_site());
    let binding = asked.map(|member| quote!(#member: #field,));
    let verdict = match mark {
        Mark::Transient => quote!(#runtime::Verdict::transient()),
        Mark::Permanent => quote!(#runtime::Verdict::permanent()),
        Mark::Caller => quote!(#runtime::Verdict::caller()),
        Mark::Delegate => quote!(#runtime::Classify::verdict(#field)),
        Mark::Status => quote!(#runtime::__private::status(#field)),
    };
    let unsent = marks.unsent.then(|| quote!(.unsent()));
    Some(quote!(#pattern { #binding .. } => #verdict #unsent,))
}

fn member(index: usize, name: Option<&Ident>) -> Member {
    name.cloned().map_or_else(|| Member::from(index), Member::from)
}

fn marks(attributes: &[Attribute], errors: &mut Errors) -> Marks {
    let mut marks = Marks::default();
    let mut unsent_at = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("classify")) {
        let read = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("unsent") {
                marks.unsent = true;
                unsent_at = Some(meta.path);
            } else if meta.path.is_ident("crate") {
                marks.runtime = Some(meta.value()?.call(Path::parse_mod_style)?);
            } else {
                one(&meta, &mut marks)?;
            }
            Ok(())
        });
        errors.take(read);
    }
    if let Some(path) = unsent_at
        && marks.mark != Some(Mark::Transient)
        && !errors.any()
    {
        errors.push(diagnostics::unsent_needs_transient(path));
    }
    marks
}

fn one(meta: &ParseNestedMeta<'_>, marks: &mut Marks) -> syn::Result<()> {
    let Some((_, mark)) = Mark::ALL.into_iter().find(|(name, _)| meta.path.is_ident(name)) else {
        return Err(diagnostics::unknown_mark(&meta.path));
    };
    match marks.mark.replace(mark) {
        None => Ok(()),
        Some(_) => Err(diagnostics::two_marks(&meta.path)),
    }
}
