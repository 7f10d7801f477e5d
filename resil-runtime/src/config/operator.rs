use super::error::{Error, Problem};
use super::known::Known;
use super::origin::put_in_force;
use super::reading::{Reading, Values};
use crate::clock;
use crate::registry::in_force::{Assignment, Layers, Override, Rank, Target, Value};
use crate::registry::{Change, Registry, Source, States};
use crate::sync::lock;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a circuit stays forced open if nobody says.
const FORCED_OPEN_FOR: Duration = Duration::from_secs(3600);

const FORCED_OPEN: Value = Value::Word("forced_open");

/// What an operator sets by hand while the process runs, above everything else. It survives a [`reload`](crate::reload),
/// and is gone with the process.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resil::circuit_breaker;
/// use std::time::Duration;
///
/// #[circuit_breaker(name = "payments")]
/// async fn pay() -> std::io::Result<()> { Ok(()) }
///
/// let anna = resil::operator("anna");
/// anna.clone().lasting(Duration::from_secs(600)).set("circuit_breaker.by_name.payments.mode", "forced_open")?;
/// assert!(pay().await.is_err());
///
/// anna.release("circuit_breaker.by_name.payments.mode")?;
/// assert!(pay().await.is_ok(), "a probe");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "an operator has done nothing yet"]
pub struct Operator {
    who: Arc<str>,
    lasting: Lasting,
}

#[derive(Debug, Clone, Copy)]
enum Lasting {
    Usual,
    For(Duration),
    Always,
}

/// Somebody who sets by hand; the name is shown beside what they set.
pub fn operator(who: impl Into<String>) -> Operator {
    Operator { who: who.into().into(), lasting: Lasting::Usual }
}

impl Operator {
    /// How long what is set from here on lasts. Without it, and without [`until_released`](Self::until_released), a circuit
    /// is forced open for an hour, and everything else lasts until it is released.
    ///
    /// Its end is seen to by a task of the Tokio runtime around [`set`](Self::set), or outside of one by a thread.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasting = Lasting::For(time);
        self
    }

    /// Lasts until [`release`](Self::release), also a circuit that is forced open.
    pub fn until_released(mut self) -> Self {
        self.lasting = Lasting::Always;
        self
    }

    /// Sets one: the path as a file has it, with dots, and the value without quotes. Answers what has changed.
    ///
    /// # Errors
    ///
    /// As [`Configuration::apply`](super::Configuration::apply); nothing is changed then.
    pub fn set(&self, path: &str, value: &str) -> Result<Vec<Change>, Error> {
        Registry::with(|states| {
            let _one_at_a_time = lock(&states.remembered().changing);
            let known = Known::here(states);
            let mut new = self.read(&known, path, Values::Given(value))?;
            let time = match (self.lasting, &new.value) {
                (Lasting::For(time), _) => Some(time),
                (Lasting::Usual, value) if *value == FORCED_OPEN => Some(FORCED_OPEN_FOR),
                _ => None,
            };
            let ends = time.map(|time| clock::after(clock::instant(), time));
            let since = SystemTime::now();
            let until = time.and_then(|time| since.checked_add(time));
            new.source = Source::Operator { who: Arc::clone(&self.who), since, until };
            let changes = change(states, Some((&known, &self.who)), |overrides| {
                overrides.retain(|one| !is_same(&one.assignment, &new));
                overrides.push(Override { assignment: new, ends });
            })?;
            if let Some(time) = time {
                end_after(time);
            }
            Ok(changes)
        })
    }

    /// Takes back what anybody has set by hand there. A circuit that was forced open lets probes decide. Answers what has
    /// changed.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn release(&self, path: &str) -> Result<Vec<Change>, Error> {
        Registry::with(|states| {
            let _one_at_a_time = lock(&states.remembered().changing);
            let known = Known::here(states);
            let meant = self.read(&known, path, Values::None)?;
            change(states, Some((&known, &self.who)), |overrides| {
                overrides.retain(|one| !is_same(&one.assignment, &meant));
            })
        })
    }

    /// Closes the circuit of this policy, whatever opened it, and has it forget its calls; the path is that of its settings. A
    /// `mode` of `forced_open` that anybody has set by hand is taken back; one of `observe` or `disabled` stays in force, and the
    /// circuit goes back to that. Of a breaker with a key, it closes every circuit. Answers what has changed of the settings.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set), and where a file, the environment or code says `forced_open`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resil::circuit_breaker;
    ///
    /// #[circuit_breaker(name = "parcels")]
    /// async fn send() -> std::io::Result<()> { Ok(()) }
    ///
    /// resil::operator("anna").close("circuit_breaker.by_name.parcels")?;
    /// # Ok(()) }
    /// ```
    pub fn close(&self, policy: &str) -> Result<Vec<Change>, Error> {
        let mode = format!("{policy}.mode");
        Registry::with(|states| {
            let _one_at_a_time = lock(&states.remembered().changing);
            let known = Known::here(states);
            let meant = self.read(&known, &mode, Values::None)?;
            let is_taken_back = |one: &Assignment| is_same(one, &meant) && one.value == FORCED_OPEN;
            if let Some(source) = forced_otherwise(states, &known, &meant, is_taken_back) {
                let message = "`mode` is \"forced_open\" there; take it out, and probes decide".to_owned();
                return Err(Error::new(vec![Problem::at(source, message)]));
            }
            let changes = change(states, Some((&known, &self.who)), |overrides| {
                overrides.retain(|one| !is_taken_back(&one.assignment));
            })?;
            states.close(&meant, &self.who);
            Ok(changes)
        })
    }

    fn read(&self, known: &Known, path: &str, values: Values<'_>) -> Result<Assignment, Error> {
        let mut reading = Reading::new(known);
        let source = Source::Operator { who: Arc::clone(&self.who), since: SystemTime::now(), until: None };
        reading.path(path, values, Rank::Operator, &source);
        let of_kind = reading.said.iter().any(|one| one.target == Target::Kind);
        if of_kind {
            reading.wrong(source.clone(), "an operator sets one policy; write its name or its site".to_owned());
        }
        match (reading.said.pop(), reading.problems.is_empty()) {
            (Some(said), true) => {
                let wrong = |message| Error::new(vec![Problem::at(source, message)]);
                let target = known.one(said.kind, said.target).map_err(wrong)?;
                Ok(Assignment { target, ..said })
            }
            _ => Err(Error::new(reading.problems)),
        }
    }
}

