//! The moves of all intents that are driven here, many in one statement.

use super::gathering::{Together, Waiting};
use super::written::{AllStand, Stands, ToWrite};
use crate::{Backend, Classify as _, Db, Effect, Error, clock};
use std::sync::Arc;
use tokio::time::Instant;

/// As many as one claim takes up at most.
const MOST: usize = 64;

/// What has become of a move.
pub(super) enum Written {
    /// It is written, by a statement that was sent at this moment.
    Stands(Stands, Instant),
    /// The lease was lost.
    Lost,
    Failed(Error),
    /// It may be written.
    Unknown,
    /// Nothing was done, perhaps because of another one: to be written by itself.
    NotYet,
}

impl Written {
    /// Writes one by itself.
    pub(super) async fn alone<DB: Backend>(written: &ToWrite, db: &Db<DB>) -> Self {
        let asked = clock::instant();
        match written.to(db).await {
            Ok(stands) => Self::answered(stands, asked),
            Err(error) => Self::Failed(error),
        }
    }

    fn answered(stands: Option<Stands>, asked: Instant) -> Self {
        stands.map_or(Self::Lost, |stands| Self::Stands(stands, asked))
    }
}

pub(super) struct Moves<DB: Backend>(pub(super) Db<DB>);

impl<DB: Backend> Together for Moves<DB> {
    type Member = Arc<ToWrite>;
    type Told = Written;

    fn most(&self) -> usize {
        MOST
    }

    fn at_once(&self) -> usize {
        DB::WRITERS
    }

    async fn run(&self, mut group: Vec<Waiting<Arc<ToWrite>, Written>>) {
        if group.len() == 1
            && let Some(one) = group.pop()
        {
            let written = Written::alone(&one.member, &self.0).await;
            one.tell(written);
            return;
        }
        let asked = clock::instant();
        match AllStand::after(&self.0, group.iter().map(|one| &*one.member)).await {
            Ok(mut all) => {
                for one in group {
                    let stands = all.take(&one.member);
                    one.tell(Written::answered(stands, asked));
                }
            }
            Err(error) => {
                let is_unknown = error.verdict().effect == Effect::Unknown;
                for one in group {
                    one.tell(if is_unknown { Written::Failed(error.clone()) } else { Written::NotYet });
                }
            }
        }
    }
}
