use super::Fallback;
use crate::clock::{self, Nanos};
use crate::registry::{Shared, Written};
use crate::sync::{Mutex, lock};
use crate::{Classify, Failure, Site};
use std::any::{Any, type_name};
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

/// A value that `#[fallback(stale = ..)]` can keep.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as the last good value",
    label = "kept after the call and given out again: `Clone + Send + Sync + 'static`",
    note = "put `#[derive(Clone)]` on it, or return an `Arc` of it"
)]
pub trait Keepable: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Keepable for T {}

/// The last good values of one call site.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<HashMap<Whose, Remembered>>);

/// Whose value it is, and of which call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Whose {
    /// The types that the function was instantiated with.
    types: &'static str,
    /// The instance whose method it is.
    of: String,
    call: String,
}

#[derive(Debug)]
struct Remembered {
    since: Nanos,
    value: Arc<dyn Any + Send + Sync>,
}

const MOST: usize = 1_000;

impl Shared for Kept {
    fn written(&self) -> Written {
        Written { kind: "fallback", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    /// The values are the user's.
    fn end(&self) {
        // Other people's code, and so not under the lock.
        let gone = std::mem::take(&mut *lock(&self.0));
        drop(gone);
    }
}

impl Kept {
    fn keep(&self, key: &Whose, value: Arc<dyn Any + Send + Sync>, now: Nanos) {
        let mut entries = lock(&self.0);
        let entry = Remembered { since: now, value };
        let gone = if let Some(known) = entries.get_mut(key) {
            Some(std::mem::replace(known, entry))
        } else {
            let oldest = (entries.len() >= MOST).then(|| entries.iter().min_by_key(|(_, entry)| entry.since)).flatten();
            let oldest = oldest.map(|(key, _)| key.clone());
            let gone = oldest.and_then(|oldest| entries.remove(&oldest));
            entries.insert(key.clone(), entry);
            gone
        };
        drop(entries);
        // Other people's code, and so not under the lock.
        drop(gone);
    }

    fn last<T: Clone + 'static>(&self, key: &Whose, max_age: Nanos, now: Nanos) -> Option<T> {
        let value = {
            let entries = lock(&self.0);
            let entry = entries.get(key).filter(|entry| now.saturating_sub(entry.since) <= max_age)?;
            Arc::clone(&entry.value)
        };
        value.downcast_ref::<T>().cloned()
    }
}

/// The last good value under one key.
#[derive(Debug)]
pub struct LastGood<'a> {
    fallback: &'a Fallback,
    kept: Option<&'a Kept>,
    key: Whose,
    max_age: Nanos,
}

impl<'a> LastGood<'a> {
    pub(super) fn new(fallback: &'a Fallback, kept: Option<&'a Kept>, key: String) -> Self {
        let max_age = clock::nanos(fallback.max_age.unwrap_or_default());
        Self { fallback, kept, key: Whose { call: key, ..Whose::default() }, max_age }
    }

    /// Of this instance only: the partner, the tenant, whatever its values are not to be mixed up with another's.
    #[must_use]
    pub fn of(mut self, instance: impl Display) -> Self {
        self.key.of = instance.to_string();
        self
    }

    /// Of these types only. A closure, `&|| ()`, names them all: it is a type of its own in each instantiation of the
    /// function it is written in, of the method's type, the trait's implementor and the parameters of both.
    ///
    /// Types are told apart by their names: two closures of one function are alike, and so are two types of one name in it.
    #[must_use]
    pub fn typed<T: ?Sized>(mut self, _here: &T) -> Self {
        self.key.types = type_name::<T>();
        self
    }

    /// Keeps a good value.
    pub fn keep<T: Keepable>(&self, value: &T) {
        if let Some(kept) = self.kept {
            kept.keep(&self.key, Arc::new(value.clone()), clock::now());
        }
    }

    /// The last good value, if there is one that is not too old.
    pub fn get<T: Keepable>(&self) -> Option<T> {
        self.kept?.last(&self.key, self.max_age, clock::now())
    }

    /// The last good value in place of a failure that the fallback [takes over](Fallback::take_over), which is reported.
    ///
    /// # Errors
    ///
    /// The failure, if there is no value that is not too old.
    ///
    /// ```
    /// use resil::{Error, Failure, Fallback};
    /// use std::time::Duration;
    ///
    /// static RATES: Fallback = Fallback::stale(Duration::from_secs(600));
    ///
    /// let last_good = RATES.last_good("EUR");
    /// let failure = || Failure::<Error>::Policy(Error::CircuitOpen { name: "rates", retry_after: None });
    /// assert!(last_good.instead_of::<f64, _>(failure()).is_err());
    /// last_good.keep(&1.08);
    /// assert_eq!(last_good.instead_of(failure()).ok(), Some(1.08));
    /// ```
    pub fn instead_of<T: Keepable, E: Classify>(&self, failure: Failure<E>) -> Result<T, Failure<E>> {
        let Some(value) = self.get() else { return Err(failure) };
        self.fallback.tell(&failure);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(call: &str) -> Whose {
        Whose { call: call.to_owned(), ..Whose::default() }
    }

    #[test]
    fn a_value_is_given_out_until_it_is_too_old() {
        let kept = Kept::default();
        kept.keep(&key("a"), Arc::new(7_u32), 100);
        assert_eq!(kept.last::<u32>(&key("a"), 50, 150), Some(7));
        assert_eq!(kept.last::<u32>(&key("a"), 50, 151), None);
        assert_eq!(kept.last::<u32>(&key("b"), 50, 100), None);
    }

    #[test]
    fn a_million_keys_keep_a_thousand_values_the_newest() {
        let kept = Kept::default();
        for number in 0..5_000_u64 {
            kept.keep(&key(&number.to_string()), Arc::new(number), number);
        }
        assert_eq!(lock(&kept.0).len(), MOST);
        assert_eq!(kept.last::<u64>(&key("4999"), 0, 4999), Some(4999));
        assert_eq!(kept.last::<u64>(&key("4000"), 999, 4999), Some(4000));
        assert_eq!(kept.last::<u64>(&key("3999"), u64::MAX, 4999), None);
    }

    #[test]
    fn a_value_of_another_type_is_none() {
        // Two instances of one generic function share a call site.
        let kept = Kept::default();
        kept.keep(&key("a"), Arc::new(7_u32), 0);
        assert_eq!(kept.last::<String>(&key("a"), u64::MAX, 0), None);
    }
}
