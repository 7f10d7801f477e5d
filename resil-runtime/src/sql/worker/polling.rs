//! The loop of the reconciler and the relay: take up what is due, let it end, and look again.

use crate::{Error, clock};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// How one of those that were taken up has ended, if it has not panicked.
pub(crate) type Joined<T> = Result<T, JoinError>;

/// How often to look, and how much to take up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Polling {
    pub(crate) concurrency: usize,
    poll: Duration,
    pub(crate) grace: Duration,
}

/// So that a poll which is to be never has a random part, too.
const LONGEST_POLL: Duration = Duration::from_hours(12);
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);
const BETWEEN_SAMPLES: Duration = Duration::from_secs(10);
/// Claims wait for a look at what waits, and it is worth no more.
const LONGEST_SAMPLE: Duration = Duration::from_secs(1);
/// To write down what was cut off.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Polling {
    /// 16 at once, each second, with a grace of 10 s.
    pub(crate) const fn new() -> Self {
        Self { concurrency: 16, poll: Duration::from_secs(1), grace: Duration::from_secs(10) }
    }

    pub(crate) const fn concurrency(&mut self, most: usize) {
        self.concurrency = if most == 0 { 1 } else { most };
    }

    pub(crate) fn poll(&mut self, poll: Duration) {
        self.poll = poll.min(LONGEST_POLL);
    }

    /// Not in step with the other workers.
    fn pause(&self) -> Duration {
        self.poll.mul_f64(0.5 + fastrand::f64())
    }
}

/// Something that is done now and then.
struct Every {
    pause: Duration,
    last: Option<Instant>,
}

impl Every {
    const fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// Whether it is to be done now.
    fn is_due(&mut self) -> bool {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= self.pause);
        if is_due {
            self.last = Some(clock::instant());
        }
        is_due
    }
}

/// How far a worker has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    /// Nothing more is begun.
    Begins,
    /// What is under way is cut off.
    CutsOff,
}

/// What takes up work that is due, and drives it in tasks.
pub(crate) trait Worker: Send {
    type Ran: Send + 'static;

    /// Looks for what no claim finds. Once a minute.
    fn look(&mut self) -> impl Future<Output = ()> + Send;

    /// Leaves behind how much waits, for whoever watches the process. Every ten seconds of one that runs.
    fn sample(&mut self) -> impl Future<Output = ()> + Send;

    /// Spawns so much of what is due, and answers how much it was.
    fn claim(
        &mut self,
        most: usize,
        running: &mut JoinSet<Self::Ran>,
    ) -> impl Future<Output = Result<usize, Error>> + Send;

    /// Takes note of how some of them have ended.
    fn ended(&mut self, ended: Vec<Joined<Self::Ran>>) -> impl Future<Output = ()> + Send;

    /// The database could not be asked.
    fn unreachable(&self, error: &Error);

    /// Where those under way hear of a stop.
    fn stop(&self) -> watch::Sender<Stop> {
        watch::Sender::new(Stop::No)
    }

