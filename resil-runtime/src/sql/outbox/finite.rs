//! Looks for numbers that JSON has no form for: serde writes them as `null`, and whoever reads that finds nothing.

use serde::ser::{self, Serialize, Serializer};
use std::fmt;

/// Whether all numbers of a value are finite. What else is wrong with it, whoever writes it will say.
pub(super) fn is_finite(value: &(impl Serialize + ?Sized)) -> bool {
    !matches!(value.serialize(Finite), Err(NoForm::Infinite))
}

#[derive(Debug)]
enum NoForm {
    /// NaN, or an infinite number.
    Infinite,
    Else,
}

impl fmt::Display for NoForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value has no JSON form")
    }
}

impl std::error::Error for NoForm {}

impl ser::Error for NoForm {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Else
    }
}

/// Writes nothing.
#[derive(Clone, Copy)]
struct Finite;

macro_rules! nothing_in {
    ($($name:ident($($type:ty),*);)*) => {
        $(fn $name(self, $(_: $type),*) -> Result<(), NoForm> { Ok(()) })*
    };
}

macro_rules! float {
    ($($name:ident($type:ty);)*) => {
        $(fn $name(self, number: $type) -> Result<(), NoForm> {
            if number.is_finite() { Ok(()) } else { Err(NoForm::Infinite) }
        })*
    };
}

impl Serializer for Finite {
    type Ok = ();
    type Error = NoForm;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing_in! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }
    float! {
        serialize_f32(f32);
        serialize_f64(f64);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NoForm> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), NoForm> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), NoForm> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, NoForm> {
        Ok(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), NoForm> {
        Ok(())
    }
}

macro_rules! parts {
    ($($trait:ident { $name:ident($($key:ty)?) })*) => {
        $(impl ser::$trait for Finite {
            type Ok = ();
            type Error = NoForm;

            fn $name<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), NoForm> {
                value.serialize(*self)
            }

            fn end(self) -> Result<(), NoForm> {
                Ok(())
            }
        })*
    };
}
parts! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeStruct { serialize_field(&'static str) }
    SerializeStructVariant { serialize_field(&'static str) }
}

impl ser::SerializeMap for Finite {
    type Ok = ();
    type Error = NoForm;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoForm> {
        key.serialize(*self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoForm> {
        value.serialize(*self)
    }

    fn end(self) -> Result<(), NoForm> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(serde::Serialize)]
    enum Shape {
        Unit,
        New(f64),
        Tuple(u8, f32),
        Named { at: Option<f64> },
    }

    #[test]
    fn a_number_is_found_wherever_it_is() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!is_finite(&bad));
            assert!(!is_finite(&vec![1.0, bad]));
            assert!(!is_finite(&(1, Some(bad))));
            assert!(!is_finite(&BTreeMap::from([("a", bad)])));
            assert!(!is_finite(&Shape::New(bad)));
            assert!(!is_finite(&Shape::Named { at: Some(bad) }));
        }
        assert!(!is_finite(&Shape::Tuple(1, f32::NAN)));
        let good = [Shape::Unit, Shape::New(0.5), Shape::Tuple(1, 2.0), Shape::Named { at: None }];
        assert!(is_finite(&good[..]) && is_finite("NaN") && is_finite(&BTreeMap::from([((1, 2), 3)])));
    }
}
