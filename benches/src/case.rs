//! One way to make a call, and what it does.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

thread_local!(static ASKED: Cell<u64> = const { Cell::new(0) });

/// A partner says that it was called. One instruction, the same in every case.
#[inline]
pub fn asked() {
    ASKED.with(|asked| asked.set(asked.get().wrapping_add(1)));
}

/// How so many calls end.
pub trait Outcome {
    /// Whether the caller has its answer.
    fn is_ok(&self) -> bool;
}

impl<T, E> Outcome for Result<T, E> {
    fn is_ok(&self) -> bool {
        self.is_ok()
    }
}

/// What a thousand calls have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many had an answer.
    pub ok: u64,
    /// How often the partner was called on the caller's thread.
    pub asked: u64,
}

/// Makes so many calls once all threads are at the barrier, and says how long they took.
type Run = Box<dyn Fn(u64, &Barrier) -> Duration + Send + Sync>;

/// A call that can be made many times.
#[expect(missing_debug_implementations, reason = "it is closures")]
pub struct Case {
    pub(crate) run: Run,
    pub(crate) tally: Box<dyn Fn() -> Tally + Send + Sync>,
}

/// Drives a call on a current-thread Tokio runtime. Each thread makes its own caller with `caller`.
///
/// # Panics
///
/// Without a runtime there is nothing to measure.
pub fn case<C, R>(caller: impl Fn() -> C + Send + Sync + 'static) -> Case
where
    C: AsyncFnMut(u64) -> R,
    R: Outcome,
{
    let caller = Arc::new(caller);
    let the_same = Arc::clone(&caller);
    let run = move |calls, start: &Barrier| {
        let mut call = caller();
        runtime().block_on(async move {
            start.wait();
            let began = Instant::now();
            for number in 0..calls {
                black_box(call(black_box(number)).await);
            }
            began.elapsed()
        })
    };
    let tally = move || {
        let mut call = the_same();
        runtime().block_on(async move {
            let before = ASKED.get();
            let mut ok = 0;
            for number in 0..1_000 {
                ok += u64::from(call(black_box(number)).await.is_ok());
            }
            Tally { ok, asked: ASKED.get() - before }
        })
    };
    Case { run: Box::new(run), tally: Box::new(tally) }
}

fn runtime() -> Runtime {
    #[expect(clippy::expect_used, reason = "documented")]
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}