    /// Waits for what is under way beside what it has taken up.
    fn drained(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// How many may run at once now.
    fn room(&self, concurrency: usize) -> usize {
        concurrency
    }

    /// After which time there is room again, if that is not when another one has ended.
    fn rests(&self) -> Option<Duration> {
        None
    }

    /// Ready when something may have become due.
    fn woken(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Works until `stop` is ready, then takes up nothing more and waits for what is under way, for the grace at most.
pub(crate) async fn run<W: Worker>(worker: &mut W, polling: Polling, stop: impl Future<Output = ()>) {
    let told = worker.stop();
    let mut stop = pin!(async {
        stop.await;
        told.send_replace(Stop::Begins);
    });
    let mut running = JoinSet::new();
    let (mut looks, mut samples) = (Every::new(BETWEEN_LOOKS), Every::new(BETWEEN_SAMPLES));
    loop {
        let claim = async {
            if looks.is_due() {
                worker.look().await;
            }
            let claimed = match worker.room(polling.concurrency).saturating_sub(running.len()) {
                0 => Ok(0),
                free => worker.claim(free, &mut running).await,
            };
            if claimed.is_ok() && samples.is_due() {
                let mut stops = told.subscribe();
                tokio::select! {
                    biased;
                    _ = stops.wait_for(|stop| *stop != Stop::No) => {}
                    _ = timeout(LONGEST_SAMPLE, worker.sample()) => {}
                }
            }
            claimed.unwrap_or_else(|error| {
                worker.unreachable(&error);
                0
            })
        };
        let (claimed, is_stopped) = beside(&mut stop, claim).await;
        // In this order: where a rest ends between the two, there is room. The other way round nothing would be waited for.
        let (rests, pause) = (worker.rests(), polling.pause());
        let is_full = running.len() >= worker.room(polling.concurrency);
        let ended = tokio::select! {
            biased;
            () = std::future::ready(()), if is_stopped => break,
            () = &mut stop, if !is_stopped => break,
            Some(ended) = running.join_next() => Some(ended),
            () = std::future::ready(()), if claimed > 0 && !is_full => None,
            () = worker.woken(), if !is_full => None,
            () = sleep(rests.map_or(pause, |rests| rests.min(pause))), if !is_full || rests.is_some() => None,
        };
        // Not among what a stop cuts off: it was done, and is to be written down.
        if let Some(ended) = ended
            && let ((), true) = beside(&mut stop, all_ended(worker, ended, &mut running)).await
        {
            break;
        }
    }
    let all = async {
        rest(worker, &mut running).await;
        worker.drained().await;
    };
    if timeout(polling.grace, all).await.is_err() {
        told.send_replace(Stop::CutsOff);
        _ = timeout(LAST_WORDS, rest(worker, &mut running)).await;
    }
}

async fn rest<W: Worker>(worker: &mut W, running: &mut JoinSet<W::Ran>) {
    while let Some(ended) = running.join_next().await {
        all_ended(worker, ended, running).await;
    }
}

/// Works until nothing is due.
pub(crate) async fn run_once<W: Worker>(worker: &mut W, polling: Polling) -> Result<(), Error> {
    let mut running = JoinSet::new();
    loop {
        let claimed = worker.claim(polling.concurrency, &mut running).await?;
        rest(worker, &mut running).await;
        if claimed == 0 {
            return Ok(());
        }
    }
}

/// This one, and all others that have ended by now.
async fn all_ended<W: Worker>(worker: &mut W, first: Joined<W::Ran>, running: &mut JoinSet<W::Ran>) {
    let mut ended = vec![first];
    // Those that end at the same moment are followed by one claim, and not by one each.
    tokio::task::yield_now().await;
    while let Some(another) = running.try_join_next() {
        ended.push(another);
    }
    worker.ended(ended).await;
}

/// Some work to its end, because what it has begun counts; and whether it is time to stop. Both are polled: the one may hold the
/// connection that the other waits for.
async fn beside<T>(stop: &mut (impl Future<Output = ()> + Unpin), work: impl Future<Output = T>) -> (T, bool) {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        ended = &mut work => (ended, false),
        () = stop => (work.await, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    /// Whose looks at what waits never end.
    #[derive(Default)]
    struct Hangs {
        claims: usize,
        claimed_often: Arc<Notify>,
        samples: Arc<Notify>,
    }

    impl Worker for Hangs {
        type Ran = ();

        async fn look(&mut self) {}

        async fn sample(&mut self) {
            self.samples.notify_one();
            std::future::pending::<()>().await;
        }

        async fn claim(&mut self, _: usize, _: &mut JoinSet<()>) -> Result<usize, Error> {
            self.claims += 1;
            if self.claims == 3 {
                self.claimed_often.notify_one();
            }
            Ok(0)
        }

        async fn ended(&mut self, _: Vec<Joined<()>>) {}

        fn unreachable(&self, _: &Error) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_at_what_waits_holds_up_no_claim_and_no_stop() {
        for is_stopped_in_a_look in [false, true] {
            let mut worker = Hangs::default();
            let waits_for = if is_stopped_in_a_look { &worker.samples } else { &worker.claimed_often };
            let stop = Arc::clone(waits_for);
            let began = clock::instant();
            let runs = run(&mut worker, Polling::new(), async move { stop.notified().await });
            timeout(Duration::from_secs(60), runs).await.expect("it goes on");
            assert!(!is_stopped_in_a_look || began.elapsed().is_zero());
        }
    }
}
