//! The alerts of `examples/checkout/alerts.yml`, in the form that they are written in; `promtool` reads them as YAML.

use std::collections::BTreeMap;

pub const FILE: &str = "examples/checkout/alerts.yml";

#[derive(Debug, Default)]
pub struct Alert {
    pub name: String,
    /// `expr`, `for`, `severity`, `summary`, and whatever else has a value.
    pub says: BTreeMap<String, String>,
}

/// Each begins with `- alert: NAME`; `key: value` on one line, or `key: >-` and lines that are further in.
pub fn alerts(yaml: &str) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for line in yaml.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let (depth, text) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(name) = text.strip_prefix("- alert: ") {
            alerts.push(Alert { name: name.to_owned(), ..Alert::default() });
            open = None;
            continue;
        }
        let Some(alert) = alerts.last_mut() else { continue };
        if let Some((_, key)) = open.as_ref().filter(|(beside, _)| depth > *beside) {
            let value = alert.says.entry(key.clone()).or_default();
            value.push_str(text);
            value.push(' ');
            continue;
        }
        open = None;
        match text.split_once(':') {
            Some((key, " >-")) => open = Some((depth, key.to_owned())),
            Some((key, value)) if !value.is_empty() => {
                alert.says.insert(key.to_owned(), value.trim().trim_matches(['"', '\'']).to_owned());
            }
            _ => {}
        }
    }
    alerts
}
