use super::error::{Error, Problem};
use super::known::Known;
use super::reading::{Document, Reading, Values};
use super::similar::{quoted, suggestion};
use crate::registry::in_force::{Layers, Origin, Rank, State};
use crate::registry::{Change, Handle, Policy, Registry, Source, States, check, policies};
use crate::sync::lock;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::DeTable;

/// Checks every annotated function, and puts the settings of a file in force, of its profile and of the environment: the
/// first line of `main`, in place of [`check`](crate::check).
///
/// The same as `Configuration::file(path).apply()`; see [`Configuration`] for more, and [the module](crate::config) for what
/// a file says.
///
/// # Errors
///
/// [`Error`] with all that is wrong; nothing is in force then but what is written.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     resil::configure("resil.toml")?;
///     // build the runtime, start serving
///     Ok(())
/// }
/// ```
pub fn configure(path: impl Into<PathBuf>) -> Result<(), Error> {
    Configuration::file(path).apply().map(drop)
}

/// Reads again what [`configure`] has read, and puts it in force. Blocks for as long as the files are read.
///
/// Two at once run one after the other. What is under way goes on; what changes is an
/// [`Event`](crate::Event::SettingChanged), also of a function that nobody has called yet.
///
/// # Errors
///
/// [`Error`] with all that is wrong; nothing is changed then, and [`Registry::configuration`] remembers it. Also where
/// nothing was ever configured.
///
/// ```no_run
/// # fn on_signal() {
/// match resil::reload() {
///     Ok(changes) => changes.iter().for_each(|change| println!("{change}")),
///     Err(error) => eprintln!("{error}"),
/// }
/// # }
/// ```
pub fn reload() -> Result<Vec<Change>, Error> {
    Registry::with(|states| {
        let _one_at_a_time = lock(&states.remembered().reading);
        let Some(origin) = lock(&states.remembered().state).origin.clone() else {
            let message = "nothing was configured; write `resil::configure(\"resil.toml\")?` in `main`".to_owned();
            return Err(Error::new(vec![Problem::of_program(message)]));
        };
        // What nobody has called yet changes as well.
        policies().for_each(|policy| _ = policy.handle().set_up(states));
        put(states, &origin)
    })
}

/// Where settings come from. Nothing is read before [`apply`](Self::apply), and all of it again by each [`reload`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resil::CircuitBreaker;
/// use resil::config::Configuration;
///
/// static GEOCODER: CircuitBreaker = CircuitBreaker::named("geocoder");
///
/// Configuration::new()
///     .policy(&GEOCODER)
///     .set("circuit_breaker.by_name.geocoder.open_for", "10s")
///     .apply()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is read before `apply`"]
pub struct Configuration {
    origin: Origin,
    policies: Vec<Policy>,
}

impl Configuration {
    /// The environment and code alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file, which must be there, and that of its profile: `resil.staging.toml` beside `resil.toml`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let mut new = Self::new();
        new.origin.file = Some(path.into());
        new
    }

    /// This profile, in place of what the variable `RESIL_PROFILE` says. An empty one is none.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.origin.profile = Some(profile.into());
        self
    }

    /// These variables, in place of those of the process: for tests.
    pub fn environment<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        self.origin.environment =
            Some(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
        self
    }

    /// Sets one, above files and environment: the path as a file has it, with dots, and the value without quotes.
    pub fn set(mut self, path: impl Into<String>, value: impl Into<String>) -> Self {
        self.origin.code.push((path.into(), value.into()));
        self
    }

    /// Announces a policy made by hand, which nobody knows before its first call; attributes are known.
    pub fn policy(mut self, policy: &'static dyn Handle) -> Self {
        self.policies.push(Policy::new(policy));
        self
    }

    /// Checks every annotated function as [`check`](crate::check) does, reads everything, and puts it in force. Answers what
    /// it changed of what was in use already.
    ///
    /// # Errors
    ///
    /// [`Error`] with all that is wrong; nothing is changed then.
    pub fn apply(self) -> Result<Vec<Change>, Error> {
        Registry::with(|states| {
            let _one_at_a_time = lock(&states.remembered().reading);
            let mut problems: Vec<_> = check().err().into_iter().flat_map(|wrong| wrong.problems().to_vec()).collect();
            let set_up = self.policies.iter().filter_map(|policy| policy.handle().set_up(states).err());
            problems.extend(set_up.map(|error| error.to_string()));
            if problems.is_empty() {
                return put(states, &self.origin);
            }
            // What is wrong outside is told as well.
            let problems = problems.into_iter().map(Problem::of_program);
            let known = Known::here(states);
            let mut outside = read(&known, &self.origin);
            judge(states, &mut outside);
            Err(remember(states, Error::new(problems.chain(outside.problems).collect())))
        })
    }
}

