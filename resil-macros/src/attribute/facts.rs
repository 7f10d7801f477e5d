//! What is known of an attribute by its name alone.

use crate::tokens::Local;

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// It says what the function does, in the type of its future, and so is right on a declaration too.
    Mark,
    /// It puts something beside the function.
    Beside,
    /// It guards the call.
    Policy,
}

/// What a call site keeps of an attribute: the local, and the runtime's type. Its static has the local's name.
#[derive(Clone, Copy)]
pub(crate) struct Handle {
    pub(crate) local: Local,
    pub(crate) type_name: &'static str,
}

/// What is known of an attribute by its name alone.
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) can_refuse: bool,
    pub(crate) needs_database: bool,
    pub(crate) handle: Option<Handle>,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) in_function: &'static [&'static str],
}