fn is_same(one: &Assignment, other: &Assignment) -> bool {
    std::ptr::eq(one.kind, other.kind) && one.target == other.target && one.key == other.key
}

/// Who else keeps it forced open, once that is taken back.
fn forced_otherwise(
    states: &States,
    known: &Known,
    meant: &Assignment,
    is_taken_back: impl Fn(&Assignment) -> bool,
) -> Option<Source> {
    let layers = {
        let state = lock(&states.remembered().state);
        let others = state.overrides.iter().map(|one| &one.assignment).filter(|one| !is_taken_back(one));
        Layers::new(state.said.iter().chain(others).cloned().collect())
    };
    let modes =
        known.all().filter(|one| meant.is_about(one)).filter_map(|one| one.settle(&layers).into_iter().nth(meant.key));
    modes.filter(|mode| mode.value == Some(FORCED_OPEN)).map(|mode| mode.source).next()
}

/// Judges other overrides together with what else is said, and puts them in force: of the policies that are known, and by whom; or
/// unjudged, where what is over ends.
fn change(
    states: &States,
    by: Option<(&Known, &Arc<str>)>,
    how: impl FnOnce(&mut Vec<Override>),
) -> Result<Vec<Change>, Error> {
    let mut state = lock(&states.remembered().state);
    let before = state.layers(&state.said);
    let old = state.overrides.clone();
    let now = clock::instant();
    state.overrides.retain(|one| one.ends.is_none_or(|ends| ends > now));
    how(&mut state.overrides);
    let layers = state.layers(&state.said);
    if let Some((known, _)) = by {
        let mut reading = Reading::new(known);
        reading.judge_after(&before, &layers);
        if !reading.problems.is_empty() {
            state.overrides = old;
            return Err(Error::new(reading.problems));
        }
    }
    Ok(put_in_force(states, state, layers, by.map(|(_, who)| who)))
}

/// Sees to it that what is over ends.
fn end_after(time: Duration) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            tokio::time::sleep(time).await;
            end_what_is_over();
        });
        return;
    }
    let end = move || {
        std::thread::sleep(time);
        end_what_is_over();
    };
    // Without a thread it ends with the next change.
    _ = std::thread::Builder::new().name("resil settings".to_owned()).spawn(end);
}

pub(super) fn end_what_is_over() {
    Registry::with(|states| {
        let _one_at_a_time = lock(&states.remembered().changing);
        // Not judged: nobody is there to be told, and what is over must end.
        _ = change(states, None, |_| ());
    });
}
