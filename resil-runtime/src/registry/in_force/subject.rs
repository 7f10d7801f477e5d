use super::{Adjustable, Change, Layers, Put, Said, Source, Value, Values};
use crate::Site;
use crate::registry::{Shared, policies};
use std::sync::Arc;

/// A policy as far as its settings are concerned: which it is, and what the program wrote.
#[derive(Debug, Clone)]
pub struct Subject {
    pub(crate) kind: &'static Adjustable,
    pub(crate) name: Option<&'static str>,
    pub(crate) site: &'static Site,
    /// By the kind's keys.
    pub(crate) written: Vec<Written>,
}

/// One setting as the program has it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) value: Option<Value>,
    /// Whether it was written, and is not the default.
    pub(crate) is_said: bool,
    /// Whether nothing outside can change it.
    pub(crate) is_fixed: bool,
}

/// One setting in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settled {
    pub(crate) value: Option<Value>,
    pub(crate) source: Source,
}

/// What the first handle of a state wrote, as far as the state does not know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrote {
    site: &'static Site,
    said: Said,
}

fn text(settled: &Settled) -> Arc<str> {
    settled.value.as_ref().map_or_else(|| "none".into(), |value| value.to_string().into())
}

impl Subject {
    /// `values` and `defaults` are by the kind's keys. A value that is not the default was written, whatever `said` knows
    /// of: in a set of settings.
    pub(crate) fn new(
        kind: &'static Adjustable,
        name: Option<&'static str>,
        site: &'static Site,
        said: Said,
        values: impl IntoIterator<Item = Option<Value>>,
        defaults: impl IntoIterator<Item = Option<Value>>,
    ) -> Self {
        let written = values.into_iter().zip(defaults).enumerate().map(|(key, (value, default))| {
            let is_said = said.has(key) || value != default;
            Written { value, is_said, is_fixed: false }
        });
        Self { kind, name, site, written: written.collect() }
    }

    /// The same, where nothing outside can change these.
    pub(crate) fn with_fixed(mut self, keys: &[&str]) -> Self {
        for (key, written) in self.kind.keys.iter().zip(&mut self.written) {
            written.is_fixed = keys.contains(&key.name);
        }
        self
    }

    /// What an entry keeps beside the state.
    pub(crate) fn wrote(&self) -> Wrote {
        let said = self.written.iter().zip(0..).filter(|(written, _)| written.is_said);
        Wrote { site: self.site, said: said.fold(Said::NOTHING, |said, (_, key)| said.and(key)) }
    }

    /// The state's own, with what its entry has kept.
    pub(super) fn entered(mut self, name: Option<&'static str>, Wrote { site, said }: Wrote) -> Self {
        (self.name, self.site) = (name, site);
        for (key, written) in self.written.iter_mut().enumerate() {
            written.is_said = said.has(key);
        }
        self
    }

    /// Puts what is said in force, of a state that was set up as it is written, and that nobody else has yet.
    pub(crate) fn put_first(&self, layers: &Layers, state: &dyn Shared) -> Put {
        let settled = self.settle(layers);
        let is_outside = settled.iter().any(|one| one.source.is_outside());
        if is_outside { state.put_in_force(&self.values(&settled)) } else { Put::default() }
    }

    /// Puts what is said now in force, and says what is different.
    pub(super) fn change(&self, old: &Layers, new: &Layers, state: &dyn Shared) -> (Vec<Change>, Put) {
        let (old, new) = (self.settle(old), self.settle(new));
        if old.iter().zip(&new).all(|(old, new)| old.value == new.value) {
            return (Vec::new(), Put::default());
        }
        let put = state.put_in_force(&self.values(&new));
        let changes = self.kind.keys.iter().zip(old).zip(new).filter(|((_, old), new)| old.value != new.value);
        let changes = changes.map(|((key, old), new)| Change {
            kind: self.kind.words,
            policy: self.label(),
            setting: key.name,
            from: text(&old),
            to: text(&new),
            source: new.source,
            begins_anew: put.begins_anew && key.name == "window",
            by: None,
        });
        (changes.collect(), put)
    }

    /// Together with all call sites that write its name: what one of them says is said.
    pub(crate) fn united(mut self) -> Self {
        let namesakes = policies().filter(|policy| self.name.is_some() && policy.name() == self.name);
        for other in namesakes.filter_map(|policy| policy.handle().subject()) {
            if std::ptr::eq(other.kind, self.kind) {
                self.written.iter_mut().zip(other.written).for_each(|(own, other)| own.is_said |= other.is_said);
            }
        }
        self
    }

    /// What errors and events call it.
    pub(crate) fn label(&self) -> &'static str {
        self.name.unwrap_or_else(|| self.site.label())
    }

    /// Each setting in force, by the kind's keys: named, then written, then of the kind, then the default.
    pub(crate) fn settle(&self, layers: &Layers) -> Vec<Settled> {
        let settle = |(key, written): (usize, &Written)| {
            let as_written = |source| Settled { value: written.value.clone(), source };
            let outside =
                |(value, source): (&Value, &Source)| Settled { value: Some(value.clone()), source: source.clone() };
            let of_kind = || if written.is_said { None } else { layers.of_kind(self.kind, key) };
            match layers.of_policy(self, key).or_else(of_kind) {
                Some(found) if !written.is_fixed => outside(found),
                _ => as_written(if written.is_said { Source::Attribute } else { Source::Default }),
            }
        };
        self.written.iter().enumerate().map(settle).collect()
    }

    pub(crate) fn values(&self, settled: &[Settled]) -> Values {
        Values::new(self.kind.keys, settled.iter().map(|one| one.value.clone()))
    }
}
