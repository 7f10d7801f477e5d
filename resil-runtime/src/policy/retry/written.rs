use super::{Backoff, BudgetOf, Retry};
use crate::context::Repeat;
use crate::registry::Written;

impl Retry {
    /// Each setting by its name, as text to show.
    pub(crate) fn written(&self) -> Written {
        let Backoff { base, factor, max, jitter } = self.backoff;
        let proof = match self.repeat {
            Repeat::Idempotent | Repeat::Reasoned => "idempotent",
            Repeat::Keyed => "idempotency_key",
            Repeat::Never => "unsent",
        };
        let budget = match self.budget {
            BudgetOf::Site => "its own".to_owned(),
            BudgetOf::Name(name) => format!("{name:?}"),
            BudgetOf::None => "none".to_owned(),
        };
        let settings = vec![
            ("proof", proof.to_owned()),
            ("attempts", self.attempts.to_string()),
            ("base", format!("{base:?}")),
            ("factor", factor.to_string()),
            ("max", format!("{max:?}")),
            ("jitter", format!("{jitter:?}")),
            ("retry_status", format!("{:?}", self.statuses)),
            ("budget", budget),
        ];
        Written { kind: "retry", name: None, site: self.site, settings }
    }

    /// The name of the budget it shares.
    pub(crate) fn budget_name(&self) -> Option<&'static str> {
        match self.budget {
            BudgetOf::Name(name) => Some(name),
            BudgetOf::Site | BudgetOf::None => None,
        }
    }
}
