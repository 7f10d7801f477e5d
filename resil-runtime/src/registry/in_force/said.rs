/// Which settings the program itself wrote, by the place of their key in the policy's table. A default says nothing, so
/// that a file can say it for all policies of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said(u16);

impl Said {
    pub(crate) const NOTHING: Self = Self(0);

    pub(crate) const fn and(self, key: u32) -> Self {
        Self(self.0 | 1 << key)
    }

    #[cfg(feature = "config")]
    pub(crate) fn has(self, key: usize) -> bool {
        self.0 >> key & 1 != 0
    }
}
