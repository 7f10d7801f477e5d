//! What is checked before the first intent: the database, and whether the operations are those that the ledger knows.

use super::erased::Erased;
use crate::{Backend, Db, Error};
use std::collections::HashMap;
use std::sync::Arc;

const KNOW: &str = "
    INSERT INTO resil_operations (op, version, shape) VALUES ($1, $2, $3)
    ON CONFLICT (op, version) DO UPDATE SET shape = resil_operations.shape
    RETURNING shape";

/// Everything that is wrong, in sentences.
pub(super) async fn check<DB: Backend>(
    db: &Db<DB>,
    operations: &HashMap<(&'static str, u32), Arc<dyn Erased<DB>>>,
) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    for (setting, unsafe_value) in DB::OWN_SETTINGS {
        let value = db.statement(setting, &[]).await?.into_iter().find_map(|mut row| row.any(0)).unwrap_or_default();
        problems.extend(unsafe_value(&value));
    }
    for operation in operations.values() {
        let (name, version, shape) = (operation.name(), operation.version(), operation.shape());
        let known = db.statement(KNOW, &[name.into(), i64::from(version).into(), shape.into()]).await?;
        let known = known.into_iter().find_map(|mut row| row.text(0)).unwrap_or_default();
        if known != shape {
            problems.push(format!(
                "operation `{}` version {version} has changed: the ledger has intents of `{}`, and now it is `{}`: write \
                 `version = {}`, and keep the old one under its version until its intents are done",
                name.escape_debug(),
                known.escape_debug(),
                shape.escape_debug(),
                version + 1,
            ));
        }
    }
    Ok(problems)
}
