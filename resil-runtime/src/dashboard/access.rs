//! Who may see the page, and who may act.

use http::request::Parts;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Somebody who may see the page. What they do bears their name, in events and beside the settings that they change.
///
/// ```
/// use resil::dashboard::Actor;
///
/// let anna = Actor::named("anna");
/// let screen_on_the_wall = Actor::named("screen").viewing();
/// # _ = (anna, screen_on_the_wall);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: Arc<str>,
    acts: bool,
}

impl Actor {
    /// Somebody who may see and act.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into().into(), acts: true }
    }

    /// The same, to see and not to act: their page has no controls.
    #[must_use]
    pub fn viewing(mut self) -> Self {
        self.acts = false;
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn acts(&self) -> bool {
        self.acts
    }
}

/// Says who sends a request, by its head: `None` if nobody who may see the page. Every `async fn(&Parts) -> Option<Actor>` is
/// one, and so is every closure that answers a future which no longer needs the request.
///
/// It is asked for each request, and of a page that stays open every ten minutes. Dropping its future must be harmless: a viewer
/// may leave while it runs.
pub trait Access<'a>: Send + Sync {
    /// The answer.
    type Answer: Future<Output = Option<Actor>> + Send + 'a;

    /// Asks who it is.
    fn ask(&self, parts: &'a Parts) -> Self::Answer;
}

impl<'a, F, Answer> Access<'a> for F
where
    F: Fn(&'a Parts) -> Answer + Send + Sync,
    Answer: Future<Output = Option<Actor>> + Send + 'a,
{
    type Answer = Answer;

    fn ask(&self, parts: &'a Parts) -> Answer {
        self(parts)
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Option<Actor>> + Send + 'a>>;

/// An access function of any type.
pub(super) struct AnyAccess(Box<dyn Fn(&Parts) -> Answering<'_> + Send + Sync>);

impl AnyAccess {
    pub(super) fn new(access: impl for<'a> Access<'a> + 'static) -> Self {
        Self(Box::new(move |parts| Box::pin(access.ask(parts))))
    }

    pub(super) async fn ask(&self, parts: &Parts) -> Option<Actor> {
        self.0(parts).await
    }
}

impl fmt::Debug for AnyAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyAccess(..)")
    }
}
