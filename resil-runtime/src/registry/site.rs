use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::Mutex;

/// Where an annotated function stands in the source.
///
/// Prints as `module::function (file:line)`, the label of policies without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Site {
    /// Module path and function name.
    pub function: &'static str,
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line of the first attribute.
    pub line: u32,
}

impl Site {
    /// A policy made by hand that names no place.
    pub const UNKNOWN: Self = Self { function: "a policy made by hand", file: "", line: 0 };

    /// A place in the user's code that calls one of our functions. As many are kept as there are places.
    pub(crate) fn calling(function: &'static str, place: &'static Location<'static>) -> &'static Self {
        type Spot = (&'static str, &'static str, u32, u32);
        static PLACES: Mutex<Option<HashMap<Spot, &'static Site>>> = Mutex::new(None);
        let mut places = PLACES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (file, line) = (place.file(), place.line());
        let known = places.get_or_insert_default().entry((function, file, line, place.column()));
        known.or_insert_with(|| Box::leak(Box::new(Self { function, file, line })))
    }

    /// Whether it is what this says: its function, which others can have as well, or all of it as it prints.
    #[cfg(feature = "config")]
    pub(crate) fn is(&self, text: &str) -> bool {
        let is_line = |line: &str| self.line > 0 && line == format!(" ({}:{})", self.file, self.line);
        text.strip_prefix(self.function).is_some_and(|line| line.is_empty() || is_line(line))
    }

    /// The label of what stands there and has no name. As many are kept as there are places.
    pub(crate) fn label(&'static self) -> &'static str {
        static LABELS: Mutex<Option<HashMap<usize, &'static str>>> = Mutex::new(None);
        let mut labels = LABELS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let labels = labels.get_or_insert_default();
        labels.entry(std::ptr::from_ref(self).addr()).or_insert_with(|| self.to_string().leak())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function)?;
        if self.line > 0 {
            write!(f, " ({}:{})", self.file, self.line)?;
        }
        Ok(())
    }
}
