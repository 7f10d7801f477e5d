//! A retry and its budget as the registry and an operator hold them.

use super::budget::Budget;
use super::{Backoff, BudgetOf, Jitter, Retry, RetryBudget};
use crate::context::Repeat;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::in_force::own;
use crate::registry::{Handle, Policy, States, Written, policies};
use crate::{Error, Registry, clock};
use std::time::Duration;

impl Handle for Retry {
    fn written(&self) -> Written {
        let Backoff { base, factor, max, jitter } = self.backoff;
        let proof = match self.repeat {
            Repeat::Idempotent | Repeat::Reasoned => "idempotent",
            Repeat::Keyed => "idempotency_key",
            Repeat::Never => "unsent",
        };
        let reason = self.reason.map(|reason| ("reason", format!("{reason:?}")));
        let budget = match self.budget {
            BudgetOf::Site => "its own".to_owned(),
            BudgetOf::Name(name) => format!("{name:?}"),
            BudgetOf::None => "none".to_owned(),
        };
        let proof = std::iter::once(("proof", proof.to_owned())).chain(reason);
        let settings = proof.chain([
            ("attempts", self.attempts.to_string()),
            ("base", format!("{base:?}")),
            ("factor", factor.to_string()),
            ("max", format!("{max:?}")),
            ("jitter", format!("{jitter:?}")),
            ("retry_status", format!("{:?}", self.statuses)),
            ("budget", budget),
        ]);
        let settings = settings.chain(self.is_nested.then(|| ("nested", "true".to_owned())));
        Written { kind: "retry", name: None, site: self.site, settings: settings.collect() }
    }

    fn out_of_range(&self) -> Option<String> {
        let Backoff { factor, jitter, .. } = self.backoff;
        let mut wrong = Vec::new();
        if self.attempts == 0 {
            wrong.push("`attempts = 0` runs nothing: write 1 or more".to_owned());
        }
        if !(factor >= 1.0 && factor.is_finite()) {
            wrong.push(format!("`factor = {factor}` does not grow: write 1.0 or more"));
        }
        if let Jitter::Fraction(part) = jitter
            && !(part > 0.0 && part <= 1.0)
        {
            wrong.push(format!("`jitter = {part}` is no fraction: write one above 0 and at most 1"));
        }
        wrong.extend(self.statuses.iter().filter(|status| !(400..600).contains(*status)).map(|status| {
            format!("`retry_status = [{status}]` is the status of no failure: write one from 400 to 599")
        }));
        (!wrong.is_empty()).then(|| format!("retry of {}: {}", self.site, wrong.join("; ")))
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::outside::subject(self))
    }

    /// A budget with a name is shown by itself.
    #[cfg(feature = "dashboard")]
    fn view(&self, states: &States) -> Option<crate::registry::View> {
        let is_own = matches!(self.budget, BudgetOf::Site);
        let budget = is_own.then(|| self.look_up(states).ok()).flatten()?;
        Some(budget.view(self.site.label()))
    }

    /// Only a budget with a name is an operator's business, and what is in force.
    fn set_up(&self, states: &States) -> Result<(), Error> {
        own::set_up(states, self, || self.as_written());
        self.budget_name().map_or(Ok(()), |_| self.look_up(states).map(drop))
    }

    /// Waits that do not fit in it.
    fn beyond(&self, deadline: Duration) -> Option<String> {
        let waits = self.backoff.sum(self.attempts, deadline).filter(|waits| *waits >= deadline)?;
        Some(format!(
            "the waits of the retry of {} add up to {waits:?}, which does not fit in the deadline of {deadline:?}; write \
             fewer attempts, a smaller base or max, or a longer deadline",
            self.site
        ))
    }
}

impl Retry {
    /// The name of the budget it shares.
    pub(crate) fn budget_name(&self) -> Option<&'static str> {
        match self.budget {
            BudgetOf::Name(name) => Some(name),
            BudgetOf::Site | BudgetOf::None => None,
        }
    }
}

impl Registry {
    /// The retry budgets that share a name, sorted by it.
    ///
    /// ```
    /// for budget in resil::registry().retry_budgets() {
    ///     println!("{:?}: {} of {}", budget.name, budget.tokens, budget.size);
    /// }
    /// ```
    pub fn retry_budgets(self) -> Vec<RetryBudget> {
        let now = clock::now();
        let known = Self::with(|states| {
            for retry in policies().filter_map(Policy::downcast_ref::<Retry>) {
                _ = retry.set_up(states);
            }
            states.of_kind::<Budget>()
        });
        let named = known.iter().filter_map(|(owner, budget)| Some(RetryBudget::read(owner.name()?, budget, now)));
        let mut budgets: Vec<RetryBudget> = named.collect();
        budgets.sort_by_key(|budget| budget.name);
        budgets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_repeating_is_harmless_is_shown() {
        let settings = Retry::idempotent_because("the search only reads").written().settings;
        assert!(settings.contains(&("reason", "\"the search only reads\"".to_owned())), "{settings:?}");
        assert!(Retry::idempotent().written().settings.iter().all(|(setting, _)| *setting != "reason"));
    }
}
