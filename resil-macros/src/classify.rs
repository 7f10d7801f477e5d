//! `#[derive(Classify)]`: every variant says what it means, none is forgotten. `darling` takes the type apart.

use crate::errors::{Errors, text};
use crate::paths;
use darling::ast::{Data, Fields, NestedMeta};
use darling::{FromDeriveInput, FromField, FromVariant};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, DeriveInput, Expr, Member, Meta, Path, Type};

#[derive(FromDeriveInput)]
#[darling(forward_attrs(classify))]
struct Classified {
    data: Data<Variant, Field>,
    #[darling(with = Helper::read)]
    attrs: Helper,
}

#[derive(FromVariant)]
#[darling(forward_attrs(classify))]
struct Variant {
    ident: Ident,
    fields: Fields<Field>,
    #[darling(with = Helper::read)]
    attrs: Helper,
}

#[derive(FromField)]
#[darling(forward_attrs(classify))]
struct Field {
    ident: Option<Ident>,
    ty: Type,
    #[darling(with = Helper::read)]
    attrs: Helper,
}

/// What a variant means.
#[derive(Clone, Copy)]
enum Meaning {
    Transient,
    Permanent,
    Caller,
    Delegate,
    Status,
}

impl Meaning {
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
struct Helper {
    meaning: Option<(Meaning, Path)>,
    unsent: Option<Path>,
    conclusive: Option<Path>,
    runtime: Option<Path>,
    /// Kept with what was read, so that a mistake is no second mistake for lack of it.
    mistakes: Errors,
}

pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let (name, mut errors) = (&input.ident, Errors::default());
    let mut runtime = paths::default_runtime();
    let mut arms: Vec<Arm> = Vec::new();
    match (Classified::from_derive_input(&input), &input.data) {
        (_, syn::Data::Union(_)) => errors.at(
            name.span(),
            "`Classify` is derived for enums and structs; write `impl resil::Classify for ..` by hand for this one",
        ),
        (Err(error), _) => errors.push(error.into()),
        (Ok(Classified { data, attrs: mut marks }), _) => {
            runtime = marks.runtime.take().unwrap_or(runtime);
            match data {
                Data::Enum(variants) => {
                    errors.append(marks.mistakes);
                    for Variant { ident, fields, attrs } in variants {
                        arms.extend(arm(&quote!(Self::#ident), &ident, attrs, fields, &runtime, &mut errors));
                    }
                }
                Data::Struct(fields) => arms.extend(arm(&quote!(Self), name, marks, fields, &runtime, &mut errors)),
            }
        }
    }
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    // A mistake still leaves an implementation behind, so that it is the only error.
    let body = match errors.any() {
        true => quote!(::core::unreachable!()),
        false if arms.is_empty() => quote!(match *self {}),
        false => {
            let verdicts = arms.iter().map(|arm| &arm.verdict);
            quote!(match self { #(#verdicts)* })
        }
    };
    let refusals: Vec<_> = arms.iter().filter_map(|arm| arm.refuses.as_ref()).collect();
    let is_refusal = (!errors.any() && !refusals.is_empty()).then(|| {
        quote! {
            fn is_refusal(&self) -> bool {
                ::core::matches!(self, #(#refusals)|*)
            }
        }
    });
    errors.beside(quote! {
        #[automatically_derived]
        impl #generics #runtime::Classify for #name #arguments #bounds {
            fn verdict(&self) -> #runtime::Verdict {
                #body
            }

            #is_refusal
        }
    })
}

/// What is said of one variant.
struct Arm {
    /// `Self::Variant { field, .. } => verdict,`
    verdict: TokenStream,
    /// Its pattern, if it refuses by itself.
    refuses: Option<TokenStream>,
}

fn arm(
    pattern: &TokenStream,
    name: &Ident,
    marks: Helper,
    fields: Fields<Field>,
    runtime: &Path,
    errors: &mut Errors,
) -> Option<Arm> {
    let before = errors.count();
    errors.append(marks.mistakes);
    let (all, only) = (fields.len(), fields.fields.first().map(|field| (field.member(0), field.ty.clone())));
    let mut asked = asked(fields, errors);
    let unread = errors.count() > before;
    if let Some((_, second, ..)) = asked.get(usize::from(marks.meaning.is_none())) {
        two_marks(second, errors);
        return None;
    }
    let (mark, field) = match (marks.meaning, asked.pop()) {
        (Some((mark @ (Meaning::Delegate | Meaning::Status), path)), _) => match (only, all) {
            (Some(only), 1) => (mark, Some(only)),
            (only, _) => {
                let written = text(&path);
                errors.on(&path, match only {
                    None => format!(
                        "`{written}` asks a field, and `{name}` has none; write `#[classify(transient)]`, `#[classify(permanent)]` or `#[classify(caller)]`"
                    ),
                    Some(_) => format!(
                        "`{name}` has more than one field to ask; write `#[classify({written})]` above the one that knows"
                    ),
                });
                return None;
            }
        },
        (Some((mark, _)), _) => (mark, None),
        (None, Some((mark, _, member, ty))) => (mark, Some((member, ty))),
        (None, None) => {
            if !unread {
                errors.on(name, format!(
                    "`{name}` does not say what it means; write `#[classify(transient)]`, `#[classify(permanent)]`, `#[classify(caller)]`, `#[classify(delegate)]` or `#[classify(status)]` above it"
                ));
            }
            return None;
        }
    };
    let local = format_ident!("field", span = Span::mixed_site());
    let (binding, ty) = field.map(|(member, ty)| (quote!(#member: #local,), ty)).unzip();
    // The field's type is spelled out so that a type that does not know is reported where it stands.
    let verdict = match mark {
        Meaning::Transient => quote!(#runtime::Verdict::transient()),
        Meaning::Permanent => quote!(#runtime::Verdict::permanent()),
        Meaning::Caller => quote!(#runtime::Verdict::caller()),
        Meaning::Delegate => quote!(<#ty as #runtime::Classify>::verdict(#local)),
        Meaning::Status => quote!(#runtime::Verdict::status(<#ty as #runtime::__private::StatusCode>::code(#local))),
    };
    let unsent = marks.unsent.map(|_| quote!(.unsent()));
    let conclusive = marks.conclusive.map(|_| quote!(.conclusive()));
    let refuses = matches!(mark, Meaning::Caller).then(|| quote!(#pattern { .. }));
    Some(Arm { verdict: quote!(#pattern { #binding .. } => #verdict #unsent #conclusive,), refuses })
}

/// The fields with a mark of their own: they are asked for the verdict.
fn asked(fields: Fields<Field>, errors: &mut Errors) -> Vec<(Meaning, Path, Member, Type)> {
    let mut asked = Vec::new();
    for (index, field) in fields.into_iter().enumerate() {
        let member = field.member(index);
        errors.append(field.attrs.mistakes);
        match field.attrs.meaning {
            Some((mark @ (Meaning::Delegate | Meaning::Status), path)) => asked.push((mark, path, member, field.ty)),
            Some((_, path)) => {
                let written = text(&path);
                errors.on(
                    &path,
                    format!(
                        "`{written}` is a mark of the whole variant; write `#[classify({written})]` above the variant"
                    ),
                );
            }
            None => {}
        }
    }
    asked
}

fn two_marks(second: &Path, errors: &mut Errors) {
    errors
        .on(second, "a variant means one thing; keep one of `transient`, `permanent`, `caller`, `delegate`, `status`");
}

impl Field {
    fn member(&self, index: usize) -> Member {
        self.ident.clone().map_or_else(|| Member::from(index), Member::from)
    }
}

impl Helper {
    #[expect(clippy::unnecessary_wraps, reason = "as darling calls it")]
    fn read(attributes: Vec<Attribute>) -> darling::Result<Self> {
        let mut marks = Self::default();
        for attribute in attributes {
            if !marks.accept(&attribute.meta) {
                marks.mistakes.on(&attribute.meta, "marks go in parentheses, as words; write `#[classify(transient)]`");
            }
        }
        if let Some(unsent) = &marks.unsent
            && !marks.mistakes.any()
            && !matches!(marks.meaning, Some((Meaning::Transient, _)))
        {
            let message =
                "`unsent` adds to `transient` and says nothing without it; write `#[classify(transient, unsent)]`";
            marks.mistakes.on(unsent, message);
        }
        if let Some(conclusive) = &marks.conclusive
            && !marks.mistakes.any()
            && !matches!(marks.meaning, Some((Meaning::Caller, _)))
        {
            let message =
                "`conclusive` adds to `caller` and says nothing without it; write `#[classify(caller, conclusive)]`";
            marks.mistakes.on(conclusive, message);
        }
        Ok(marks)
    }

    /// Takes the marks of one attribute; `false` if it has none, or something else.
    fn accept(&mut self, meta: &Meta) -> bool {
        let Meta::List(list) = meta else { return false };
        let items = NestedMeta::parse_meta_list(list.tokens.clone()).unwrap_or_default();
        !items.is_empty()
            && items.into_iter().all(|item| match item {
                NestedMeta::Meta(Meta::Path(mark)) => {
                    self.mark(mark);
                    true
                }
                NestedMeta::Meta(Meta::NameValue(pair)) if pair.path.is_ident("crate") => {
                    if let Expr::Path(path) = pair.value {
                        self.runtime = Some(path.path);
                    }
                    self.runtime.is_some()
                }
                _ => false,
            })
    }

    fn mark(&mut self, written: Path) {
        if written.is_ident("unsent") {
            self.unsent = Some(written);
        } else if written.is_ident("conclusive") {
            self.conclusive = Some(written);
        } else if let Some((_, mark)) = Meaning::ALL.into_iter().find(|(name, _)| written.is_ident(name)) {
            match &self.meaning {
                None => self.meaning = Some((mark, written)),
                Some(_) => two_marks(&written, &mut self.mistakes),
            }
        } else {
            let name = text(&written);
            self.mistakes.on(
                &written,
                format!(
                    "`{name}` is not a mark; write `transient`, `permanent`, `caller`, `delegate` or `status`, `unsent` beside `transient` where nothing was sent, and `conclusive` beside `caller` where it is said for good"
                ),
            );
        }
    }
}
