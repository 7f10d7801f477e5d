//! The look at what a transaction is to be opened on: `transactional.begin((&On(&db)).resil_db())`. A pool of sqlx does
//! not compile; everything else is handed on as it is.

use super::{Backend, Db, Tx};
use std::fmt;
use std::sync::Arc;

/// What stands in `tx = ..`.
pub struct On<'a, T: ?Sized>(pub &'a T);

impl<T: ?Sized> fmt::Debug for On<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("On")
    }
}

/// A pool that no [`Db`] has taken over.
pub trait RawPool {
    /// Of which database.
    type Of: Backend;
}

impl<DB: Backend> RawPool for sqlx::Pool<DB> {
    type Of = DB;
}
impl<T: RawPool + ?Sized> RawPool for &T {
    type Of = T::Of;
}
impl<T: RawPool + ?Sized> RawPool for Arc<T> {
    type Of = T::Of;
}

/// Never implemented: what a pool would have to be.
#[diagnostic::on_unimplemented(
    message = "a transaction begins on a `resil::Db`, and this is a pool of sqlx",
    label = "transactions begun here would not be seen by the guard",
    note = "make a `Db` of the pool once, at start, and hand that on: `let db = resil::Db::new(pool);`"
)]
pub trait TakenOver {}

/// The case of a pool.
pub trait OnPool<'a> {
    #[doc(hidden)]
    type Pool: ?Sized + RawPool;
    /// Does not compile.
    fn resil_db(&self) -> &'a Db<<Self::Pool as RawPool>::Of>
    where
        Self::Pool: TakenOver;
}

impl<'a, T: RawPool + ?Sized> OnPool<'a> for On<'a, T> {
    type Pool = T;
    fn resil_db(&self) -> &'a Db<T::Of>
    where
        T: TakenOver,
    {
        unreachable!("does not compile")
    }
}

/// The case of everything else.
pub trait OnAny<'a> {
    #[doc(hidden)]
    type Any: ?Sized;
    /// As it is.
    fn resil_db(&self) -> &'a Self::Any;
}

impl<'a, T: ?Sized> OnAny<'a> for &On<'a, T> {
    type Any = T;
    #[inline]
    fn resil_db(&self) -> &'a T {
        self.0
    }
}

/// The type of the transaction, where a mistake keeps it from being opened.
pub fn opened<DB: Backend>(_: &Db<DB>) -> Tx<DB> {
    unreachable!("stands beside a mistake")
}
