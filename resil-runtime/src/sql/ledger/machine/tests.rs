//! The machine alone, against a world that knows the truth.

use super::*;
use crate::Classify as _;
use crate::sql::ledger::settings::InDoubt;
use proptest::prelude::*;

const SETTLE: Millis = 1_000;

fn settings(verifies: bool, compensates: bool, in_doubt: InDoubt) -> Settings {
    let settings = Settings::new().settle(millis(SETTLE)).attempts(6).in_doubt(in_doubt);
    let settings = if verifies { settings.verifies() } else { settings };
    if compensates { settings.compensates() } else { settings }
}

fn at(state: State) -> Position {
    Position { state, attempts: 1, panics: 0, doubt_until: None, is_done_here: false }
}

fn failed(verdict: Verdict) -> Failed {
    Failed::new(verdict, "as planned")
}

fn after(position: Position, fact: Fact, settings: &Settings) -> Move {
    position.after(fact, settings, 5_000, || 1.0)
}

#[test]
fn what_is_certain_is_declined_and_what_is_not_is_unknown() {
    let settings = settings(true, true, InDoubt::Manual);
    let called = |verdict| after(at(State::Calling), Fact::Called(Err(failed(verdict))), &settings);
    assert_eq!(called(Verdict::caller()).to, State::Declined);
    assert_eq!(called(Verdict::permanent().unsent()).to, State::Declined);
    assert_eq!(called(Verdict::transient().unsent()).to, State::Recorded);
    for unknown in [Verdict::transient(), Verdict::permanent(), Verdict::status(500), Verdict::status(503)] {
        let to = called(unknown);
        assert_eq!((to.to, to.doubt_until, to.then), (State::Unknown, Some(5_000 + SETTLE), Then::GoOn));
    }
}

#[test]
fn our_own_refusal_spends_no_attempt_and_waits_as_long_as_it_says() {
    let settings = settings(true, true, InDoubt::Manual);
    let refused = Verdict::refused().retry_after(Some(Duration::from_secs(30)));
    for (from, fact, home) in [
        (State::Calling, Fact::Called(Err(failed(refused))), State::Recorded),
        (State::Unknown, Fact::Checked(Err(failed(refused))), State::Unknown),
        (State::Compensating, Fact::NotCancelled(failed(refused)), State::Compensating),
    ] {
        let to = after(at(from), fact, &settings);
        assert_eq!((to.to, to.attempts, to.then), (home, 0, Then::Wait(Duration::from_secs(30))));
    }
}

#[test]
fn a_time_that_the_partner_names_is_waited_for() {
    let settings = settings(true, true, InDoubt::Manual);
    let busy = Verdict::status(429).retry_after(Some(Duration::from_secs(20)));
    let to = after(at(State::Calling), Fact::Called(Err(failed(busy))), &settings);
    assert_eq!((to.to, to.attempts, to.then), (State::Recorded, 1, Then::Wait(Duration::from_secs(20))));
    let forever = Verdict::status(429).retry_after(Some(Duration::MAX));
    let to = after(at(State::Calling), Fact::Called(Err(failed(forever))), &settings);
    assert_eq!(to.then, Then::Wait(LONGEST_WAIT), "but not forever");
}

#[test]
fn absence_is_believed_when_nothing_can_arrive_any_more() {
    let settings = settings(true, true, InDoubt::Manual);
    let checked = |doubt_until| {
        let position = Position { doubt_until: Some(doubt_until), ..at(State::Unknown) };
        after(position, Fact::Checked(Ok(Status::NotApplied)), &settings)
    };
    let early = checked(5_001);
    assert_eq!((early.to, early.then, early.attempts), (State::Unknown, Then::Wait(millis(1)), 0));
    let late = checked(5_000);
    assert_eq!((late.to, late.doubt_until), (State::Recorded, None));
}

#[test]
fn absence_is_judged_by_when_it_was_asked_for() {
    let settings = settings(true, true, InDoubt::Manual);
    let position = Position { doubt_until: Some(5_000), ..at(State::Unknown) };
    // The partner read its book at 4_000 and answered at 6_000; a late request arrived in between.
    let now = Now { early: 4_000, late: 6_000 };
    let to = position.after(Fact::Checked(Ok(Status::NotApplied)), &settings, now, || 1.0);
    assert_eq!((to.to, to.then), (State::Unknown, Then::Wait(millis(1_000))));
}

