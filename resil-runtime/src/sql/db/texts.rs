//! Statements of our own in the words of one database, with the names of the tables as this [`Db`](super::Db) has them.

use super::migration::is_table;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What the databases have different words for.
#[derive(Debug)]
pub struct Dialect {
    /// The database's clock, in milliseconds since 1970.
    pub(super) now: &'static str,
    /// The same in an `UPDATE` that needs it often, and where it comes from there.
    pub(super) clock: [&'static str; 2],
    /// A condition that the transaction is the one we began, where that can be asked for.
    pub(super) if_open: &'static str,
    /// Before a statement that begins a part of a transaction, the first one or another: fails if the part before has ended it,
    /// where no condition can ask for that.
    pub(super) parts: [&'static str; 2],
    /// Locks what is read, or what of it nobody has locked: against everybody, or against deletion alone.
    pub(super) locked: &'static str,
    pub(super) skip_locked: &'static str,
    pub(super) share_skip_locked: &'static str,
    /// Around a query for the rows that a key is among: an index is read for each of them, however many the planner expects.
    pub(super) among: [&'static str; 2],
    /// The texts of a JSON list, before and after the number of the value that holds it.
    pub(super) texts: [&'static str; 2],
    /// The same as rows with the column `value`.
    pub(super) each_text: [&'static str; 2],
    /// The elements of a JSON list as rows with the column `value`, in the same way.
    pub(super) rows: [&'static str; 2],
    /// A condition that lets an `UPDATE` with the rows of `$1`, each a list that begins with an `id`, read an index for each of
    /// them, however many the planner expects.
    pub(super) id_of_rows: &'static str,
    /// A column that numbers its rows, for good.
    pub(super) identity: &'static str,
    /// A text that is compared byte by byte, as we do.
    pub(super) bytes: &'static str,
    /// Lets claims of older versions find nothing: they have counted the leases of an intent.
    pub(super) no_old_claims: &'static str,
    /// Lets a part of a step be made again, where it may have been.
    pub(super) if_not_exists: &'static str,
}

impl Dialect {
    /// A statement with all that filled in: `{now}`, `{skip locked}`, `{texts of $1}` and so on; and with the schema before
    /// each table of ours and in place of `{schema}`. It holds nothing else that is not written in this crate.
    fn text(&self, schema: Option<&Schema>, sql: &str) -> String {
        let mut text = sql.replace("{now}", self.now).replace("{locked}", self.locked);
        text = text.replace("{clock}", self.clock[0]).replace("{from clock}", self.clock[1]);
        text = text.replace("{if open}", self.if_open);
        text = text.replace("{first part}", self.parts[0]).replace("{next part}", self.parts[1]);
        text = text.replace("{skip locked}", self.skip_locked).replace("{share skip locked}", self.share_skip_locked);
        text = text.replace("{among}", self.among[0]).replace("{end}", self.among[1]);
        text = text.replace("{identity}", self.identity).replace("{bytes}", self.bytes);
        text = text.replace("{old claims}", self.no_old_claims).replace("{if not exists}", self.if_not_exists);
        text = text.replace("{id of rows}", self.id_of_rows);
        for (what, [before, after]) in [("texts", self.texts), ("each text", self.each_text), ("rows", self.rows)] {
            for number in ["$1", "$2", "$3"] {
                text = text.replace(&format!("{{{what} of {number}}}"), &format!("{before}{number}{after}"));
            }
        }
        match schema {
            None => text.replace("{schema}", ""),
            Some(schema) => qualified(&text, &schema.prefix()).replace("{schema}", &schema.prefix()),
        }
    }
}

/// Puts this before each name of a table of ours.
fn qualified(text: &str, prefix: &str) -> String {
    let is_of_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let (mut all, mut rest) = (String::with_capacity(text.len() + 64), text);
    while let Some(start) = rest.find(is_of_name) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|char| !is_of_name(char)).unwrap_or(from.len()));
        all.push_str(before);
        if is_table(word) {
            all.push_str(prefix);
        }
        all.push_str(word);
        rest = after;
    }
    all + rest
}

/// A schema that the tables are in, whatever `search_path` says.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL has them"))]
pub(super) struct Schema(String);

/// In bytes: PostgreSQL cuts off what is longer.
#[cfg(any(feature = "postgres", test))]
const LONGEST_NAME: usize = 63;

impl Schema {
    /// `None` if it is no plain name: those alone come into the text of a statement.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn new(name: &str) -> Option<Self> {
        let is_plain = name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
            && name.starts_with(|first: char| !first.is_ascii_digit());
        (is_plain && name.len() <= LONGEST_NAME).then(|| Self(name.to_owned()))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// So that it is no keyword, and keeps its capitals.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }

    fn prefix(&self) -> String {
        format!("{}.", self.quoted())
    }
}

/// One of our statements, as it goes to the database.
#[derive(Debug)]
pub struct Statement {
    pub(super) text: SqlStr,
    /// Whether the connection keeps its plan.
    pub(super) is_kept: bool,
}

/// All of our statements as one [`Db`](super::Db) sends them, each made once. They are told apart by where they stand in the
/// program.
#[derive(Debug)]
pub(super) struct Texts {
    dialect: &'static Dialect,
    schema: Option<Schema>,
    is_pooled: bool,
    made: RwLock<BTreeMap<(usize, usize), SqlStr>>,
}

impl Texts {
    pub(super) const fn of(dialect: &'static Dialect) -> Self {
        Self { dialect, schema: None, is_pooled: false, made: RwLock::new(BTreeMap::new()) }
    }

    /// The same with the tables in this schema.
    #[cfg(feature = "postgres")]
    pub(super) fn in_schema(&self, schema: Schema) -> Self {
        Self { schema: Some(schema), is_pooled: self.is_pooled, ..Self::of(self.dialect) }
    }

    /// The same for connections that are others in each transaction.
    #[cfg(feature = "postgres")]
    pub(super) fn pooled(&self) -> Self {
        Self { schema: self.schema.clone(), is_pooled: true, ..Self::of(self.dialect) }
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    pub(super) fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    pub(super) fn statement(&self, sql: &'static str) -> Statement {
        Statement { text: self.text(sql), is_kept: !self.is_pooled }
    }

    pub(super) fn text(&self, sql: &'static str) -> SqlStr {
        let place = (sql.as_ptr().addr(), sql.len());
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        made.unwrap_or_else(|| {
            let text = AssertSqlSafe(Arc::<str>::from(self.once(sql))).into_sql_str();
            self.made.write().unwrap_or_else(PoisonError::into_inner).insert(place, text.clone());
            text
        })
    }

    /// The text of what is not run again.
    pub(super) fn once(&self, sql: &str) -> String {
        self.dialect.text(self.schema.as_ref(), sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_stands_before_tables_and_before_nothing_else() {
        let sql = "CREATE INDEX resil_outbox_due ON resil_outbox (due); DROP INDEX {schema}resil_outbox_due; \
                   SELECT 'resil_outbox'::regclass, resil_once.op, unresil_once FROM resil_once";
        let schema = Schema::new("Shop").unwrap();
        assert_eq!(
            qualified(sql, &schema.prefix()).replace("{schema}", &schema.prefix()),
            "CREATE INDEX resil_outbox_due ON \"Shop\".resil_outbox (due); DROP INDEX \"Shop\".resil_outbox_due; \
             SELECT '\"Shop\".resil_outbox'::regclass, \"Shop\".resil_once.op, unresil_once FROM \"Shop\".resil_once"
        );
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        for name in ["resil", "Shop_2", "_", &"a".repeat(63)] {
            assert_eq!(Schema::new(name).unwrap().name(), name);
        }
        for name in ["", "2nd", "a b", "a\"b", "a'b", "a.b", "a;b", "a-b", "schön", "a\0", "{now}", &"a".repeat(64)] {
            assert!(Schema::new(name).is_none(), "{name}");
        }
    }
}
