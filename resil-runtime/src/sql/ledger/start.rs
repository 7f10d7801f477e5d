//! What is checked before the first intent: the database, and whether the operations are those that the ledger knows.

use super::erased::Erased;
use super::keys;
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

const LONGEST_NAME: usize = 100;

/// What is wrong with the name of the installation. It becomes the database's if nothing is.
pub(super) async fn installation<DB: Backend>(db: &Db<DB>, name: &str, keep: bool) -> Result<Option<String>, Error> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        let name = name.escape_debug();
        return Ok(Some(format!(
            "`{name}` is no name of an installation, which has 1 to {LONGEST_NAME} visible characters: write \
             `.installation(\"shop-production\")`"
        )));
    }
    let known = if keep { keys::keep_installation(db, name).await? } else { keys::known_installation(db).await? };
    Ok(known.filter(|known| known != name).map(|known| {
        let (known, name) = (known.escape_debug(), name.escape_debug());
        format!(
            "the database is that of the installation `{known}`, and this is `{name}`: give this one a database of its own, \
             or write `.installation(\"{known}\")`"
        )
    }))
}
