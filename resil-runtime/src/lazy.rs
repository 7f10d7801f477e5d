use std::pin::Pin;

/// What only a call that waits needs, on the heap: a call that is ready at once stays small and pays for none of it.
#[derive(Debug)]
pub(crate) struct Lazy<T>(Option<Pin<Box<T>>>);

impl<T> Lazy<T> {
    pub(crate) const NONE: Self = Self(None);

    #[inline]
    pub(crate) fn get(&mut self) -> Option<Pin<&mut T>> {
        self.0.as_mut().map(Pin::as_mut)
    }

    pub(crate) fn get_or_make(&mut self, new: impl FnOnce() -> T) -> Pin<&mut T> {
        self.0.get_or_insert_with(|| Box::pin(new())).as_mut()
    }
}

impl<T> Drop for Lazy<T> {
    /// What there is to drop is dropped elsewhere, so that where there is nothing it is seen at once.
    #[inline(always)]
    fn drop(&mut self) {
        #[cold]
        #[inline(never)]
        fn end<T>(made: Pin<Box<T>>) {
            drop(made);
        }
        if let Some(made) = self.0.take() {
            end(made);
        }
    }
}
