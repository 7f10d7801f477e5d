use super::{Settings, Window};

impl Settings {
    /// What another handle of the same name says otherwise: `open_for = 30s or 10s`.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let (mine, theirs) = (self.fields(), other.fields());
        let pairs = mine.into_iter().zip(theirs).filter(|(mine, theirs)| mine != theirs);
        pairs.map(|((name, mine), (_, theirs))| format!("{name} = {mine} or {theirs}")).collect()
    }

    fn fields(&self) -> [(&'static str, String); 10] {
        let window = match self.window {
            Window::Calls(calls) => calls.to_string(),
            Window::Time(time) => format!("{time:?}"),
        };
        [
            ("window", window),
            ("min_calls", self.min_calls.to_string()),
            ("failure_rate", self.failure_rate.to_string()),
            ("slow_call", self.slow_call.map_or_else(|| "none".to_owned(), |from| format!("{from:?}"))),
            ("slow_rate", self.slow_rate.to_string()),
            ("open_for", format!("{:?}", self.open_for)),
            ("open_factor", self.open_factor.to_string()),
            ("open_max", format!("{:?}", self.open_max)),
            ("half_open_calls", self.half_open_calls.to_string()),
            ("half_open_max_wait", format!("{:?}", self.half_open_max_wait)),
        ]
    }
}
