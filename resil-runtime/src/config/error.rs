use crate::registry::Source;
use std::fmt;
use std::sync::Arc;

/// Why settings were not put in force: everything that is wrong with them, at once. Nothing was changed.
///
/// It prints one line for each problem: `resil.toml:7:12: ..`.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// Where; `None` if no setting from outside is to blame.
    pub source: Option<Source>,
    /// What it is, and what to write instead.
    pub message: String,
}

impl Error {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match &problem.source {
            None => (0, Arc::from(""), 0, 0),
            Some(Source::File { path, line, column }) => (1, Arc::clone(path), *line, *column),
            Some(_) => (2, Arc::from(""), 0, 0),
        });
        problems.dedup();
        Self { problems }
    }

    /// Those of the program first, then files from the top, then the rest.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Problem {
    pub(super) fn at(source: Source, message: String) -> Self {
        Self { source: Some(source), message }
    }

    pub(super) fn of_program(message: String) -> Self {
        Self { source: None, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(Source::File { path, line, column }) => write!(f, "{}:{line}:{column}: ", path.escape_debug())?,
            Some(Source::Environment { variable }) => write!(f, "{}: ", variable.escape_debug())?,
            Some(source) => write!(f, "{source}: ")?,
            None => {}
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
