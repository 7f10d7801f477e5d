// #[outside_transaction]
// #[retry(idempotent)]
// #[circuit_breaker(name = "payment")]
// async fn status(gateway: &Gateway, order: &Order) -> Result<Receipt, PaymentError> {
//     Ok(gateway.get(order).await?)
// }

#[track_caller]
fn status(
    gateway: &Gateway,
    order: &Order,
) -> ::resil::OutsideTransaction<
    impl ::core::future::Future<Output = Result<Receipt, PaymentError>>,
> {
    let called_at = ::core::panic::Location::caller();
    ::resil::OutsideTransaction::new(async move {
        let gateway = gateway;
        let order = order;
        use ::resil::__private::{
            Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _, Unmarked as _,
        };
        #[retry(used)]
        const _: () = ();
        #[circuit_breaker(used)]
        const _: () = ();
        let (calls, transaction_guard, retry, circuit_breaker) = {
            static SITE: ::resil::Site = ::resil::Site {
                function: ::core::concat!(::core::module_path!(), "::status"),
                file: ::core::file!(),
                line: ::core::line!(),
            };
            static CALLS: ::resil::__private::Calls = ::resil::__private::Calls::of(
                &SITE,
            );
            static TRANSACTION_GUARD: ::resil::TransactionGuard = ::resil::TransactionGuard::new()
                .at(&SITE);
            static RETRY: ::resil::Retry = ::resil::Retry::idempotent()
                .budget("payment")
                .at(&SITE);
            static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::named(
                    "payment",
                )
                .at(&SITE);
            ::resil::__private::collect!(
                SITE, CALLS; TRANSACTION_GUARD, RETRY, CIRCUIT_BREAKER
            );
            (&CALLS, &TRANSACTION_GUARD, &RETRY, &CIRCUIT_BREAKER)
        };
        if let ::core::result::Result::Err(refusal) = transaction_guard
            .check_call(called_at)
        {
            calls.refused();
            return ::core::result::Result::Err(
                ::resil::Failure::into_error(::resil::Failure::Policy(refusal)),
            );
        }
        let call = calls.begin();
        let mut retry = retry.start();
        let outcome = loop {
            let delay = {
                let pass = match circuit_breaker.admit() {
                    ::core::result::Result::Ok(pass) => pass,
                    ::core::result::Result::Err(refusal) => {
                        break ::core::result::Result::Err(
                            ::resil::Failure::Policy(refusal),
                        );
                    }
                };
                let attempt = async {
                    if false {
                        return ::resil::__private::output::<
                            Result<Receipt, PaymentError>,
                        >();
                    }
                    Ok(
                        gateway
                            .get(order)
                            .resil_awaited(|call| call.resil_under_retry())
                            .await?,
                    )
                };
                let outcome = ::resil::Attempt::new(attempt).under(&mut retry).await;
                let verdict = (&outcome).resil_verdict();
                pass.record(verdict);
                let ::core::option::Option::Some(delay) = (&mut retry).again(verdict)
                else { break outcome };
                delay.told_to(&call);
                delay
            };
            delay.await;
        };
        let outcome = outcome.map_err(::resil::Failure::into_error);
        ::resil::__private::end!(call, outcome);
        outcome
    })
}
