use resil::config::{Configuration, Source};
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with files of settings.
pub struct Files(TempDir);

impl Files {
    /// `resil.toml` with this text.
    pub fn new(text: &str) -> Self {
        let files = Self(TempDir::new().unwrap());
        files.write("resil.toml", text);
        files
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Of nothing else: not even of the environment.
    pub fn configuration(&self) -> Configuration {
        Configuration::file(self.path("resil.toml")).environment::<&str, &str>([])
    }
}

/// What is in force, and where it comes from.
pub fn in_force(kind: &str, label: &str, setting: &str) -> (String, Source) {
    let all = resil::registry().settings();
    let policy = all.iter().find(|one| one.kind == kind && (one.label == label || one.site == label));
    let policy = policy.unwrap_or_else(|| panic!("no {kind} {label} in {all:?}"));
    let one = policy.settings.iter().find(|one| one.setting == setting).unwrap();
    (one.value.clone().unwrap_or_else(|| "none".to_owned()), one.source.clone())
}

pub fn value(kind: &str, label: &str, setting: &str) -> String {
    in_force(kind, label, setting).0
}
