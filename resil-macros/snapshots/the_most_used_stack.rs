// #[retry(idempotent)]
// #[circuit_breaker(name = "payment")]
// #[timeout("5s")]
// pub async fn status(gateway: &Gateway, order: &Order) -> Result<Receipt, PaymentError> {
//     Ok(gateway.get(order).await?)
// }

pub async fn status(gateway: &Gateway, order: &Order) -> Result<Receipt, PaymentError> {
    use ::resil::__private::{
        Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _, Unmarked as _,
    };
    #[circuit_breaker(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let (retry, circuit_breaker, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::status"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::idempotent()
            .budget("payment")
            .at(&SITE);
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::named(
                "payment",
            )
            .at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(5),
            )
            .at(&SITE);
        ::resil::__private::collect!(SITE; RETRY, CIRCUIT_BREAKER, TIMEOUT);
        (&RETRY, &CIRCUIT_BREAKER, &TIMEOUT)
    };
    let mut retry = retry.start();
    let outcome = loop {
        let delay = {
            let pass = match circuit_breaker.admit() {
                ::core::result::Result::Ok(pass) => pass,
                ::core::result::Result::Err(refusal) => {
                    break ::core::result::Result::Err(::resil::Failure::Policy(refusal));
                }
            };
            let attempt = async {
                if false {
                    return ::resil::__private::output::<Result<Receipt, PaymentError>>();
                }
                Ok(
                    gateway
                        .get(order)
                        .resil_awaited(|call| call.resil_under_retry())
                        .await?,
                )
            };
            let outcome = timeout.apply(attempt).under(&mut retry).await;
            let verdict = (&outcome).resil_verdict();
            pass.record(verdict);
            let ::core::option::Option::Some(delay) = (&mut retry).again(verdict) else {
                break outcome
            };
            delay
        };
        delay.await;
    };
    outcome.map_err(::resil::Failure::into_error)
}
