//! The steps of the tables, one by one.

use super::Backend;
use super::schema::{BOOKKEEPING, VERSIONS};
use super::texts::Texts;
use std::sync::OnceLock;

/// A step of resil's tables, for another tool: see [`Db::migrations`](super::Db::migrations).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// From 1 on, without gaps.
    pub number: u32,
    /// What it is about, in one word.
    pub name: &'static str,
    /// Its statements. The last of them notes that it is done.
    pub sql: String,
}

/// The steps with the names of these texts.
pub(super) fn all(texts: &Texts) -> Vec<Migration> {
    let one = |(number, (name, sql)): (u32, &(&'static str, &'static str))| {
        let begins = if number == 1 { format!("{BOOKKEEPING};\n") } else { String::new() };
        let sql = format!("{begins}{}\nINSERT INTO resil_schema VALUES ({number});\n", sql.replace(THEN, ""));
        Migration { number, name, sql: texts.once(&sql) }
    };
    (1..).zip(VERSIONS).map(one).collect()
}

/// The version that this program needs.
pub(super) fn newest() -> i64 {
    VERSIONS.len().try_into().unwrap_or(i64::MAX)
}

const THEN: &str = "{then}\n";

/// This part of this version, and whether it is the last.
pub(super) fn part<DB: Backend>((version, part): (i64, usize)) -> (String, bool) {
    let at = usize::try_from(version).unwrap_or_default().saturating_sub(1);
    let sql = VERSIONS.get(at).map_or("", |(_, sql)| sql);
    // There a lock of the whole database is taken anyway.
    if DB::HAS_ONE_WRITER {
        return (sql.replace(THEN, ""), true);
    }
    let mut parts = sql.split(THEN).skip(part);
    (parts.next().unwrap_or_default().to_owned(), parts.next().is_none())
}

/// Whether this is the name of a table of ours.
pub(super) fn is_table(word: &str) -> bool {
    static TABLES: OnceLock<Vec<&str>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| {
        let all = VERSIONS.iter().flat_map(|(_, sql)| sql.split("CREATE TABLE ").skip(1));
        all.filter_map(|sql| sql.split_whitespace().next()).chain(["resil_schema"]).collect()
    });
    tables.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_known_by_name() {
        for name in ["resil_schema", "resil_once", "resil_intents", "resil_operations", "resil_outbox", "resil_records"]
        {
            assert!(is_table(name), "{name}");
        }
        for name in ["resil_outbox_due", "resil_no_old_claims", "resil_", "orders"] {
            assert!(!is_table(name), "{name}");
        }
    }

    #[test]
    fn no_step_writes_a_table_anew() {
        for (number, (name, sql)) in (1..).zip(VERSIONS) {
            for part in sql.split(THEN) {
                let has = |what: &str| part.contains(what);
                assert!(!has("ALTER COLUMN") && !has("DEFAULT {now}"), "{name}: {part}");
                let alters = has("ALTER TABLE") || has("DROP INDEX");
                let writes =
                    has("UPDATE resil_") || has("DELETE FROM") || has("CREATE INDEX") || has("CREATE UNIQUE INDEX");
                assert!(
                    !(alters && writes),
                    "{number} {name} holds an exclusive lock for long: write {{then}} between: {part}"
                );
            }
        }
    }
}
