//! What somebody does on the page. All of it is an operator's word: it bears their name, is shown with the settings, and is an
//! event.

use super::access::Actor;
use crate::config::{Change, Error, operator};
use crate::registry::Site;
use crate::registry::in_force::Subject;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

/// One press of a button.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Act {
    /// Refuses every call of a circuit breaker, for an hour unless told.
    ForceOpen {
        policy: Which,
        /// Zero: until it is taken back.
        #[serde(default)]
        seconds: Option<u32>,
    },
    /// Closes a circuit, whatever opened it, and has it forget its calls.
    Close { policy: Which },
    /// Gives a semaphore or a bulkhead this many permits, until that is taken back.
    Resize { policy: Which, permits: u32 },
    /// Takes back what was set by hand.
    Release { policy: Which, setting: String },
}

/// A policy as settings are written for it: the page sends back what it was sent.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    kind: Cow<'static, str>,
    name: Option<Cow<'static, str>>,
    /// Of one without a name, with file and line.
    site: Option<Cow<'static, str>>,
}

impl Act {
    pub(super) fn by(&self, actor: &Actor) -> Result<Vec<Change>, Error> {
        let operator = operator(actor.name());
        match self {
            Self::ForceOpen { policy, seconds } => {
                let operator = match seconds {
                    None => operator,
                    Some(0) => operator.until_released(),
                    Some(seconds) => operator.lasting(Duration::from_secs((*seconds).into())),
                };
                operator.set(&policy.setting("mode"), "forced_open")
            }
            Self::Close { policy } => operator.close(&policy.path()),
            Self::Resize { policy, permits } => {
                let setting = if policy.kind == "bulkhead" { "max_concurrent" } else { "permits" };
                operator.set(&policy.setting(setting), &permits.to_string())
            }
            Self::Release { policy, setting } => operator.release(&policy.setting(&quoted(setting))),
        }
    }
}

impl Which {
    /// `None` of what cannot be set alone: it has neither name nor place.
    pub(super) fn of(subject: &Subject) -> Option<Self> {
        let (name, site) = match subject.name {
            Some(name) => (Some(name.into()), None),
            None if *subject.site == Site::UNKNOWN => return None,
            None => (None, Some(subject.label().into())),
        };
        Some(Self { kind: subject.kind.name.into(), name, site })
    }

    fn setting(&self, setting: &str) -> String {
        format!("{}.{setting}", self.path())
    }

    fn path(&self) -> String {
        let kind = quoted(&self.kind);
        match &self.name {
            Some(name) => format!("{kind}.by_name.{}", quoted(name)),
            None => format!("{kind}.by_site.{}", quoted(self.site.as_deref().unwrap_or_default())),
        }
    }
}

/// As a key of TOML, whatever is in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        if char.is_control() || matches!(char, '"' | '\\') {
            _ = write!(quoted, "\\U{:08X}", u32::from(char));
        } else {
            quoted.push(char);
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_key() {
        for name in ["payments", "a.b", "a\"b", "\\", "\n] x = 1", "\u{202e}\u{7f}\u{0}", "결제", ""] {
            let document = format!("{} = 0", quoted(name));
            let table = toml::de::DeTable::parse(&document).unwrap_or_else(|error| panic!("{name:?}: {error}"));
            let keys: Vec<_> = table.get_ref().keys().map(|key| key.get_ref().to_string()).collect();
            assert_eq!(keys, [name]);
        }
    }

    #[test]
    fn what_is_no_press_of_a_button_is_refused() {
        for body in [
            "{}",
            r#"{"act":"delete","policy":{"kind":"circuit_breaker","name":"a"}}"#,
            r#"{"act":"close"}"#,
            r#"{"act":"close","policy":{"kind":"circuit_breaker","name":"a","or":"b"}}"#,
            r#"{"act":"resize","policy":{"kind":"semaphore","name":"a"},"permits":-1}"#,
            r#"{"act":"force_open","policy":{"kind":"circuit_breaker","name":"a"},"seconds":1e99}"#,
        ] {
            assert!(serde_json::from_str::<Act>(body).is_err(), "{body}");
        }
        let body = r#"{"act":"force_open","policy":{"kind":"circuit_breaker","name":"a"}}"#;
        assert!(matches!(serde_json::from_str(body), Ok(Act::ForceOpen { seconds: None, .. })));
    }
}
