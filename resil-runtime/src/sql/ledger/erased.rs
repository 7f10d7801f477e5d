//! An operation whose types are forgotten: what the ledger holds are texts.

use super::dependencies::{Dependencies, Required};
use super::machine::Receipt;
use super::operation::{Operation, Report, Status};
use super::original_key::OriginalKey;
use super::settings::Settings;
use crate::sql::worker::{Boxed, Failed, Trouble};
use crate::{Backend, IdempotencyKey, Stored, Tx};
use std::marker::PhantomData;

/// What every operation can do with texts.
pub(super) trait Erased<DB: Backend>: Send + Sync {
    fn name(&self) -> &'static str;
    fn version(&self) -> u32;
    fn shape(&self) -> &'static str;
    fn settings(&self) -> Settings;
    fn requires(&self, all: &mut Required);
    fn call<'a>(&self, given: &'a Dependencies, arguments: &'a str, key: &'a IdempotencyKey) -> Boxed<'a, Receipt>;
    fn verify<'a>(
        &self,
        given: &'a Dependencies,
        arguments: &'a str,
        original: &'a OriginalKey,
    ) -> Boxed<'a, Status<Receipt>>;
    fn compensate<'a>(
        &self,
        given: &'a Dependencies,
        arguments: &'a str,
        original: &'a OriginalKey,
        key: &'a IdempotencyKey,
        receipt: Option<&'a str>,
    ) -> Boxed<'a, ()>;
    fn applied<'a>(&self, tx: &'a mut Tx<DB>, arguments: &'a str, receipt: Option<&'a str>) -> Boxed<'a, ()>;
    fn undone<'a>(&self, tx: &'a mut Tx<DB>, arguments: &'a str, why: &'a Report) -> Boxed<'a, ()>;
    /// Whether this is a receipt of the operation.
    fn reads(&self, receipt: &str) -> Result<(), String>;
}

/// The operation `O`.
pub(super) struct Of<O>(PhantomData<fn() -> O>);

impl<O> Of<O> {
    pub(super) const NEW: Self = Self(PhantomData);
}

fn arguments<DB: Backend, O: Operation<DB>>(text: &str) -> Result<O::Arguments, Trouble> {
    read("arguments", text)
}

fn receipt<DB: Backend, O: Operation<DB>>(text: Option<&str>) -> Result<O::Receipt, Trouble> {
    read("receipt", text.unwrap_or_default())
}

fn read<T: Stored>(what: &str, text: &str) -> Result<T, Trouble> {
    T::decode(text).map_err(|why| Trouble::Unreadable(format!("the stored {what} cannot be read any more, {why}")))
}

/// A receipt that cannot be stored is an answer that was not understood: it has happened.
fn written<R: Stored>(receipt: &R) -> Result<Receipt, Trouble> {
    let text = receipt.encode().and_then(|text| R::decode(&text).map(|_| text));
    text.map_err(|why| {
        Trouble::Failed(Failed::new(crate::Verdict::permanent(), format!("the receipt cannot be stored, {why}")))
    })
}

impl<DB: Backend, O: Operation<DB>> Erased<DB> for Of<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn version(&self) -> u32 {
        O::VERSION
    }

    fn shape(&self) -> &'static str {
        O::SHAPE
    }

    fn settings(&self) -> Settings {
        O::settings()
    }

    fn requires(&self, all: &mut Required) {
        O::requires(all);
    }

    fn call<'a>(&self, given: &'a Dependencies, text: &'a str, key: &'a IdempotencyKey) -> Boxed<'a, Receipt> {
        Box::pin(async move {
            let arguments = arguments::<DB, O>(text)?;
            written(&O::call(given, arguments, key).await?)
        })
    }

    fn verify<'a>(
        &self,
        given: &'a Dependencies,
        text: &'a str,
        original: &'a OriginalKey,
    ) -> Boxed<'a, Status<Receipt>> {
        Box::pin(async move {
            let arguments = arguments::<DB, O>(text)?;
            Ok(match O::verify(given, arguments, original).await? {
                Status::Applied(receipt) => Status::Applied(written(&receipt)?),
                Status::NotApplied => Status::NotApplied,
                Status::Pending => Status::Pending,
                Status::Contradictory(why) => Status::Contradictory(why),
            })
        })
    }

    fn compensate<'a>(
        &self,
        given: &'a Dependencies,
        text: &'a str,
        original: &'a OriginalKey,
        key: &'a IdempotencyKey,
        known: Option<&'a str>,
    ) -> Boxed<'a, ()> {
        Box::pin(async move {
            let arguments = arguments::<DB, O>(text)?;
            let receipt = known.map(|known| receipt::<DB, O>(Some(known))).transpose()?;
            Ok(O::compensate(given, arguments, original, key, receipt).await?)
        })
    }

    fn applied<'a>(&self, tx: &'a mut Tx<DB>, text: &'a str, known: Option<&'a str>) -> Boxed<'a, ()> {
        Box::pin(async move {
            let (arguments, receipt) = (arguments::<DB, O>(text)?, receipt::<DB, O>(known)?);
            Ok(O::applied(tx, arguments, &receipt).await?)
        })
    }

    fn undone<'a>(&self, tx: &'a mut Tx<DB>, text: &'a str, why: &'a Report) -> Boxed<'a, ()> {
        Box::pin(async move {
            let arguments = arguments::<DB, O>(text)?;
            Ok(O::undone(tx, arguments, why).await?)
        })
    }

    fn reads(&self, receipt: &str) -> Result<(), String> {
        O::Receipt::decode(receipt).map(drop)
    }
}
