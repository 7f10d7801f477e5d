//! `#[derive(Classify)]`: every variant says what it means, none is forgotten.

use crate::diagnostics::{self, Errors};
use crate::paths;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Data, DeriveInput, Fields, Member, Path, Type};

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
    meaning: Option<(Mark, Path)>,
    unsent: Option<Path>,
    runtime: Option<Path>,
    /// A mistake in them is no second mistake for lack of them.
    unread: bool,
}

/// A field that is asked for the verdict.
struct Asked<'a> {
    mark: Mark,
    /// The mark as written.
    path: Path,
    member: Member,
    ty: &'a Type,
}

pub(crate) fn classify(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut marks = Marks::of(&input.attrs, &mut errors);
    let runtime = marks.runtime.take().unwrap_or_else(paths::default_runtime);
    let name = &input.ident;
    let arms: Vec<TokenStream> = match &input.data {
        Data::Enum(data) => data
            .variants
            .iter()
            .filter_map(|variant| {
                let pattern = &variant.ident;
                let marks = Marks::of(&variant.attrs, &mut errors);
                arm(&quote!(Self::#pattern), &variant.ident, marks, &variant.fields, &runtime, &mut errors)
            })
            .collect(),
        Data::Struct(data) => {
            arm(&quote!(Self), name, marks, &data.fields, &runtime, &mut errors).into_iter().collect()
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
    marks: Marks,
    fields: &Fields,
    runtime: &Path,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let before = errors.count();
    let mut asked = asked(fields, errors);
    let unread = marks.unread || errors.count() > before;
    if let Some(second) = asked.get(usize::from(marks.meaning.is_none())) {
        errors.push(diagnostics::two_marks(&second.path));
        return None;
    }
    let (mark, asked) = match (marks.meaning, asked.pop()) {
        (Some((mark @ (Mark::Delegate | Mark::Status), path)), _) => {
            let mut all = fields.iter();
            match (all.next(), all.next()) {
                (Some(only), None) => {
                    let member = member(0, only.ident.as_ref());
                    (mark, Some(Asked { mark, path, member, ty: &only.ty }))
                }
                (None, _) => {
                    errors.push(diagnostics::no_field(&path, name));
                    return None;
                }
                _ => {
                    errors.push(diagnostics::which_field(&path, name));
                    return None;
                }
            }
        }
        (Some((mark, _)), _) => (mark, None),
        (None, Some(asked)) => (asked.mark, Some(asked)),
        (None, None) => {
            if !unread {
                errors.push(diagnostics::unmarked_variant(name));
            }
            return None;
        }
    };
    let field = format_ident!("field", span = Span::mixed_site());
    let (binding, ty) = asked.map(|Asked { member, ty, .. }| (quote!(#member: #field,), ty)).unzip();
    // The field's type is spelled out so that a type that does not know is reported where it stands.
    let verdict = match mark {
        Mark::Transient => quote!(#runtime::Verdict::transient()),
        Mark::Permanent => quote!(#runtime::Verdict::permanent()),
        Mark::Caller => quote!(#runtime::Verdict::caller()),
        Mark::Delegate => quote!(<#ty as #runtime::Classify>::verdict(#field)),
        Mark::Status => quote!(#runtime::Verdict::status(<#ty as #runtime::__private::StatusCode>::code(#field))),
    };
    let unsent = marks.unsent.map(|_| quote!(.unsent()));
    Some(quote!(#pattern { #binding .. } => #verdict #unsent,))
}

/// The fields with a mark of their own.
fn asked<'a>(fields: &'a Fields, errors: &mut Errors) -> Vec<Asked<'a>> {
    let mut asked = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        match Marks::of(&field.attrs, errors).meaning {
            Some((mark @ (Mark::Delegate | Mark::Status), path)) => {
                asked.push(Asked { mark, path, member: member(index, field.ident.as_ref()), ty: &field.ty });
            }
            Some((_, path)) => errors.push(diagnostics::mark_of_a_variant(&path)),
            None => {}
        }
    }
    asked
}

fn member(index: usize, name: Option<&Ident>) -> Member {
    name.cloned().map_or_else(|| Member::from(index), Member::from)
}

impl Marks {
    fn of(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut marks = Self::default();
        let before = errors.count();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("classify")) {
            let mut empty = true;
            let read = attribute.parse_nested_meta(|meta| {
                empty = false;
                marks.read(meta, errors)
            });
            if read.is_err() || (empty && errors.count() == before) {
                errors.push(diagnostics::unreadable_marks(&attribute.meta));
            }
        }
        marks.unread = errors.count() > before;
        if let Some(unsent) = &marks.unsent
            && !marks.unread
            && !matches!(marks.meaning, Some((Mark::Transient, _)))
        {
            errors.push(diagnostics::unsent_needs_transient(unsent));
            marks.unread = true;
        }
        marks
    }

    fn read(&mut self, meta: ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<()> {
        if meta.path.is_ident("unsent") {
            self.unsent = Some(meta.path);
        } else if meta.path.is_ident("crate") {
            self.runtime = Some(meta.value()?.call(Path::parse_mod_style)?);
        } else if let Some((_, mark)) = Mark::ALL.into_iter().find(|(name, _)| meta.path.is_ident(name)) {
            match &self.meaning {
                None => self.meaning = Some((mark, meta.path)),
                Some(_) => errors.push(diagnostics::two_marks(&meta.path)),
            }
        } else {
            errors.push(diagnostics::unknown_mark(&meta.path));
        }
        Ok(())
    }
}
