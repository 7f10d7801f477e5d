//! Files of settings.

use super::reading::{Document, Reading, Values};
use super::similar::quoted;
use crate::registry::Source;
use crate::registry::in_force::Rank;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::de::DeTable;

/// Nobody writes a longer one, and a device never ends.
const LONGEST: u64 = 1 << 20;

impl Reading<'_> {
    pub(super) fn file(&mut self, path: &Path, rank: Rank) {
        let shown: Arc<str> = path.to_string_lossy().into();
        match read(path) {
            Ok(bytes) => self.bytes(&shown, &bytes, rank),
            Err(error) => {
                let start = Source::File { path: shown, line: 1, column: 1 };
                self.wrong(start, format!("the file cannot be read: {error}"));
            }
        }
    }

    pub(super) fn bytes(&mut self, path: &Arc<str>, bytes: &[u8], rank: Rank) {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let at = place(path, &valid, error.valid_up_to());
                return self.wrong(at, "the file is not UTF-8 from here on; save it as UTF-8".to_owned());
            }
        };
        let source = |span: Range<usize>| place(path, text, span.start);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = source(error.span().unwrap_or_default());
            self.wrong(at, format!("this is no TOML: {}", quoted(error.message())));
        }
        // What was recovered is not what was written.
        if errors.is_empty() {
            self.document(table.get_ref(), &Document { rank, source: &source, values: Values::Inside });
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = std::fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if length as u64 > LONGEST {
        return Err(std::io::Error::other("it is longer than 1 MiB"));
    }
    Ok(bytes)
}

fn place(path: &Arc<str>, text: &str, offset: usize) -> Source {
    let before = text.get(..offset).unwrap_or(text);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let line = number(before.matches('\n').count() + 1);
    let column = number(before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    Source::File { path: Arc::clone(path), line, column }
}
