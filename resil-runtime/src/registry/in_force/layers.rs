//! All that was said outside of the program.

use super::{Adjustable, Source, Subject, Value};
use std::sync::Arc;

/// Who wins where two say the same of a policy: the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    File,
    Profile,
    Environment,
    Code,
    Operator,
}

/// Of which policies something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Kind,
    Name(Arc<str>),
    Site(Arc<str>),
}

/// One setting that was said.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) rank: Rank,
    pub(crate) kind: &'static Adjustable,
    pub(crate) target: Target,
    /// The place of its key in the kind's table.
    pub(crate) key: usize,
    pub(crate) value: Value,
    pub(crate) source: Source,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    /// By rank, the highest last.
    all: Vec<Assignment>,
}

impl Layers {
    pub(crate) fn new(mut all: Vec<Assignment>) -> Self {
        all.sort_by_key(|one| one.rank);
        Self { all }
    }

    pub(super) fn of_policy(&self, policy: &Subject, key: usize) -> Option<(&Value, &Source)> {
        self.last(|one| one.is_about(policy) && one.key == key)
    }

    pub(super) fn of_kind(&self, kind: &'static Adjustable, key: usize) -> Option<(&Value, &Source)> {
        self.last(|one| std::ptr::eq(one.kind, kind) && one.target == Target::Kind && one.key == key)
    }

    /// Whether anything is said of policies whose handles do not look otherwise.
    pub(super) fn are_about_stateless(&self) -> bool {
        self.all.iter().any(|one| one.kind.is_stateless)
    }

    fn last(&self, is_meant: impl Fn(&Assignment) -> bool) -> Option<(&Value, &Source)> {
        self.all.iter().rfind(|one| is_meant(one)).map(|one| (&one.value, &one.source))
    }
}

impl Assignment {
    /// Whether it names this policy. A site stands for its policies without a name: what has one, other sites share.
    pub(crate) fn is_about(&self, policy: &Subject) -> bool {
        std::ptr::eq(self.kind, policy.kind)
            && match &self.target {
                Target::Kind => false,
                Target::Name(name) => policy.name == Some(name),
                Target::Site(site) => policy.name.is_none() && policy.site.is(site),
            }
    }
}
