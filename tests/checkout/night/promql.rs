//! What an expression of `PromQL` names, and whether the text of an endpoint has it.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// By metric, and by label: the values.
pub struct Series(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

/// What Prometheus adds when it reads an endpoint.
const ADDED: [&str; 2] = ["job", "instance"];

const WORDS: [&str; 20] = [
    "abs",
    "absent",
    "and",
    "bool",
    "changes",
    "clamp_max",
    "clamp_min",
    "count",
    "histogram_quantile",
    "increase",
    "max",
    "max_over_time",
    "min",
    "offset",
    "or",
    "rate",
    "sum",
    "time",
    "topk",
    "unless",
];

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("it is tried below")
}

static LINE: LazyLock<Regex> = LazyLock::new(|| regex(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? [^ ]+$"));
static LABEL: LazyLock<Regex> = LazyLock::new(|| regex(r#"([a-zA-Z_]+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)""#));
static SELECTOR: LazyLock<Regex> = LazyLock::new(|| regex(r#"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{((?:[^}"]|"[^"]*")*)\}"#));
static GROUPING: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"));
/// What names nothing: texts, spans, and the variables of a board.
static ASIDE: LazyLock<Regex> = LazyLock::new(|| regex(r#""[^"]*"|\[[^\]]*\]|\$\w+|\b[0-9][0-9a-z.]*"#));
static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"[a-zA-Z_:][a-zA-Z0-9_:]*"));

impl Series {
    pub fn of(text: &str) -> Self {
        let mut all = BTreeMap::<_, BTreeMap<_, BTreeSet<_>>>::new();
        for line in text.lines().filter_map(|line| LINE.captures(line)) {
            let metric = all.entry(line[1].to_owned()).or_default();
            for label in LABEL.captures_iter(line.get(2).map_or("", |labels| labels.as_str())) {
                metric.entry(label[1].to_owned()).or_default().insert(label[3].to_owned());
            }
        }
        Self(all)
    }

    /// What an expression names and no series has.
    pub fn unknown(&self, expression: &str) -> Vec<String> {
        let mut unknown = Vec::new();
        let mut named = BTreeSet::new();
        for selector in SELECTOR.captures_iter(expression) {
            let metric = &selector[1];
            named.insert(metric.to_owned());
            for label in LABEL.captures_iter(&selector[2]) {
                unknown.extend(self.unknown_value(metric, &label[1], &label[3]));
            }
            let rest = LABEL.replace_all(&selector[2], "");
            if !rest.trim_matches([' ', ',']).is_empty() {
                unknown.push(format!("`{rest}` in the braces of {metric}"));
            }
        }
        let without = SELECTOR.replace_all(expression, " ");
        let plain = GROUPING.replace_all(&without, " ");
        let plain = ASIDE.replace_all(&plain, " ");
        named.extend(
            NAME.find_iter(&plain).map(|name| name.as_str().to_owned()).filter(|name| !WORDS.contains(&&**name)),
        );
        unknown.extend(named.iter().filter(|name| !self.0.contains_key(*name)).map(|name| format!("metric {name}")));
        for grouping in GROUPING.captures_iter(&without) {
            for label in grouping[1].split(',').map(str::trim).filter(|label| !label.is_empty()) {
                let lacks = |metric: &&String| self.0.get(*metric).is_some_and(|labels| !labels.contains_key(label));
                let lacking: Vec<_> = named.iter().filter(lacks).collect();
                if !ADDED.contains(&label) && !lacking.is_empty() {
                    unknown.push(format!("label {label} of {lacking:?}"));
                }
            }
        }
        if named.is_empty() {
            unknown.push(format!("no metric in `{expression}`"));
        }
        unknown
    }

    /// A value that no series has is never found, and nobody would notice.
    fn unknown_value(&self, metric: &str, label: &str, values: &str) -> Option<String> {
        if ADDED.contains(&label) {
            return None;
        }
        let Some(found) = self.0.get(metric)?.get(label) else { return Some(format!("label {label} of {metric}")) };
        let is_there = |value: &str| {
            value.starts_with('$')
                || Regex::new(&format!("^(?:{value})$")).is_ok_and(|is| found.iter().any(|one| is.is_match(one)))
        };
        let lost: Vec<_> = values.split('|').filter(|value| !is_there(value)).collect();
        (!lost.is_empty()).then(|| format!("{lost:?} as {label} of {metric}, which has {found:?}"))
    }
}

/// The check itself finds every kind of slip.
pub fn finds_slips() -> bool {
    let text = "# TYPE a_total counter\na_total{site=\"x\",outcome=\"refused\"} 1\na_total{site=\"y\",outcome=\"other\"} 2\nb 3\n";
    let series = Series::of(text);
    let right = [
        "sum by (site) (rate(a_total{outcome=~\"refused|other\"}[5m])) / sum by (site) (rate(a_total[5m])) > 0.5",
        "b == 1 and max_over_time(b[1h]) > 2",
        "sum by (instance) (rate(a_total{site=~\"$site\", job=\"shop\"}[$__rate_interval]))",
    ];
    let wrong = [
        "sum(rate(a_totl[5m]))",
        "rate(a_total{outcome=\"refusd\"}[5m])",
        "rate(a_total{outcome=~\"refused|othr\"}[5m])",
        "rate(a_total{outcme=\"refused\"}[5m])",
        "sum by (sit) (rate(a_total[5m]))",
        "sum by (site) (rate(a_total{outcome=refused}[5m]))",
        "sum by (site) (b)",
        "rat(b[5m])",
        "1 > 2",
    ];
    right.iter().all(|expression| series.unknown(expression).is_empty())
        && wrong.iter().all(|expression| !series.unknown(expression).is_empty())
}
