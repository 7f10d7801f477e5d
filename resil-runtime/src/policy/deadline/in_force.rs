//! What of a deadline can be set from outside.

use crate::Site;
use crate::context::{Bound, Limit, LimitInForce};
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Handle, Row, Shared, Written};

impl Handle for Limit {
    fn written(&self) -> Written {
        let Bound { limit, site } = self.written;
        Written { kind: "deadline", name: None, site, settings: vec![("within", format!("{limit:?}"))] }
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        self.is_set_outside.then(|| outside::subject(&self.written))
    }
}

impl Shared for LimitInForce {
    fn written(&self) -> Written {
        Written { kind: "deadline", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    fn label(&self) -> &'static str {
        ""
    }

    fn row(&self) -> Option<Row> {
        None
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        if let Some(limit) = values.time("within") {
            self.0.set(Some(limit));
        }
        Put::default()
    }
}

#[cfg(feature = "config")]
pub(crate) mod outside {
    use crate::context::Bound;
    use crate::registry::in_force::{Adjustable, Key, Said, Subject, Takes, Value, no_bound, no_flaws};

    pub(crate) static DEADLINE: Adjustable = Adjustable {
        name: "deadline",
        words: "deadline",
        has_names: false,
        keys: &[Key::new("within", Takes::Time, "\"30s\"").always_said()],
        judge: no_flaws,
        beyond: no_bound,
        bound: |values| values.time("within"),
    };

    pub(super) fn subject(Bound { limit, site }: &Bound) -> Subject {
        Subject::new(&DEADLINE, None, site, Said::NOTHING, [Some(Value::Time(*limit))], [None])
    }
}
