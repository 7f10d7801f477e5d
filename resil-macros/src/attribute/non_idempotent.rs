//! `#[non_idempotent]`: what must not be repeated does not compile under a retry.

use super::about::Attribute;
use super::facts::Place;
use crate::errors::Errors;
use crate::expand::{Layer, Mark};
use crate::read::{Given, arguments};

arguments! {}

pub(crate) struct NonIdempotent;

impl Attribute for NonIdempotent {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "non_idempotent";
    const PLACE: Place = Place::Mark;
    const CAN_REFUSE: bool = false;

    fn new(_: Arguments, _: &Given, _: &mut Errors) -> Option<Self> {
        Some(Self)
    }
}

impl Layer for NonIdempotent {
    fn mark(&self) -> Option<&dyn Mark> {
        Some(self)
    }
}

impl Mark for NonIdempotent {
    fn type_name(&self) -> &'static str {
        "NonIdempotent"
    }
}
