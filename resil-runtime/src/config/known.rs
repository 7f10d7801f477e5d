//! Which policies there are to be set.

use super::similar::{quoted, suggestion};
use crate::policy::ADJUSTABLE;
use crate::registry::in_force::{Adjustable, Key, Subject, Target};
use crate::registry::{CallSite, Site, States};

/// Every policy of the program, called or not, and every one made by hand that was used or announced.
pub(super) struct Known {
    /// Those that bound each other are in one group.
    pub(super) groups: Vec<Vec<Subject>>,
}

impl Known {
    pub(super) fn here(states: &States) -> Self {
        let of_site =
            |call_site: &CallSite| call_site.policies().iter().filter_map(|one| one.handle().subject()).collect();
        let mut groups: Vec<Vec<Subject>> = inventory::iter::<CallSite>.into_iter().map(of_site).collect();
        groups.extend(states.subjects().into_iter().map(|subject| vec![subject]));
        Self { groups }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Subject> {
        self.groups.iter().flatten()
    }

    fn of(&self, kind: &'static Adjustable) -> impl Iterator<Item = &Subject> {
        self.all().filter(move |one| std::ptr::eq(one.kind, kind))
    }

    pub(super) fn names(&self, kind: &'static Adjustable) -> Vec<&'static str> {
        sorted(self.of(kind).filter_map(|one| one.name))
    }

    /// Whether nothing can be set there, of any policy that is meant.
    pub(super) fn is_fixed(&self, kind: &'static Adjustable, target: &Target, key: usize) -> bool {
        let is_meant = |one: &&Subject| match target {
            Target::Kind => false,
            Target::Name(name) => one.name == Some(name),
            Target::Site(site) => one.name.is_none() && one.site.is(site),
        };
        let mut meant = self.of(kind).filter(is_meant).peekable();
        meant.peek().is_some() && meant.all(|one| one.written[key].is_fixed)
    }

    /// A policy of this name; why there is none otherwise.
    pub(super) fn by_name(&self, kind: &'static Adjustable, name: &str) -> Result<Target, String> {
        if !kind.has_names {
            return Err(format!(
                "a {} has no name; write `[{}.by_site.\"..\"]` with the path of the function",
                kind.words, kind.name
            ));
        }
        let names = self.names(kind);
        if names.contains(&name) {
            return Ok(Target::Name(name.into()));
        }
        Err(format!("unknown {} `{}`{}", kind.words, quoted(name), suggestion(name, names)))
    }

    /// A policy without a name at this place; why there is none otherwise.
    pub(super) fn by_site(&self, kind: &'static Adjustable, site: &str) -> Result<Target, String> {
        let here = |one: &&Subject| one.site.is(site);
        if self.of(kind).any(|one| here(&one) && one.name.is_none()) {
            return Ok(Target::Site(site.into()));
        }
        if let Some(name) = self.of(kind).find(here).and_then(|one| one.name) {
            let name = quoted(name);
            return Err(format!(
                "the {} of `{}` is shared under the name `{name}`; write `[{}.by_name.\"{name}\"]`",
                kind.words,
                quoted(site),
                kind.name
            ));
        }
        let sites = sorted(self.of(kind).filter(|one| one.name.is_none()).map(|one| one.site.function));
        Err(format!("no {} without a name at `{}`{}", kind.words, quoted(site), suggestion(site, sites)))
    }

    /// The same, if it is one policy: why it is not otherwise.
    pub(super) fn one(&self, kind: &'static Adjustable, target: Target) -> Result<Target, String> {
        let Target::Site(site) = target else { return Ok(target) };
        let here = self.of(kind).filter(|one| one.name.is_none() && one.site.is(&site));
        let mut sites: Vec<&'static Site> = here.map(|one| one.site).collect();
        sites.sort_by_key(|site| (site.file, site.line, std::ptr::from_ref(*site).addr()));
        sites.dedup_by(|one, other| std::ptr::eq(*one, *other));
        let mut labels: Vec<_> = sites.iter().map(|site| site.label()).collect();
        labels.dedup();
        match labels[..] {
            [label] if sites.len() == 1 && *sites[0] != Site::UNKNOWN => Ok(Target::Site(label.into())),
            [] | [_] => {
                Err(format!("one {} there cannot be told from another; give it a name in the program", kind.words))
            }
            _ => {
                let all: Vec<_> = labels.into_iter().map(|label| format!("`{}`", quoted(label))).collect();
                Err(format!("{} have this path; write one of them: {}", all.len(), all.join(", ")))
            }
        }
    }
}

fn sorted(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn kind(name: &str) -> Result<&'static Adjustable, String> {
    let unknown = || {
        let names = ADJUSTABLE.iter().map(|kind| kind.name);
        format!("unknown kind of policy `{}`{}", quoted(name), suggestion(name, names))
    };
    ADJUSTABLE.iter().copied().find(|kind| kind.name == name).ok_or_else(unknown)
}

pub(super) fn key(kind: &'static Adjustable, name: &str) -> Result<(usize, &'static Key), String> {
    let unknown = || {
        let keys = kind.keys.iter().map(|key| key.name);
        format!("unknown setting `{}` of `{}`{}", quoted(name), kind.name, suggestion(name, keys))
    };
    kind.keys.iter().enumerate().find(|(_, key)| key.name == name).ok_or_else(unknown)
}
