//! The one word that most calls read and nothing else.

use super::CircuitState;

/// The state, the generation, and whether the window is clean, in one word.
///
/// Clean means full of fast successes: one more changes nothing, so it need not be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate(u64);

const PHASE: u64 = 0b0111;
const CLEAN: u64 = 0b1000;
const GENERATION_SHIFT: u32 = 32;

impl Gate {
    #[inline]
    pub(super) fn new(state: CircuitState, generation: u32, clean: bool) -> Self {
        let clean = if clean { CLEAN } else { 0 };
        Self(u64::from(generation) << GENERATION_SHIFT | clean | state as u64)
    }

    #[inline]
    pub(super) fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[inline]
    pub(super) fn word(self) -> u64 {
        self.0
    }

    #[inline]
    pub(super) fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    #[inline]
    pub(super) fn is_clean(self) -> bool {
        self.0 & CLEAN != 0
    }

    /// See [`CircuitState::lets_all_pass`].
    #[inline]
    pub(super) fn lets_all_pass(self) -> bool {
        self.0 & PHASE < CircuitState::HalfOpen as u64
    }

    /// See [`CircuitState::is_open`].
    #[inline]
    pub(super) fn is_open(self) -> bool {
        self.0 & PHASE >= CircuitState::Open as u64
    }

    #[inline]
    pub(super) fn is_half_open(self) -> bool {
        self.0 & PHASE == CircuitState::HalfOpen as u64
    }
}
