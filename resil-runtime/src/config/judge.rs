//! What the compiler refuses of attributes, asked of the settings that would be in force.

use super::error::Problem;
use super::reading::Reading;
use crate::registry::Source;
use crate::registry::in_force::{Adjustable, Flaw, Layers, Settled, Subject};

impl Reading<'_> {
    /// What makes no sense of these settings. What the program itself has wrong is told by `check()`.
    pub(super) fn judge(&mut self, layers: &Layers) {
        for group in &self.known.groups {
            let settled: Vec<_> = group.iter().map(|one| (one, one.settle(layers))).collect();
            let bound = settled.iter().find_map(|(one, settled)| {
                Some(((one.kind.bound)(&one.values(settled))?, settled.first().map(|within| within.source.clone())))
            });
            for (one, settled) in &settled {
                let values = one.values(settled);
                for flaw in (one.kind.judge)(&values) {
                    self.tell(one, settled, None, flaw);
                }
                if let Some((limit, source)) = &bound {
                    for flaw in (one.kind.beyond)(&values, *limit) {
                        self.tell(one, settled, source.as_ref(), flaw);
                    }
                }
            }
        }
    }

    /// The same of settings that replace others: what is wrong of those already is no reason to refuse these. Overrides that end
    /// are not judged, and can leave such things.
    pub(super) fn judge_after(&mut self, before: &Layers, layers: &Layers) {
        let mut old = Reading::new(self.known);
        old.judge(before);
        let told = self.problems.len();
        self.judge(layers);
        let is_new = |problem: &Problem| old.problems.iter().all(|old| old.message != problem.message);
        let new = self.problems.split_off(told);
        self.problems.extend(new.into_iter().filter(is_new));
    }

    fn tell(&mut self, subject: &Subject, settled: &[Settled], other: Option<&Source>, Flaw { keys, message }: Flaw) {
        let is_unread = |kind: &Adjustable, key: &str| self.unread.contains(&(kind.name, key));
        if keys.iter().any(|key| is_unread(subject.kind, key))
            || (other.is_some() && self.unread.contains(&("deadline", "within")))
        {
            return;
        }
        let of_key = |key: &&&str| subject.kind.keys.iter().position(|known| known.name == **key);
        let own = keys.iter().filter_map(|key| Some(&settled.get(of_key(&key)?)?.source));
        let Some(source) = own.chain(other).find(|source| source.is_outside()) else { return };
        let (kind, label) = (subject.kind.words, super::similar::quoted(subject.name.unwrap_or(subject.site.function)));
        let problem = Problem::at(source.clone(), format!("{kind} `{label}`: {message}"));
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}
