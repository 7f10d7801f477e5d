//! How the partner behaves: told from outside, for the next calls or until it is told otherwise.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    #[default]
    Ok,
    /// 402.
    Refuse,
    /// 503, and nothing is done.
    Down,
    /// Nothing is done or answered until the client leaves.
    TimeOut,
    /// It is done, and nothing is answered.
    ApplyThenTimeOut,
    /// Nothing is answered; it is done a while after the client has left.
    ApplyLate,
    /// It is done, and answered with 500.
    ApplyThenFail,
    /// It arrives twice, as networks have it.
    Duplicate,
    /// It is done twice, because this partner does not know keys.
    ForgetKeys,
    /// It is done after 700 ms.
    Slow,
    /// It is done when the mood changes.
    Hold,
    /// One of the above that a good partner may be in, by chance.
    Any,
}

/// Which calls a mood is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    #[default]
    Payments,
    Status,
    Cancel,
}

/// What `POST /mood` takes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Change {
    #[serde(default)]
    pub of: Of,
    pub mood: Mood,
    /// For so many calls; without it until told otherwise.
    #[serde(default)]
    pub times: Option<u32>,
    /// What it is after those.
    #[serde(default)]
    pub then: Mood,
}

/// Of each kind of call: the mood, for how many calls, and the next.
type Moods = [(Mood, Option<u32>, Mood); 3];

pub struct Told {
    moods: watch::Sender<Moods>,
    chance: Mutex<fastrand::Rng>,
}

impl Told {
    pub fn new(seed: u64) -> Self {
        let moods = watch::Sender::new(Moods::default());
        Self { moods, chance: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    pub fn change(&self, Change { of, mood, times, then }: Change) {
        self.moods.send_modify(|moods| moods[of as usize] = (mood, times, then));
    }

    /// The mood of one call.
    pub fn next(&self, of: Of) -> Mood {
        let mut now = Mood::Ok;
        self.moods.send_if_modified(|moods| {
            let told = &mut moods[of as usize];
            now = told.0;
            match &mut told.1 {
                Some(times @ 2..) => *times -= 1,
                Some(_) => *told = (told.2, None, Mood::Ok),
                None => {}
            }
            // Whoever is on hold waits for what it is told from outside.
            false
        });
        if now == Mood::Any { self.any() } else { now }
    }

    pub async fn changes(&self) {
        let mut moods = self.moods.subscribe();
        _ = moods.changed().await;
    }

    fn any(&self) -> Mood {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        match chance.u32(..20) {
            0 | 1 => Mood::Refuse,
            2 => Mood::Down,
            3 => Mood::TimeOut,
            4 => Mood::ApplyThenTimeOut,
            5..=7 => Mood::ApplyLate,
            8 | 9 => Mood::ApplyThenFail,
            10 | 11 => Mood::Duplicate,
            12 => Mood::Slow,
            _ => Mood::Ok,
        }
    }
}