#[test]
fn a_refused_repeat_ends_no_doubt() {
    let refusals = [400, 401, 403, 404, 409, 422, 429].map(Verdict::status);
    let ours = [crate::Error::MissingKey { method: "POST" }.verdict(), Verdict::permanent().unsent().ours()];
    for refused in refusals.into_iter().chain(ours) {
        for doubt_until in [4_000, 6_000] {
            let position = Position { doubt_until: Some(doubt_until), ..at(State::Calling) };
            let called = |settings: &Settings| after(position, Fact::Called(Err(failed(refused))), settings);
            let checks = called(&settings(true, true, InDoubt::Repeat));
            assert_eq!((checks.to, checks.doubt_until.is_some()), (State::Unknown, true), "{refused:?}");
            let repeats = settings(false, false, InDoubt::Repeat);
            assert_eq!(called(&repeats).to, State::Unknown, "{refused:?}");
            let last = Position { attempts: 6, ..position };
            assert_eq!(after(last, Fact::Called(Err(failed(refused))), &repeats).to, State::Manual, "{refused:?}");
        }
    }
}

#[test]
fn a_conclusive_answer_ends_a_doubt_when_nothing_can_arrive_any_more() {
    let settings = settings(false, false, InDoubt::Repeat).conclusive(&[402]);
    let called = |status, doubt_until| {
        let position = Position { doubt_until, ..at(State::Calling) };
        after(position, Fact::Called(Err(failed(Verdict::status(status)))), &settings)
    };
    assert_eq!(called(402, Some(5_000)).to, State::Declined);
    let early = called(402, Some(5_500));
    assert_eq!((early.to, early.then), (State::Unknown, Then::Wait(millis(500))));
    assert_eq!(called(403, Some(5_000)).to, State::Unknown, "another says nothing");
    assert_eq!(called(402, None).to, State::Declined);
}

#[test]
fn what_is_conclusive_is_so_whatever_it_is_else() {
    let settings = settings(true, true, InDoubt::Repeat).conclusive(&[403, 409, 429]);
    let mark = Verdict::caller().conclusive();
    for verdict in [Verdict::status(403), Verdict::status(409), Verdict::status(429), mark] {
        let called = |failed, doubt_until| {
            let position = Position { doubt_until, ..at(State::Calling) };
            let to = after(position, Fact::Called(Err(failed)), &settings);
            (to.to, to.then)
        };
        let declined = (State::Declined, Then::GoOn);
        assert_eq!(called(failed(verdict), None), declined, "on the first call: {verdict:?}");
        assert_eq!(called(failed(verdict), Some(5_000)), declined, "{verdict:?}");
        let repeated = Failed { is_in_doubt: true, ..failed(verdict) };
        let waits = (State::Unknown, Then::Wait(millis(SETTLE)));
        assert_eq!(called(repeated, None), waits, "something of this call may still arrive: {verdict:?}");
    }
}

#[test]
fn a_first_refusal_is_the_partners_or_ours_or_none() {
    let settings = settings(true, true, InDoubt::Manual);
    let called = |verdict, attempts| {
        let position = Position { attempts, ..at(State::Calling) };
        after(position, Fact::Called(Err(failed(verdict))), &settings).to
    };
    for refused in [400, 402, 404, 422] {
        assert_eq!(called(Verdict::status(refused), 1), State::Declined, "{refused}");
    }
    assert_eq!(called(Verdict::status(429), 1), State::Recorded);
    for unknown in [408, 409, 425] {
        assert_eq!(called(Verdict::status(unknown), 1), State::Unknown, "{unknown}: it may be worked on");
    }
    let mistakes = [401, 403, 407].map(Verdict::status).into_iter();
    for ours in mistakes.chain([Verdict::caller().ours(), Verdict::permanent().unsent().ours()]) {
        assert_eq!([called(ours, 1), called(ours, 6)], [State::Recorded, State::Manual], "{ours:?}");
    }
}

#[test]
fn our_own_books_refuse_by_intent_only() {
    let settings = settings(true, true, InDoubt::Manual);
    let applied = |verdict| after(at(State::Succeeded), Fact::NotApplied(failed(verdict)), &settings).to;
    assert_eq!(applied(Verdict::caller()), State::Succeeded);
    assert_eq!(applied(Verdict::caller().ours()), State::Succeeded);
    let applied = |failed| after(at(State::Succeeded), Fact::NotApplied(failed), &settings).to;
    assert_eq!(applied(crate::ledger::refuse("sold out")), State::Compensating);
}

