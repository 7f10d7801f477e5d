// #[circuit_breaker]
// async fn status(gateway: &Gateway) -> Result<Receipt, PaymentError> {
//     Ok(gateway.get().await?)
// }

async fn status(gateway: &Gateway) -> Result<Receipt, PaymentError> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    let (calls, circuit_breaker) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::status"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static CALLS: ::resil::__private::Calls = ::resil::__private::Calls::of(&SITE);
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::unnamed()
            .at(&SITE);
        ::resil::__private::collect!(SITE, CALLS; CIRCUIT_BREAKER);
        (&CALLS, &CIRCUIT_BREAKER)
    };
    let call = calls.begin();
    let outcome = 'call: {
        let pass = match circuit_breaker.admit() {
            ::core::result::Result::Ok(pass) => pass,
            ::core::result::Result::Err(refusal) => {
                break 'call ::core::result::Result::Err(
                    ::resil::Failure::Policy(refusal),
                );
            }
        };
        let attempt = async move {
            if false {
                return ::resil::__private::output::<Result<Receipt, PaymentError>>();
            }
            Ok(gateway.get().await?)
        };
        let outcome = ::resil::Attempt::new(attempt).await;
        let verdict = (&outcome).resil_verdict();
        pass.record(verdict);
        outcome
    };
    let outcome = outcome.map_err(::resil::Failure::into_error);
    if outcome.is_err() {
        calls.failed(::resil::__private::meaning!(outcome));
    }
    ::resil::__private::end!(call, outcome);
    outcome
}
