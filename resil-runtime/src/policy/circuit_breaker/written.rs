use super::{Settings, Window};

impl Settings {
    /// Each setting by its name, as text to compare and to show.
    pub(crate) fn as_written(&self) -> Vec<(&'static str, String)> {
        let window = match self.window {
            Window::Calls(calls) => calls.to_string(),
            Window::Time(time) => format!("{time:?}"),
        };
        vec![
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
