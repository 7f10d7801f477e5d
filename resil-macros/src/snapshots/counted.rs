//! What is added with the feature `metrics`.

use super::{IS_COUNTED, snapshot};
use quote::quote;

#[test]
fn calls_that_are_counted() {
    IS_COUNTED.set(true);
    snapshot(
        "calls_that_are_counted",
        &quote! {
            #[outside_transaction]
            #[retry(idempotent)]
            #[circuit_breaker(name = "payment")]
            async fn status(gateway: &Gateway, order: &Order) -> Result<Receipt, PaymentError> {
                Ok(gateway.get(order).await?)
            }
        },
    );
    snapshot(
        "a_counted_breaker_alone",
        &quote! {
            #[circuit_breaker]
            async fn status(gateway: &Gateway) -> Result<Receipt, PaymentError> {
                Ok(gateway.get().await?)
            }
        },
    );
    IS_COUNTED.set(false);
}