/// Reads, judges, and only then puts in force.
fn put(states: &States, origin: &Origin) -> Result<Vec<Change>, Error> {
    let known = Known::here(states);
    let mut reading = read(&known, origin);
    let _one_at_a_time = lock(&states.remembered().changing);
    let layers = judge(states, &mut reading);
    if !reading.problems.is_empty() {
        return Err(remember(states, Error::new(reading.problems)));
    }
    let mut state = lock(&states.remembered().state);
    state.origin = Some(origin.clone());
    state.said = reading.said;
    state.last_error = None;
    Ok(put_in_force(states, state, layers, None))
}

pub(super) fn put_in_force(
    states: &States,
    mut state: crate::sync::MutexGuard<'_, State>,
    layers: Layers,
    by: Option<&Arc<str>>,
) -> Vec<Change> {
    state.revision += 1;
    drop(state);
    states.put_in_force(layers, by)
}

fn remember(states: &States, error: Error) -> Error {
    lock(&states.remembered().state).last_error = Some(error.to_string());
    crate::registry::events::settings_refused(&error);
    error
}

/// What is said.
fn read<'a>(known: &'a Known, origin: &Origin) -> Reading<'a> {
    let mut reading = Reading::new(known);
    if let Some(file) = &origin.file {
        reading.file(file, Rank::File);
        if let Some(profile) = profile(origin) {
            match of_profile(file, &profile) {
                Ok(file) => reading.file(&file, Rank::Profile),
                Err(message) => reading.problems.push(Problem::of_program(message)),
            }
        }
    }
    let of_process = || std::env::vars_os().collect();
    for (name, value) in &origin.environment.clone().unwrap_or_else(of_process) {
        reading.variable(name, value);
    }
    for (path, value) in &origin.code {
        reading.path(path, Values::Given(value), Rank::Code, &Source::Code);
    }
    reading
}

/// What was read, and together with operators' overrides.
fn judge(states: &States, reading: &mut Reading<'_>) -> Layers {
    // By itself as well: an override that hides a contradiction will end.
    let alone = Layers::new(reading.said.clone());
    let state = lock(&states.remembered().state);
    let (before, layers) = (state.layers(&state.said), state.layers(&reading.said));
    drop(state);
    reading.judge(&alone);
    reading.judge_after(&before, &layers);
    layers
}

fn profile(origin: &Origin) -> Option<String> {
    let of_process = || match &origin.environment {
        Some(variables) => variables.get(&OsString::from("RESIL_PROFILE")).cloned(),
        None => std::env::var_os("RESIL_PROFILE"),
    };
    let profile = origin.profile.clone().or_else(|| Some(of_process()?.to_string_lossy().into_owned()));
    profile.filter(|profile| !profile.is_empty())
}

/// `resil.staging.toml` beside `resil.toml`. A profile without a file is a slip.
fn of_profile(file: &Path, profile: &str) -> Result<PathBuf, String> {
    let is_name = profile.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_name {
        return Err(format!("`{}` is no profile; write letters, digits, `-` and `_`", quoted(profile)));
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let end = file.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    let path = file.with_file_name(format!("{stem}.{profile}{end}"));
    if path.exists() {
        return Ok(path);
    }
    let beside = std::fs::read_dir(file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")));
    let names = beside.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of_name = |name: String| {
        let profile = name.strip_prefix(&*stem)?.strip_prefix('.')?.strip_suffix(&*end)?;
        Some(profile.to_owned()).filter(|profile| !profile.is_empty())
    };
    let mut profiles: Vec<String> = names.filter_map(of_name).collect();
    profiles.sort();
    let suggestion = suggestion(profile, profiles.iter().map(String::as_str));
    Err(format!("the profile `{profile}` has no file {}{suggestion}", quoted(&path.to_string_lossy())))
}

impl Reading<'_> {
    /// `circuit_breaker.by_name.payments.open_for`, as a file has it.
    pub(super) fn path(&mut self, path: &str, values: Values<'_>, rank: Rank, source: &Source) {
        let before = self.said.len();
        let document = format!("{path} = 0");
        let told = self.problems.len();
        match DeTable::parse(&document) {
            Ok(table) => {
                let at = |_| source.clone();
                self.document(table.get_ref(), &Document { rank, source: &at, values });
                if self.said.len() != before + 1 && self.problems.len() == told {
                    self.wrong(
                        source.clone(),
                        "it names no setting; write `circuit_breaker.by_name.payments.open_for`".to_owned(),
                    );
                }
            }
            Err(_) => self
                .wrong(source.clone(), "it is no path; write `circuit_breaker.by_name.payments.open_for`".to_owned()),
        }
        for problem in &mut self.problems[told..] {
            problem.message = format!("`{}`: {}", quoted(path), problem.message);
        }
    }
}
