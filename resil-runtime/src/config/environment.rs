//! `RESIL__CIRCUIT_BREAKER__PAYMENTS__OPEN_FOR=10s`.

use super::known::{self, Known};
use super::reading::Reading;
use super::similar::{quoted, suggestion};
use super::value::Raw;
use crate::registry::Source;
use crate::registry::in_force::{Adjustable, Rank, Target};
use std::ffi::OsStr;

const PREFIX: &str = "RESIL__";

impl Reading<'_> {
    pub(super) fn variable(&mut self, variable: &OsStr, value: &OsStr) {
        let shown = variable.to_string_lossy();
        let Some(rest) = shown.strip_prefix(PREFIX) else { return };
        let source = Source::Environment { variable: (&*shown).into() };
        let Some(value) = value.to_str() else {
            return self.wrong(source, "its value is not UTF-8".to_owned());
        };
        match parts(self.known, rest) {
            Ok((kind, target, key)) => match known::key(kind, &key) {
                Ok((_, found)) => self.set(Rank::Environment, kind, &target, &key, &Raw::of_text(value, found), source),
                Err(message) => self.wrong(source, message),
            },
            Err(message) => self.wrong(source, message),
        }
    }
}

/// Kind, policy and key of `CIRCUIT_BREAKER__PAYMENTS__OPEN_FOR`.
fn parts(known: &Known, rest: &str) -> Result<(&'static Adjustable, Target, String), String> {
    let form = || "write `RESIL__KIND__SETTING`, or `RESIL__KIND__NAME__SETTING`".to_owned();
    let (kind, rest) = rest.split_once("__").ok_or_else(form)?;
    let kind = known::kind(&kind.to_lowercase())?;
    let Some((name, key)) = rest.rsplit_once("__") else {
        return Ok((kind, Target::Kind, rest.to_lowercase()));
    };
    if !kind.has_names {
        return Err(format!(
            "a {} has no name, and a variable cannot say where it stands; write `[{}.by_site.\"..\"]` in a file",
            kind.words, kind.name
        ));
    }
    let names = known.names(kind);
    let meant: Vec<_> = names.iter().copied().filter(|known| in_capitals(known) == in_capitals(name)).collect();
    match meant[..] {
        [name] => Ok((kind, Target::Name(name.into()), key.to_lowercase())),
        [] => {
            let names: Vec<_> = names.into_iter().map(in_capitals).collect();
            let suggestion = suggestion(name, names.iter().map(String::as_str));
            Err(format!("unknown {} `{}`{suggestion}", kind.words, quoted(name)))
        }
        _ => {
            let meant: Vec<_> = meant.iter().map(|name| format!("`{}`", quoted(name))).collect();
            Err(format!(
                "this may be {}; write it in a file, below `[{}.by_name.\"..\"]`",
                meant.join(" or "),
                kind.name
            ))
        }
    }
}

/// A name as a variable can have it: what is neither letter nor digit is `_`.
fn in_capitals(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect::<String>().to_uppercase()
}
