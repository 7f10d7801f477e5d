use crate::Verdict;
use crate::sql::worker::Failed;
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What the functions of operations borrow: clients, configuration. One of each type, given to the ledger at start.
#[derive(Default)]
pub struct Dependencies(HashMap<TypeId, (&'static str, Box<dyn Any + Send + Sync>)>);

impl Dependencies {
    /// Takes one more; `false` if there is one of this type already.
    pub(super) fn add<T: ?Sized + Send + Sync + 'static>(&mut self, given: Arc<T>) -> bool {
        self.0.insert(TypeId::of::<T>(), (type_name::<T>(), Box::new(given))).is_none()
    }

    fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// The one of this type.
    ///
    /// # Errors
    ///
    /// That there is none, which is found at start if the operation has said that it needs it.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Result<&T, Failed> {
        let given = self.0.get(&TypeId::of::<T>()).and_then(|(_, given)| given.downcast_ref::<Arc<T>>());
        given.map(|given| &**given).ok_or_else(|| {
            Failed::new(Verdict::permanent().unsent(), format!("no `{}` was given to the ledger", type_name::<T>()))
        })
    }
}

impl fmt::Debug for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.values().map(|(name, _)| name)).finish()
    }
}

/// The types that an operation will ask for.
#[derive(Debug, Default)]
pub struct Required(Vec<(TypeId, &'static str)>);

impl Required {
    /// One of this type.
    pub fn needs<T: ?Sized + Send + Sync + 'static>(&mut self) -> &mut Self {
        self.0.push((TypeId::of::<T>(), type_name::<T>()));
        self
    }

    /// Those that were not given.
    pub(super) fn missing<'a>(&'a self, given: &'a Dependencies) -> impl Iterator<Item = &'static str> + 'a {
        self.0.iter().filter(|(id, _)| !given.has(*id)).map(|(_, name)| *name)
    }
}
