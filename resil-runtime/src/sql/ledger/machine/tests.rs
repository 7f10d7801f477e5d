//! The machine alone, against a world that knows the truth.

mod world;

use super::*;
use crate::Classify as _;
use crate::sql::ledger::settings::InDoubt;

const SETTLE: Millis = 1_000;

fn settings(verifies: bool, compensates: bool, in_doubt: InDoubt) -> Settings {
    let settings = Settings::new().settle(millis(SETTLE)).attempts(6).in_doubt(in_doubt);
    let settings = if verifies { settings.verifies() } else { settings };
    if compensates { settings.compensates() } else { settings }
}

fn at(state: State) -> Position {
    Position {
        state,
        attempts: 1,
        panics: 0,
        put_off: 0,
        since: None,
        called: None,
        doubt_until: None,
        is_done_here: false,
        is_resolved: false,
    }
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
fn our_own_refusal_spends_no_attempt_and_waits_as_long_as_it_says_and_longer_each_time() {
    let settings = settings(true, true, InDoubt::Manual);
    let refused = Verdict::refused().retry_after(Some(Duration::from_secs(30)));
    for (from, fact, home) in [
        (State::Calling, Fact::Called(Err(failed(refused))), State::Recorded),
        (State::Unknown, Fact::Checked(Err(failed(refused))), State::Unknown),
        (State::Compensating, Fact::NotCancelled(failed(refused)), State::Compensating),
    ] {
        let to = after(at(from), fact, &settings);
        assert_eq!((to.to, to.attempts, to.put_off), (home, 0, 1));
        assert_eq!(to.then, Then::Wait(Duration::from_secs(31)), "not in step with others");
    }
    let waits = [1, 2, 3, 4, 20].map(|times| {
        let position = Position { put_off: times - 1, ..at(State::Calling) };
        let to = after(position, Fact::Called(Err(failed(Verdict::refused()))), &settings);
        assert_eq!(to.put_off, times);
        to.then
    });
    assert_eq!(waits, [1, 2, 4, 8, 300].map(|seconds| Then::Wait(Duration::from_secs(seconds))));
    let tried = after(
        Position { put_off: 7, ..at(State::Calling) },
        Fact::Called(Err(failed(Verdict::status(429)))),
        &settings,
    );
    assert_eq!(tried.put_off, 0, "this one was an attempt");
}

const LIFETIME: Millis = 60_000;

#[test]
fn a_key_that_the_partner_may_have_forgotten_is_not_sent() {
    let next = |position: Position, settings: &Settings, now: Now| {
        let settings = settings.key_lifetime(millis(LIFETIME));
        Position { called: Some(0), ..position }.next(&settings, now)
    };
    let [checks, repeats] = [settings(true, true, InDoubt::Manual), settings(false, false, InDoubt::Repeat)];
    let (last, old) = (LIFETIME - SETTLE - 1, LIFETIME - SETTLE);
    let doubted = Position { doubt_until: Some(1), ..at(State::Calling) };
    let resolved = Position { is_resolved: true, ..at(State::Calling) };
    let done_here = Position { is_done_here: true, ..at(State::Calling) };
    for (position, settings, expected) in [
        (at(State::Calling), checks, State::Declined),
        (doubted, checks, State::Unknown),
        (doubted, repeats, State::Manual),
        (resolved, checks, State::Manual),
        (done_here, checks, State::Manual),
        (Position { is_resolved: true, ..doubted }, repeats, State::Manual),
    ] {
        assert_eq!(next(position, &settings, last.into()), Action::Call);
        // Our clock knows the database's between two bounds, and the later one counts.
        for now in [old.into(), Now { early: 0, late: old }] {
            let Action::Go(to) = next(position, &settings, now) else { panic!("{position:?} is called") };
            assert_eq!(to.to, expected, "{position:?}");
            assert!(expected == State::Unknown || to.why.contains("may have forgotten the key"), "{}", to.why);
        }
    }
    let doubted = Position { doubt_until: Some(1), ..at(State::Unknown) };
    assert!(matches!(next(doubted, &repeats, last.into()), Action::Go(to) if to.to == State::Calling));
    assert!(matches!(next(doubted, &repeats, old.into()), Action::Go(to) if to.to == State::Manual));
    assert_eq!(next(doubted, &checks, old.into()), Action::Check, "which does not send it");
}

#[test]
fn what_was_not_applied_by_the_end_of_its_key_is_not_done() {
    let settings = settings(true, true, InDoubt::Manual).key_lifetime(millis(LIFETIME));
    let checked = |position: Position, now: Millis| {
        let position = Position { doubt_until: Some(1), called: Some(0), ..position };
        position.after(Fact::Checked(Ok(Status::NotApplied)), &settings, now, || 1.0)
    };
    assert_eq!(checked(at(State::Unknown), LIFETIME - SETTLE - 1).to, State::Recorded);
    let old = checked(at(State::Unknown), LIFETIME - SETTLE);
    assert_eq!(old.to, State::Declined, "{}", old.why);
    let compared = Position { is_done_here: true, ..at(State::Unknown) };
    assert_eq!(checked(compared, LIFETIME - SETTLE).to, State::Manual, "our own books have it as done");
}

#[test]
fn it_is_given_up_after_a_time_and_not_after_so_many_attempts() {
    let settings = Settings::new().in_doubt(InDoubt::Repeat).compensates();
    let day = Millis::from(86_400_000);
    let unsent = || failed(Verdict::transient().unsent());
    let refused = || failed(Verdict::refused());
    for (from, fact, goes_on, ends) in [
        (State::Calling, Fact::Called as fn(_) -> _, State::Recorded, State::Declined),
        (State::Unknown, |_| Fact::Checked(Ok(Status::Pending)), State::Unknown, State::Manual),
        (State::Unknown, |failed: Result<_, _>| Fact::Checked(Err(failed.unwrap_err())), State::Unknown, State::Manual),
        (
            State::Compensating,
            |failed: Result<_, _>| Fact::NotCancelled(failed.unwrap_err()),
            State::Compensating,
            State::Manual,
        ),
        (
            State::Succeeded,
            |failed: Result<_, _>| Fact::NotApplied(failed.unwrap_err()),
            State::Succeeded,
            State::Manual,
        ),
    ] as [(State, fn(Result<Receipt, Failed>) -> Fact, State, State); 5]
    {
        let position = Position { attempts: 10_000, since: Some(5), ..at(from) };
        for trouble in [unsent, refused] as [fn() -> Failed; 2] {
            let after = |now: Now| position.after(fact(Err(trouble())), &settings, now, || 1.0).to;
            // No sooner than told: the earlier bound counts.
            assert_eq!(after(Now { early: day + 4, late: day + 9 }), goes_on);
            assert_eq!(after((day + 5).into()), ends);
        }
    }
    let progress = at(State::Calling).after(Fact::Called(Ok("receipt".to_owned())), &settings, 5, || 1.0);
    assert!(progress.begins, "the next part of the way has all the time before it");
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
fn what_an_operator_calls_again_ends_no_doubt_either() {
    let refusals = [400, 401, 404, 409, 422, 429].map(Verdict::status);
    let certain = refusals.into_iter().chain([Verdict::transient().unsent(), Verdict::refused()]);
    for verdict in certain {
        for in_doubt in [InDoubt::Manual, InDoubt::Cancel, InDoubt::Repeat] {
            let doubted = Position { doubt_until: Some(1), is_resolved: true, ..at(State::Calling) };
            let called = |position: Position| {
                let settings = settings(false, true, in_doubt).conclusive(&[410]);
                after(position, Fact::Called(Err(failed(verdict))), &settings)
            };
            for position in [doubted, Position { attempts: 6, since: Some(-86_400_000), ..doubted }] {
                let to = called(position);
                assert_ne!(to.to, State::Declined, "{verdict:?} {in_doubt:?}");
                assert!(to.doubt_until.is_some(), "{verdict:?} {in_doubt:?}");
            }
        }
        let asked = Position { doubt_until: Some(1), is_resolved: true, ..at(State::Calling) };
        let to = after(asked, Fact::Called(Err(failed(verdict))), &settings(false, false, InDoubt::Manual));
        let goes_on = failed(verdict).passes() || verdict.kind == Kind::Refused;
        assert_eq!(to.to, if goes_on { State::Recorded } else { State::Manual }, "{verdict:?}");
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
fn a_conclusive_answer_waits_for_what_its_own_call_may_have_left_under_way() {
    let settings = settings(false, false, InDoubt::Repeat).conclusive(&[402]);
    // An attempt of this call timed out, and the next one was answered.
    let answered = Failed { is_in_doubt: true, ..failed(Verdict::status(402)) };
    for (earlier, until) in [(1, 5_000 + SETTLE), (5_500, 5_000 + SETTLE), (9_000, 9_000)] {
        let position = Position { doubt_until: Some(earlier), ..at(State::Calling) };
        let to = after(position, Fact::Called(Err(answered.clone())), &settings);
        assert_eq!((to.to, to.doubt_until), (State::Unknown, Some(until)), "{earlier}");
        assert_eq!(to.then, Then::Wait(millis(until - 5_000)));
    }
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
fn nothing_is_given_up_without_having_asked() {
    for in_doubt in [InDoubt::Manual, InDoubt::Cancel, InDoubt::Repeat] {
        let settings = settings(true, true, in_doubt);
        for last in [
            Position { attempts: 6, ..at(State::Calling) },
            Position { since: Some(-86_400_000), ..at(State::Calling) },
        ] {
            for verdict in [Verdict::transient(), Verdict::status(500)] {
                let to = after(last, Fact::Called(Err(failed(verdict))), &settings);
                assert_eq!((to.to, to.then), (State::Unknown, Then::GoOn), "{in_doubt:?}");
                let asked =
                    Position { attempts: to.attempts, doubt_until: to.doubt_until, since: last.since, ..at(to.to) };
                assert_eq!(asked.next(&settings, 5_000), Action::Check);
                // Once it was asked, it ends.
                let pending = after(asked, Fact::Checked(Ok(Status::Pending)), &settings).to;
                let given_up = if in_doubt == InDoubt::Cancel { State::Compensating } else { State::Manual };
                assert_eq!(pending, given_up);
                let applied = Fact::Checked(Ok(Status::Applied("receipt".to_owned())));
                assert_eq!(after(asked, applied, &settings).to, State::Succeeded);
            }
        }
        let doubted = Position { doubt_until: Some(1), since: Some(-86_400_000), ..at(State::Calling) };
        assert_eq!(after(doubted, Fact::Called(Err(failed(Verdict::refused()))), &settings).to, State::Unknown);
    }
}

#[test]
fn what_a_lost_worker_was_doing_settles_by_the_settings_of_today() {
    let settings = settings(true, true, InDoubt::Manual).settle(millis(9 * SETTLE));
    let lost = Position { doubt_until: Some(1), ..at(State::Calling) }.claimed(5_000);
    let Action::Go(to) = lost.next(&settings, 5_000) else { panic!("{lost:?} goes on without a doubt") };
    assert_eq!((to.to, to.doubt_until), (State::Unknown, Some(5_000 + 9 * SETTLE)));
}

#[test]
fn a_doubt_from_the_future_is_cut_to_what_it_may_last() {
    let settings = settings(true, true, InDoubt::Manual);
    let position = Position { doubt_until: Some(Millis::MAX), ..at(State::Unknown) };
    let Action::Go(to) = position.next(&settings, 5_000) else { panic!() };
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
    let position = Position { panics: 2, ..at(State::Calling) };
    let to = after(position, Fact::Panicked("x".to_owned()), &settings);
    assert_eq!((to.to, to.doubt_until), (State::Manual, Some(5_000 + SETTLE)), "it may have been sent");
}

#[test]
fn every_state_is_read_as_it_is_written() {
    for state in State::ALL {
        assert_eq!(State::of(state.text()), Some(state));
    }
    assert_eq!(State::of("LATER"), None);
}
