//! The last so many calls, a bit each.

use super::{Judged, Tally};

/// A ring of the last calls: one bit a call for its failure, and one for its slowness where that is judged.
#[derive(Debug)]
pub(super) struct CountWindow {
    bits: Bits,
    size: u32,
    /// Where the bits of slowness begin, after those of failure; 0 where it is not judged.
    slow_from: u32,
    next: u32,
    calls: u32,
    failures: u32,
    slow: u32,
}

impl CountWindow {
    /// An empty window for `size` calls.
    pub(super) fn new(size: u32, judges_slow_calls: bool) -> Self {
        let size = size.max(1);
        Self {
            bits: Bits::new(if judges_slow_calls { 2 * size } else { size }),
            size,
            slow_from: if judges_slow_calls { size } else { 0 },
            next: 0,
            calls: 0,
            failures: 0,
            slow: 0,
        }
    }

    /// Adds a call, in the place of the oldest one if the window is full. Returns whether the window grew.
    #[inline]
    pub(super) fn record(&mut self, call: Judged) -> bool {
        let at = self.next;
        self.next = if at + 1 == self.size { 0 } else { at + 1 };
        let grows = self.calls < self.size;
        self.calls += u32::from(grows);
        // A place that was never used holds zeros, so a window that is still filling needs no case of its own.
        let was_failed = self.bits.replace(at, call.failed);
        self.failures = self.failures + u32::from(call.failed) - u32::from(was_failed);
        if self.slow_from > 0 {
            let was_slow = self.bits.replace(self.slow_from + at, call.slow);
            self.slow = self.slow + u32::from(call.slow) - u32::from(was_slow);
        }
        grows
    }

    /// The calls in the window.
    #[inline]
    pub(super) fn tally(&self) -> Tally {
        Tally { calls: self.calls.into(), failures: self.failures.into(), slow: self.slow.into() }
    }

    /// The calls in so many parts at most, the oldest first. Each has as many places as the others, used or not.
    #[cfg(feature = "dashboard")]
    pub(super) fn cells(&self, most: u32) -> Vec<Tally> {
        let oldest = if self.calls == self.size { self.next } else { 0 };
        let bit = |at: u32| self.bits.get(at);
        let recorded = (0..self.calls)
            .map(|age| (oldest + age) % self.size)
            .map(|at| Judged { failed: bit(at), slow: self.slow_from > 0 && bit(self.slow_from + at) });
        let in_each = self.size.div_ceil(most.max(1));
        let mut cells = vec![Tally::default(); self.size.div_ceil(in_each) as usize];
        for (call, at) in recorded.zip(0..) {
            cells[(at / in_each) as usize].add(call);
        }
        cells
    }

    /// Forgets every call.
    pub(super) fn clear(&mut self) {
        self.bits.clear();
        (self.next, self.calls, self.failures, self.slow) = (0, 0, 0, 0);
    }

    /// Keeps the calls. Those of before were not slow, or are no longer.
    #[cfg(feature = "config")]
    pub(super) fn judge_slow_calls(&mut self, judges: bool) {
        if judges == (self.slow_from > 0) {
            return;
        }
        let mut new = Self::new(self.size, judges);
        for at in 0..self.size {
            new.bits.replace(at, self.bits.replace(at, false));
        }
        (new.next, new.calls, new.failures) = (self.next, self.calls, self.failures);
        *self = new;
    }

    /// Whether one more fast success would leave the window as it is.
    #[inline]
    pub(super) fn is_full_of_fast_successes(&self) -> bool {
        self.calls == self.size && self.failures == 0 && self.slow == 0
    }
}

#[derive(Debug)]
struct Bits(Box<[u8]>);

impl Bits {
    fn new(len: u32) -> Self {
        Self(vec![0; len.div_ceil(8) as usize].into())
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }

    #[cfg(feature = "dashboard")]
    fn get(&self, at: u32) -> bool {
        self.0[(at / 8) as usize] >> (at % 8) & 1 != 0
    }

    /// Writes a bit and returns what stood there.
    #[inline]
    fn replace(&mut self, at: u32, bit: bool) -> bool {
        let byte = &mut self.0[(at / 8) as usize];
        let shift = at % 8;
        let old = *byte >> shift & 1 != 0;
        *byte = *byte & !(1 << shift) | u8::from(bit) << shift;
        old
    }
}
