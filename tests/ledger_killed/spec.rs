//! What is played.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub fn of(word: &str) -> Self {
                *Self::ALL.iter().find(|one| one.word() == word).expect("a word")
            }
        }
    };
}

words! { Database { Sqlite = "sqlite", Postgres = "postgres", } }
words! {
    /// What the partner is good for.
    Skill { Deduplicates = "deduplicates", Status = "status", Neither = "neither", }
}
words! {
    /// What happens to the first call.
    Way {
        Ok = "ok",
        Refuses = "refuses",
        LostBefore = "lost-before",
        LostAfter = "lost-after",
        Late = "late",
        Duplicates = "duplicates",
        Broken = "broken",
    }
}
words! {
    /// What our own books make of it.
    Local { Ok = "ok", Refuses = "refuses", CommitLost = "commit-lost", }
}
words! {
    /// What ends at a place: the process, or the way to its database, for a while.
    Death { Kill = "kill", Abort = "abort", Gone = "gone", }
}

/// How late a late call arrives: well within `settle` of the operations.
pub const LATE: Duration = Duration::from_millis(25);
pub const LEASE: Duration = Duration::from_millis(400);

/// One play: `database skill way local death first second`. `first` and `second` are the places at which the process and its
/// successor die, counted from 0; `-` is none.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub database: Database,
    pub skill: Skill,
    pub way: Way,
    pub local: Local,
    pub death: Death,
    pub first: Option<u32>,
    pub second: Option<u32>,
}

impl Spec {
    /// Everything but the places, which the plays themselves find.
    pub fn all(databases: &[Database]) -> Vec<Self> {
        let mut all = Vec::new();
        for &database in databases {
            for &skill in Skill::ALL {
                for &way in Way::ALL {
                    for &local in Local::ALL {
                        // SQLite is never far away.
                        let deaths =
                            Death::ALL.iter().filter(|death| **death != Death::Gone || database == Database::Postgres);
                        for &death in deaths {
                            all.push(Self { database, skill, way, local, death, first: None, second: None });
                        }
                    }
                }
            }
        }
        all
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, skill, way, local, death, first, second } = self;
        write!(f, "{} {} {} {} {}", database.word(), skill.word(), way.word(), local.word(), death.word())?;
        for place in [first, second] {
            match place {
                Some(place) => write!(f, " {place}")?,
                None => f.write_str(" -")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Spec {
    type Err = std::convert::Infallible;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let words: Vec<_> = line.split_whitespace().collect();
        Ok(Self {
            database: Database::of(words[0]),
            skill: Skill::of(words[1]),
            way: Way::of(words[2]),
            local: Local::of(words[3]),
            death: Death::of(words[4]),
            first: words[5].parse().ok(),
            second: words[6].parse().ok(),
        })
    }
}
