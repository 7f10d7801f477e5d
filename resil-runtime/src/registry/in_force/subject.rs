use super::{Adjustable, Layers, Said, Source, Value, Values};
use crate::Site;
use crate::registry::policies;

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

    /// Together with all call sites that write its name: what one of them says is said.
    pub(super) fn united(mut self) -> Self {
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
