//! The account of what happened: resil's own `tracing` events, collected call by call.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Collects what resil reports while a call runs.
#[derive(Clone, Default)]
pub struct Account(Arc<Mutex<Happened>>);

/// What resil reported since it was last asked.
#[derive(Default)]
pub struct Happened {
    pub waits: Vec<String>,
    pub transitions: Vec<String>,
}

impl Account {
    pub fn open() -> Result<Self, tracing::subscriber::SetGlobalDefaultError> {
        let account = Self::default();
        tracing::subscriber::set_global_default(account.clone())?;
        Ok(account)
    }

    pub fn take(&self) -> Happened {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Account {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "resil"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut happened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(delay) = fields.get("delay_seconds").and_then(|delay| delay.parse::<f64>().ok()) {
            happened.waits.push(format!("{:.0}ms", delay * 1_000.0));
        }
        if let (Some(from), Some(to)) = (fields.get("from"), fields.get("to")) {
            happened.transitions.push(format!("{from} -> {to}"));
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        if write!(text, "{value:?}").is_ok() {
            self.0.push((field.name(), text));
        }
    }
}
