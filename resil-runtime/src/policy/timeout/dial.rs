use crate::context::{self, Bound, Pause, departure, keyed};
use crate::failure::ConnectTimeout;
use crate::registry::{Registry, States, events};
use crate::{Phase, Site, clock};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::Sleep;

pin_project! {
    /// A connection under way: bounded by the `connect` of the attempt around it, whose read clock it pauses.
    #[must_use = "a connection is made only when awaited"]
    #[derive(Debug)]
    pub struct Dial<F> {
        #[pin]
        dial: F,
        #[pin]
        timer: Option<Sleep>,
        state: Dialling,
        // Where it is made by hand.
        made_at: Option<&'static Location<'static>>,
    }
}

#[derive(Debug)]
enum Dialling {
    New,
    Running { bound: Option<Bound>, pause: Option<Pause> },
}

impl<F> Dial<F> {
    pub(crate) fn new(dial: F) -> Self {
        Registry::with(States::dials_are_bounded);
        Self { dial, timer: None, state: Dialling::New, made_at: None }
    }

    /// One that is of no use outside of an annotated call, and says so.
    pub(crate) fn by_hand(dial: F, made_at: &'static Location<'static>) -> Self {
        Self { made_at: Some(made_at), ..Self::new(dial) }
    }
}

/// In a task of its own, say: then the call that waits for the connection cannot hand its bound down, and says so.
#[cold]
fn outside(made_at: &'static Location<'static>) {
    let site = Site::calling("resil::net::connect", made_at);
    Registry::with(|registry| registry.dials_outside(site));
}

impl<F, T, E> Future for Dial<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<ConnectTimeout>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Dialling::New = this.state {
            if let Some(made_at) = this.made_at.filter(|_| !context::is_inside_a_call()) {
                outside(made_at);
            }
            *this.state = Dialling::Running { bound: context::connect_bound(), pause: Pause::start() };
        }
        let Dialling::Running { bound, pause } = this.state else { return Poll::Pending };
        if pause.as_ref().is_some_and(|pause| !pause.is_ours()) {
            *pause = None;
        }
        if let Poll::Ready(result) = this.dial.poll(cx) {
            if pause.take().is_some() {
                context::mark();
            }
            if result.is_ok() && departure::current().is_none() {
                // What is sent over it is not seen.
                context::sent();
                keyed::dialled();
            }
            return Poll::Ready(result);
        }
        let Some(Bound { limit, site }) = *bound else { return Poll::Pending };
        if this.timer.is_none() {
            this.timer.set(Some(tokio::time::sleep_until(clock::after(clock::instant(), limit))));
        }
        let Some(timer) = this.timer.as_mut().as_pin_mut() else { return Poll::Pending };
        // Asked of the clock as well: a timer stays pending for a task that has used up its budget.
        if timer.deadline() > clock::instant() && timer.poll(cx).is_pending() {
            return Poll::Pending;
        }
        *pause = None;
        events::timed_out(site, Phase::Connect, limit);
        Poll::Ready(Err(ConnectTimeout::new(limit, site).into()))
    }
}
