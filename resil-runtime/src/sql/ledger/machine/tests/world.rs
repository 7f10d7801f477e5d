//! One intent after another lives to its end, beside a partner who forgets.

use super::*;
use proptest::prelude::*;

/// What is really so, and what has been seen.
struct World {
    rng: fastrand::Rng,
    now: Millis,
    deduplicates: bool,
    /// For how long the partner knows a key, and since when.
    key_lifetime: Millis,
    knows_key_since: Option<Millis>,
    applied: u32,
    cancelled: bool,
    /// When a request arrives that is under way.
    arrives: Option<Millis>,
    has_compensated: bool,
    calls_after_applied: u32,
    calls: u32,
}

impl World {
    fn arrive(&mut self) {
        let since = *self.knows_key_since.get_or_insert(self.now);
        let is_known = self.deduplicates && self.now < since + self.key_lifetime;
        if !(is_known && self.applied > 0) {
            self.applied += 1;
        }
    }

    fn pass(&mut self, time: Millis) {
        let until = self.now + time;
        if let Some(at) = self.arrives.take_if(|at| *at <= until) {
            self.now = at;
            self.arrive();
        }
        self.now = until;
    }

    fn call(&mut self) -> Option<Fact> {
        assert!(!self.has_compensated, "an undo never turns back into a call");
        if self.applied > 0 && !self.deduplicates {
            self.calls_after_applied += 1;
        }
        self.calls += 1;
        let fails = |verdict| Some(Fact::Called(Err(failed(verdict))));
        match self.rng.u8(..14) {
            0 if self.applied == 0 => fails(Verdict::caller()),
            // Conclusive: it is not answered so once it was applied.
            13 if self.deduplicates && self.arrives.is_none() && self.applied == 0 => fails(Verdict::status(402)),
            // A repeat is refused whatever became of the first request.
            10 if self.calls > 1 => fails(Verdict::status([400, 403, 404, 422, 429][self.rng.usize(..5)])),
            11 => fails(Verdict::caller().ours()),
            12 if self.applied == 0 => fails(Verdict::status([401, 409, 429][self.rng.usize(..3)])),
            1 => fails(Verdict::transient()),
            2 => {
                self.arrive();
                fails(Verdict::status(500))
            }
            3 => {
                self.arrives = Some(self.now + self.rng.i64(1..SETTLE));
                fails(Verdict::transient())
            }
            4 => fails(Verdict::transient().unsent()),
            5 => fails(Verdict::refused()),
            6 => Some(Fact::Panicked("as planned".to_owned())),
            // The worker dies, before it has sent anything or after.
            7 => None,
            8 => {
                self.arrive();
                None
            }
            _ => {
                self.arrive();
                Some(Fact::Called(Ok("receipt".to_owned())))
            }
        }
    }

    fn check(&mut self) -> Option<Fact> {
        Some(Fact::Checked(match self.rng.u8(..6) {
            0 => Err(failed(Verdict::transient())),
            1 => Err(failed(Verdict::refused())),
            2 => Ok(Status::Pending),
            3 => return None,
            _ if self.applied > 0 => Ok(Status::Applied("receipt".to_owned())),
            _ => Ok(Status::NotApplied),
        }))
    }

    fn cancel(&mut self) -> Option<Result<(), Fact>> {
        self.has_compensated = true;
        assert_eq!(self.arrives, None, "nothing is cancelled that may still arrive");
        match self.rng.u8(..5) {
            0 => Some(Err(Fact::NotCancelled(failed(Verdict::transient())))),
            1 => {
                self.cancelled = true;
                None
            }
            _ => {
                self.cancelled = true;
                Some(Ok(()))
            }
        }
    }

    /// Whether our own books are written; `None` if the worker dies.
    fn books(&mut self, fact: impl FnOnce(Failed) -> Fact) -> Option<Result<(), Fact>> {
        match self.rng.u8(..8) {
            0 => Some(Err(fact(failed(Verdict::transient().unsent())))),
            1 => Some(Err(fact(crate::ledger::refuse("as planned")))),
            3 => Some(Err(fact(failed(Verdict::caller().ours())))),
            2 => None,
            _ => Some(Ok(())),
        }
    }
}

/// Lives one intent to its end, and answers where it ended.
fn live(seed: u64, settings: &Settings, deduplicates: bool) -> (State, World) {
    live_from(Position { attempts: 0, ..at(State::Recorded) }, seed, settings, deduplicates)
}

