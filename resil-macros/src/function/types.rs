//! Types as they are written: where messages about them belong, and what they certainly are.

use crate::errors::text;
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{GenericArgument, GenericParam, Lifetime, Path, PathArguments, ReturnType, Type, TypeParamBound};

/// `R` of `-> impl Future<Output = R> + ..`
pub(super) fn future_output(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let Type::ImplTrait(bounds) = &**ty else { return None };
    bounds.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
            _ => None,
        })
    })
}

/// `-> Pin<Box<dyn Future<..>>>`, as `#[async_trait]` writes a declaration.
pub(super) fn is_boxed_future(output: &ReturnType) -> bool {
    fn inside<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
        let Type::Path(path) = ty else { return None };
        let last = path.path.segments.last().filter(|last| last.ident == name)?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => Some(inner),
            _ => None,
        }
    }
    let ReturnType::Type(_, ty) = output else { return false };
    matches!(inside(ty, "Pin").and_then(|pinned| inside(pinned, "Box")), Some(Type::TraitObject(_)))
}

/// What no alias can turn into a `Result`: saves the user rustc's longer way of saying so. Everything else is judged
/// by trait.
pub(super) fn text_of_no_result(output: &Type) -> Option<String> {
    const PRIMITIVE: &[&str] = &[
        "bool", "char", "str", "String", "Vec", "Option", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
        "i32", "i64", "i128", "isize", "f32", "f64",
    ];
    let is_one = match output {
        Type::Tuple(_) | Type::Reference(_) | Type::Array(_) | Type::ImplTrait(_) | Type::Never(_) => true,
        Type::Path(path) => path
            .path
            .get_ident()
            .or_else(|| path.path.segments.last().filter(|_| path.path.segments.len() == 1).map(|last| &last.ident))
            .is_some_and(|ident| PRIMITIVE.iter().any(|name| ident == name)),
        _ => false,
    };
    is_one.then(|| text(output))
}

/// Whether a parameter is `&IdempotencyKey`.
pub(crate) fn names_a_key(ty: &Type) -> bool {
    is_reference_to(ty, "IdempotencyKey")
}

/// Whether a parameter is `&OriginalKey`.
pub(crate) fn names_an_original_key(ty: &Type) -> bool {
    is_reference_to(ty, "OriginalKey")
}

fn is_reference_to(ty: &Type, name: &str) -> bool {
    let Type::Reference(reference) = ty else { return false };
    let Type::Path(path) = &*reference.elem else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == name)
}

/// Where the error type of a `Result` stands, for messages about it.
pub(crate) fn span_of_error(output: &Type) -> Span {
    span_of_name(output, 1)
}

/// Where an argument of a generic type stands: the last name in it.
pub(crate) fn span_of_name(output: &Type, index: usize) -> Span {
    let Type::Path(path) = output else { return output.span() };
    let Some(last) = path.path.segments.last() else { return output.span() };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return last.ident.span() };
    match arguments.args.iter().nth(index) {
        Some(GenericArgument::Type(argument)) => span_of_type(argument),
        _ => last.ident.span(),
    }
}

/// Where the name of a type stands, without what it refers to it by.
pub(crate) fn span_of_type(ty: &Type) -> Span {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or_else(|| ty.span(), |last| last.ident.span()),
        Type::Reference(reference) => span_of_type(&reference.elem),
        _ => ty.span(),
    }
}

/// Whether a type holds a reference or a lifetime other than `'static`. What a function in it takes and gives back is
/// borrowed for as long as that is called.
pub(crate) fn borrows(ty: &Type) -> bool {
    match ty {
        Type::Array(inner) => borrows(&inner.elem),
        Type::Group(inner) => borrows(&inner.elem),
        Type::ImplTrait(inner) => inner.bounds.iter().any(|bound| bound_borrows(bound, &[])),
        Type::Paren(inner) => borrows(&inner.elem),
        Type::Path(path) => path.qself.as_ref().is_some_and(|of| borrows(&of.ty)) || path_borrows(&path.path, &[]),
        Type::Ptr(inner) => borrows(&inner.elem),
        Type::Reference(reference) => {
            reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") || borrows(&reference.elem)
        }
        Type::Slice(inner) => borrows(&inner.elem),
        Type::TraitObject(inner) => inner.bounds.iter().any(|bound| bound_borrows(bound, &[])),
        Type::Tuple(inner) => inner.elems.iter().any(borrows),
        _ => false,
    }
}

/// The same of a bound, in which `for<'a>` names lifetimes of nobody.
fn bound_borrows(bound: &TypeParamBound, free: &[&Lifetime]) -> bool {
    match bound {
        TypeParamBound::Lifetime(lifetime) => is_of_somebody(lifetime, free),
        TypeParamBound::Trait(bound) => {
            let named = bound.lifetimes.iter().flat_map(|lifetimes| &lifetimes.lifetimes);
            let named = named.filter_map(|parameter| match parameter {
                GenericParam::Lifetime(parameter) => Some(&parameter.lifetime),
                _ => None,
            });
            path_borrows(&bound.path, &named.chain(free.iter().copied()).collect::<Vec<_>>())
        }
        _ => false,
    }
}

fn path_borrows(path: &Path, free: &[&Lifetime]) -> bool {
    path.segments.iter().any(|segment| match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().any(|argument| match argument {
            GenericArgument::Lifetime(lifetime) => is_of_somebody(lifetime, free),
            GenericArgument::Type(inner) => borrows(inner),
            GenericArgument::AssocType(assoc) => borrows(&assoc.ty),
            GenericArgument::Constraint(constraint) => constraint.bounds.iter().any(|bound| bound_borrows(bound, free)),
            _ => false,
        }),
        PathArguments::Parenthesized(_) | PathArguments::None => false,
    })
}

fn is_of_somebody(lifetime: &Lifetime, free: &[&Lifetime]) -> bool {
    lifetime.ident != "static" && !free.contains(&lifetime)
}

/// The return type as it can stand in an expression: `impl Trait` becomes `_`.
pub(crate) fn anchored(output: &Type) -> Type {
    let mut output = output.clone();
    infer_opaque(&mut output);
    output
}

fn infer_opaque(ty: &mut Type) {
    match ty {
        Type::ImplTrait(_) => *ty = syn::parse_quote!(_),
        Type::Array(inner) => infer_opaque(&mut inner.elem),
        Type::Group(inner) => infer_opaque(&mut inner.elem),
        Type::Paren(inner) => infer_opaque(&mut inner.elem),
        Type::Ptr(inner) => infer_opaque(&mut inner.elem),
        Type::Reference(inner) => infer_opaque(&mut inner.elem),
        Type::Slice(inner) => infer_opaque(&mut inner.elem),
        Type::Tuple(inner) => inner.elems.iter_mut().for_each(infer_opaque),
        Type::Path(path) => infer_in_path(&mut path.path),
        Type::TraitObject(object) => object.bounds.iter_mut().for_each(|bound| {
            if let TypeParamBound::Trait(bound) = bound {
                infer_in_path(&mut bound.path);
            }
        }),
        _ => {}
    }
}

fn infer_in_path(path: &mut Path) {
    for segment in &mut path.segments {
        let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
        for argument in &mut arguments.args {
            match argument {
                GenericArgument::Type(inner) => infer_opaque(inner),
                GenericArgument::AssocType(assoc) => infer_opaque(&mut assoc.ty),
                _ => {}
            }
        }
    }
}
