//! Four situations, each played on a shop, a partner and a database of its own.

mod database_fails;
mod fails_inside;
mod is_slow;
pub mod stage;
mod times_out;

use crate::{Failed, database};
use stage::{act, unique};

/// On whichever database there is: a function cannot take one that is generic over it.
macro_rules! play {
    ($postgres:expr, $nats:expr, $scenario:path) => {
        match $postgres {
            None => {
                let folder = tempfile::tempdir()?;
                act(database::sqlite(&folder.path().join("shop.db")).await?, $nats, $scenario).await?;
            }
            Some(url) => {
                let schema = unique("checkout");
                let db = database::own_schema(url, &schema).await?;
                let played = act(db.clone(), $nats, $scenario).await;
                let dropped = database::drop_schema(&db, &schema).await;
                played?;
                dropped?;
            }
        }
    };
}

/// On SQLite, unless there is a PostgreSQL; with events in this process, unless there is a NATS.
pub async fn play(postgres: Option<&str>, nats: Option<&str>) -> Result<(), Failed> {
    play!(postgres, nats, fails_inside::play);
    play!(postgres, nats, times_out::play);
    play!(postgres, nats, database_fails::play);
    play!(postgres, nats, is_slow::play);
    Ok(())
}