fn live_from(from: Position, seed: u64, settings: &Settings, deduplicates: bool) -> (State, World) {
    let mut world = World {
        rng: fastrand::Rng::with_seed(seed),
        now: 1_000_000,
        deduplicates,
        key_lifetime: Millis::try_from(settings.key_lifetime.as_millis()).expect("short"),
        knows_key_since: None,
        applied: 0,
        cancelled: false,
        arrives: None,
        has_compensated: false,
        calls_after_applied: 0,
        calls: 0,
    };
    let mut position = from.claimed(world.now);
    for _ in 0..1_000 {
        let undoes = matches!(position.state, State::Declined | State::Compensating);
        assert!(!(position.is_done_here && undoes), "what is done here is undone by nobody but an operator");
        let fact = match position.next(settings, world.now) {
            Action::Rest => return (position.state, world),
            Action::Go(to) => {
                position = taken(&mut world, &position, &to);
                continue;
            }
            Action::Call => world.call(),
            Action::Check => world.check(),
            Action::Cancel => match world.cancel() {
                None => None,
                Some(Err(fact)) => Some(fact),
                Some(Ok(())) => match world.books(Fact::NotUndone) {
                    None => None,
                    Some(Err(fact)) => Some(fact),
                    Some(Ok(())) => {
                        position = taken(&mut world, &position, &position.done());
                        continue;
                    }
                },
            },
            Action::Apply | Action::Reject => {
                let is_apply = position.state == State::Succeeded;
                match world.books(if is_apply { Fact::NotApplied } else { Fact::NotUndone }) {
                    None => None,
                    Some(Err(fact)) => Some(fact),
                    Some(Ok(())) => {
                        position = taken(&mut world, &position, &position.done());
                        continue;
                    }
                }
            }
        };
        let random = 1.0 - world.rng.f64();
        position = match fact {
            Some(fact) => {
                let to = position.after(fact, settings, world.now, || random);
                taken(&mut world, &position, &to)
            }
            // Another worker finds it when the lease is over.
            None => {
                world.pass(100);
                position.claimed(world.now)
            }
        };
    }
    panic!("no end: {position:?}");
}

/// The position after a move was written down, and claimed again if it waited.
fn taken(world: &mut World, from: &Position, to: &Move) -> Position {
    let Move { to: state, attempts, panics, put_off, begins, doubt_until, .. } = *to;
    let since = if begins { Some(world.now) } else { from.since };
    let called = from.called.or_else(|| (state == State::Calling).then_some(world.now));
    let position = Position { state, attempts, panics, put_off, since, called, doubt_until, ..*from };
    match to.then {
        Then::GoOn | Then::Rest => position,
        Then::Wait(wait) => {
            world.pass(Millis::try_from(wait.as_millis()).expect("short"));
            position.claimed(world.now)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_intent_ends_and_the_books_agree(
        seed: u64, verifies: bool, compensates: bool, deduplicates: bool, policy in 0..3,
        key_lifetime in 2_000..2_000_000_i64
    ) {
        let in_doubt = match policy {
            0 => InDoubt::Cancel,
            1 if deduplicates => InDoubt::Repeat,
            _ => InDoubt::Manual,
        };
        let settings = settings(verifies, compensates || in_doubt == InDoubt::Cancel, in_doubt).conclusive(&[402]);
        let settings = settings.key_lifetime(millis(key_lifetime)).give_up(Duration::from_secs(600));
        let (end, mut world) = live(seed, &settings, deduplicates);
        // Whatever is still under way arrives.
        world.pass(10 * SETTLE);
        prop_assert!(world.applied <= 1, "never twice: {}", world.applied);
        prop_assert_eq!(world.calls_after_applied, 0, "never called again once applied");
        match end {
            State::Applied => prop_assert!(world.applied == 1 && !world.cancelled),
            State::Rejected => prop_assert_eq!(world.applied, 0),
            State::Compensated => prop_assert!(world.cancelled),
            State::Manual => {}
            other => prop_assert!(false, "{:?} is no end", other),
        }
    }

    /// A comparison has put it on its way again: whatever the partner and our own books do, it ends as it was, or with an
    /// operator.
    #[test]
    fn what_is_done_here_is_never_undone(seed: u64, verifies: bool, cancels: bool, deduplicates: bool) {
        let settings = settings(verifies, true, if cancels { InDoubt::Cancel } else { InDoubt::Repeat });
        let from = Position { attempts: 0, is_done_here: true, ..at(State::Unknown) };
        let (end, world) = live_from(from, seed, &settings, deduplicates);
        prop_assert!(matches!(end, State::Applied | State::Manual), "{end}");
        prop_assert!(!world.cancelled);
    }
}