#[test]
fn a_doubt_from_the_future_is_cut_to_what_it_may_last() {
    let settings = settings(true, true, InDoubt::Manual);
    let position = Position { doubt_until: Some(Millis::MAX), ..at(State::Unknown) };
    let Step::Go(to) = position.next(&settings, 5_000) else { panic!() };
    assert_eq!((to.to, to.doubt_until), (State::Unknown, Some(5_000 + SETTLE)));
}

#[test]
fn the_third_panic_is_an_operators() {
    let settings = settings(true, true, InDoubt::Manual);
    let panicked = |panics| {
        let position = Position { panics, ..at(State::Succeeded) };
        after(position, Fact::Panicked("x".to_owned()), &settings).to
    };
    assert_eq!([panicked(0), panicked(1), panicked(2)], [State::Succeeded, State::Succeeded, State::Manual]);
}

/// What is really so, and what has been seen.
struct World {
    rng: fastrand::Rng,
    now: Millis,
    deduplicates: bool,
    applied: u32,
    cancelled: bool,
    /// When a request arrives that is under way.
    arrives: Option<Millis>,
    has_compensated: bool,
    calls_after_applied: u32,
    calls: u32,
    began: Position,
}

impl World {
    fn arrive(&mut self) {
        if !(self.deduplicates && self.applied > 0) {
            self.applied += 1;
        }
    }

    fn pass(&mut self, time: Millis) {
        self.now += time;
        if self.arrives.is_some_and(|at| at <= self.now) {
            self.arrives = None;
            self.arrive();
        }
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
        applied: 0,
        cancelled: false,
        arrives: None,
        has_compensated: false,
        calls_after_applied: 0,
        calls: 0,
        began: from,
    };
    let mut position = from.claimed(world.now, SETTLE);
    for _ in 0..1_000 {
        let undoes = matches!(position.state, State::Declined | State::Compensating);
        assert!(!(position.is_done_here && undoes), "what is done here is undone by nobody but an operator");
        let fact = match position.next(settings, world.now) {
            Step::Rest => return (position.state, world),
            Step::Go(to) => {
                position = taken(&mut world, &to);
                continue;
            }
            Step::Call => world.call(),
            Step::Check => world.check(),
            Step::Cancel => match world.cancel() {
                None => None,
                Some(Err(fact)) => Some(fact),
                Some(Ok(())) => match world.books(Fact::NotUndone) {
                    None => None,
                    Some(Err(fact)) => Some(fact),
                    Some(Ok(())) => {
                        position = taken(&mut world, &position.done());
                        continue;
                    }
                },
            },
            Step::Apply | Step::Reject => {
                let is_apply = position.state == State::Succeeded;
                match world.books(if is_apply { Fact::NotApplied } else { Fact::NotUndone }) {
                    None => None,
                    Some(Err(fact)) => Some(fact),
                    Some(Ok(())) => {
                        position = taken(&mut world, &position.done());
                        continue;
                    }
                }
            }
        };
        let random = 1.0 - world.rng.f64();
        position = match fact {
            Some(fact) => {
                let to = position.after(fact, settings, world.now, || random);
                taken(&mut world, &to)
            }
            // Another worker finds it when the lease is over.
            None => {
                world.pass(100);
                position.claimed(world.now, SETTLE)
            }
        };
    }
    panic!("no end: {position:?}");
}

/// The position after a move was written down, and claimed again if it waited.
fn taken(world: &mut World, to: &Move) -> Position {
    let Move { to: state, attempts, panics, doubt_until, .. } = *to;
    let position = Position { state, attempts, panics, doubt_until, is_done_here: world.began.is_done_here };
    match to.then {
        Then::GoOn | Then::Rest => position,
        Then::Wait(wait) => {
            world.pass(Millis::try_from(wait.as_millis()).expect("short"));
            position.claimed(world.now, SETTLE)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_intent_ends_and_the_books_agree(
        seed: u64, verifies: bool, compensates: bool, deduplicates: bool, policy in 0..3
    ) {
        let in_doubt = match policy {
            0 => InDoubt::Cancel,
            1 if deduplicates => InDoubt::Repeat,
            _ => InDoubt::Manual,
        };
        let settings = settings(verifies, compensates || in_doubt == InDoubt::Cancel, in_doubt).conclusive(&[402]);
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

#[test]
fn every_state_is_read_as_it_is_written() {
    for state in State::ALL {
        assert_eq!(State::of(state.text()), Some(state));
    }
    assert_eq!(State::of("LATER"), None);
}
