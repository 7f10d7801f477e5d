//! One reading of everything that is said outside: what is said, and what is wrong with it.

use super::error::Problem;
use super::known::{self, Known};
use super::value::{Raw, read};
use crate::registry::Source;
use crate::registry::in_force::{Adjustable, Assignment, Rank, Target, Value};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) struct Reading<'a> {
    pub(super) known: &'a Known,
    pub(super) said: Vec<Assignment>,
    pub(super) problems: Vec<Problem>,
    /// What was meant to be set and could not be read: nothing more is said of it.
    pub(super) unread: Vec<(&'static str, &'static str)>,
}

/// Where a document is from.
pub(super) struct Document<'a> {
    pub(super) rank: Rank,
    /// What stands at these bytes.
    pub(super) source: &'a dyn Fn(Range<usize>) -> Source,
    pub(super) values: Values<'a>,
}

/// Where the values of a document are.
pub(super) enum Values<'a> {
    Inside,
    /// It is a path, and this is its value.
    Given(&'a str),
    /// It is a path, and nothing is set.
    None,
}

impl<'a> Reading<'a> {
    pub(super) fn new(known: &'a Known) -> Self {
        Self { known, said: Vec::new(), problems: Vec::new(), unread: Vec::new() }
    }

    pub(super) fn wrong(&mut self, source: Source, message: String) {
        self.problems.push(Problem::at(source, message));
    }

    /// Kinds, and what is in each.
    pub(super) fn document(&mut self, table: &DeTable<'_>, document: &Document<'_>) {
        for (name, value) in table {
            let at = || (document.source)(name.span());
            match (known::kind(name.get_ref()), value.get_ref()) {
                (Ok(kind), DeValue::Table(table)) => self.kind(kind, table, document),
                (Ok(kind), _) => {
                    let example = &kind.keys[0];
                    self.wrong(
                        at(),
                        format!(
                            "`{}` is a table; write `[{0}]`, and below it `{} = {}`",
                            kind.name, example.name, example.example
                        ),
                    );
                }
                (Err(message), _) => self.wrong(at(), message),
            }
        }
    }

    fn kind(&mut self, kind: &'static Adjustable, table: &DeTable<'_>, document: &Document<'_>) {
        for (name, value) in table {
            match (&**name.get_ref(), value.get_ref()) {
                ("by_name", DeValue::Table(names)) => self.policies(kind, names, document, Known::by_name),
                ("by_site", DeValue::Table(sites)) => self.policies(kind, sites, document, Known::by_site),
                (policy, DeValue::Table(_)) if self.known.names(kind).contains(&policy) => {
                    let message =
                        format!("a policy stands below `by_name`; write `[{}.by_name.\"{policy}\"]`", kind.name);
                    self.wrong((document.source)(name.span()), message);
                }
                _ => self.setting(kind, &Target::Kind, name, value, document),
            }
        }
    }

    fn policies(
        &mut self,
        kind: &'static Adjustable,
        table: &DeTable<'_>,
        document: &Document<'_>,
        find: fn(&Known, &'static Adjustable, &str) -> Result<Target, String>,
    ) {
        for (name, value) in table {
            let target = find(self.known, kind, name.get_ref());
            match (target, value.get_ref()) {
                (Ok(target), DeValue::Table(settings)) => {
                    for (name, value) in settings {
                        self.setting(kind, &target, name, value, document);
                    }
                }
                (Ok(_), _) => {
                    let example = &kind.keys[0];
                    let message = format!(
                        "the settings of one policy are a table; write `{{ {} = {} }}`",
                        example.name, example.example
                    );
                    self.wrong((document.source)(name.span()), message);
                }
                (Err(message), _) => self.wrong((document.source)(name.span()), message),
            }
        }
    }

    fn setting(
        &mut self,
        kind: &'static Adjustable,
        target: &Target,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        document: &Document<'_>,
    ) {
        match known::key(kind, name.get_ref()) {
            Ok((place, key)) => {
                let source = (document.source)(value.span());
                let raw = match document.values {
                    Values::Inside => Raw::of_toml(value.get_ref()),
                    Values::Given(text) => Raw::of_text(text, key),
                    Values::None => return self.name(document.rank, kind, target, place, source),
                };
                self.set(document.rank, kind, target, key.name, &raw, source);
            }
            Err(message) => self.wrong((document.source)(name.span()), message),
        }
    }

    /// Which setting is meant, whatever its value.
    fn name(&mut self, rank: Rank, kind: &'static Adjustable, target: &Target, key: usize, source: Source) {
        let value = Value::Count(0);
        self.said.push(Assignment { rank, kind, target: target.clone(), key, value, source });
    }

    pub(super) fn set(
        &mut self,
        rank: Rank,
        kind: &'static Adjustable,
        target: &Target,
        name: &str,
        raw: &Raw,
        source: Source,
    ) {
        let (place, key) = match known::key(kind, name) {
            Ok(found) => found,
            Err(message) => return self.wrong(source, message),
        };
        if *target == Target::Kind && key.always_said {
            let message = format!(
                "every {} says its own `{}`, so that it changes nothing here; write it below `[{}.by_site.\"..\"]`{}",
                kind.words,
                key.name,
                kind.name,
                if kind.has_names { ", or `by_name` where it has one" } else { "" }
            );
            return self.wrong(source, message);
        }
        if self.known.is_fixed(kind, target, place) {
            return self
                .wrong(source, format!("`{}` of this {} cannot be set: {}", key.name, kind.words, key.fixed_by));
        }
        match read(key, raw) {
            Ok(value) => self.said.push(Assignment { rank, kind, target: target.clone(), key: place, value, source }),
            Err(message) => {
                self.unread.push((kind.name, key.name));
                self.wrong(source, message);
            }
        }
    }
}
