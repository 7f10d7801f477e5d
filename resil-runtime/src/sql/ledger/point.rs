use super::state::State;

/// A place between two things that last, where a test may end the process.
pub(super) fn point(when: &str, state: State) {
    #[cfg(feature = "testing")]
    crate::sql::faults::reached(when, state.text());
    #[cfg(not(feature = "testing"))]
    let _ = (when, state);
}
