//! What is played.

use std::collections::BTreeMap;
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
    /// What the partner makes of a key: it is one endpoint's and one body's, or whoever comes with it gets the answer that it
    /// has for it, or nothing.
    Keys { Strict = "strict", Alone = "alone", None = "none", }
}
words! {
    /// For how long it knows one.
    Memory { Forever = "forever", Short = "short", }
}
words! {
    /// What two requests of one key have in their bodies.
    Body { Same = "same", Fresh = "fresh", }
}
words! {
    /// What happens to the first call.
    Way {
        Ok = "ok",
        Refuses = "refuses",
        LostBefore = "lost-before",
        LostAfter = "lost-after",
        Late = "late",
        // It arrives while a status check is being answered, which does not know of it.
        AfterCheck = "after-check",
        Duplicates = "duplicates",
        Broken = "broken",
        // The answer is a status, and nothing was done or, where the word says so, it was.
        SeeOther = "303-done",
        Elsewhere = "307",
        WhoAreYou = "401",
        Forbidden = "403",
        Conflict = "409",
        Running = "409-done",
        Unprocessable = "422",
        TooMany = "429",
    }
}
words! {
    /// How the first two repeats are answered, whatever became of the call that they repeat.
    Repeat {
        Ok = "ok",
        // Said for good, so only while nothing was done.
        Declined = "402",
        SeeOther = "303",
        Elsewhere = "307",
        WhoAreYou = "401",
        Forbidden = "403",
        Conflict = "409",
        Unprocessable = "422",
        TooMany = "429",
    }
}
words! {
    /// What our own books make of it: they refuse, or trip over themselves twice, or the commit has no answer.
    Local { Ok = "ok", Refuses = "refuses", Trips = "trips", CommitLost = "commit-lost", }
}
words! {
    /// What ends at a place: the process, or the way to its database, for a while.
    Death { Kill = "kill", Abort = "abort", Gone = "gone", }
}

/// How late a late call arrives: well within `settle` of the operations.
pub const LATE: Duration = Duration::from_millis(25);
/// The same of a call that waits for a status check, which may not come.
pub const LATEST: Duration = Duration::from_millis(300);
/// How long it takes to answer a status check that a call overtakes: beyond `settle`.
pub const SLOW_CHECK: Duration = Duration::from_millis(450);
/// When a partner with a short memory has forgotten a key.
pub const FORGOTTEN: Duration = Duration::from_millis(100);
pub const LEASE: Duration = Duration::from_millis(400);

/// One play: `database skill keys memory body way repeat local death first second`. `first` and `second` are the places at which
/// the process and its successor die, counted from 0; `-` is none.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub database: Database,
    pub skill: Skill,
    pub keys: Keys,
    pub memory: Memory,
    pub body: Body,
    pub way: Way,
    pub repeat: Repeat,
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
                for &keys in Keys::ALL {
                    for &memory in Memory::ALL {
                        for &body in Body::ALL {
                            Self::add(&mut all, database, skill, (keys, memory, body));
                        }
                    }
                }
            }
        }
        all
    }

    fn add(all: &mut Vec<Self>, database: Database, skill: Skill, (keys, memory, body): (Keys, Memory, Body)) {
        let is_possible = match skill {
            // Who forgets does not deduplicate.
            Skill::Deduplicates => keys != Keys::None && memory == Memory::Forever,
            Skill::Status => keys != Keys::None || (memory, body) == (Memory::Forever, Body::Same),
            Skill::Neither => (keys, memory, body) == (Keys::None, Memory::Forever, Body::Same),
        };
        if !is_possible {
            return;
        }
        // Where neither a key nor a check helps, nothing is repeated that was in doubt.
        let repeats = if skill == Skill::Neither { &[Repeat::Ok][..] } else { Repeat::ALL };
        for &way in Way::ALL {
            for &repeat in repeats {
                for &local in Local::ALL {
                    // SQLite is never far away.
                    let deaths =
                        Death::ALL.iter().filter(|death| **death != Death::Gone || database == Database::Postgres);
                    for &death in deaths {
                        let (first, second) = (None, None);
                        all.push(Self {
                            database,
                            skill,
                            keys,
                            memory,
                            body,
                            way,
                            repeat,
                            local,
                            death,
                            first,
                            second,
                        });
                    }
                }
            }
        }
    }

    /// One for each database, skill, kind of keys and way; all else by turns.
    pub fn whole(databases: &[Database]) -> Vec<Self> {
        let mut groups: BTreeMap<String, Vec<Self>> = BTreeMap::new();
        for spec in Self::all(databases) {
            let Self { database, skill, keys, way, .. } = spec;
            groups.entry(format!("{database:?} {skill:?} {keys:?} {way:?}")).or_default().push(spec);
        }
        // Prime to the sizes of the groups.
        groups.into_values().enumerate().map(|(turn, group)| group[turn * 37 % group.len()]).collect()
    }

    /// Whether the partner sees to it that a repeated call has one effect.
    pub fn recognises_repeats(&self) -> bool {
        self.keys != Keys::None
            && self.memory == Memory::Forever
            && (self.keys, self.body) != (Keys::Strict, Body::Fresh)
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, skill, keys, memory, body, way, repeat, local, death, first, second } = self;
        write!(f, "{} {} {} ", database.word(), skill.word(), keys.word())?;
        write!(f, "{} {} {} ", memory.word(), body.word(), way.word())?;
        write!(f, "{} {} {}", repeat.word(), local.word(), death.word())?;
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
            keys: Keys::of(words[2]),
            memory: Memory::of(words[3]),
            body: Body::of(words[4]),
            way: Way::of(words[5]),
            repeat: Repeat::of(words[6]),
            local: Local::of(words[7]),
            death: Death::of(words[8]),
            first: words[9].parse().ok(),
            second: words[10].parse().ok(),
        })
    }
}
