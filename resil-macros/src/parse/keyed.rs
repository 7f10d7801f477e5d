use super::Given;
use super::values::{Count, Value};
use crate::diagnostics::{self, Errors};
use crate::model::Keyed;

/// The state for each key that a policy was asked for.
pub(super) fn keyed(key: Option<Value>, max_keys: Option<Count>, given: &Given, errors: &mut Errors) -> Option<Keyed> {
    let max_keys = max_keys.map(|count| count.0);
    match (key, max_keys) {
        (Some(key), max_keys) => Some(Keyed { key: key.0, max_keys }),
        (None, Some(max_keys)) if !given.has("key") => {
            errors.push(diagnostics::pointless_without(max_keys.span(), "max_keys", "key", "tenant.id"));
            None
        }
        (None, _) => None,
    }
}
