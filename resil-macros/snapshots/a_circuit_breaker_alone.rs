// #[circuit_breaker]
// async fn ping(self: Arc<Self>) -> anyhow::Result<impl Iterator<Item = u8>> {
//     Ok(self.bytes().await?.into_iter())
// }

async fn ping(self: Arc<Self>) -> anyhow::Result<impl Iterator<Item = u8>> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    let circuit_breaker = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::ping"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::unnamed()
            .at(&SITE);
        ::resil::__private::collect!(SITE; CIRCUIT_BREAKER);
        &CIRCUIT_BREAKER
    };
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
                return ::resil::__private::output::<anyhow::Result<_>>();
            }
            Ok(self.bytes().await?.into_iter())
        };
        let outcome = ::resil::Attempt::new(attempt).await;
        let verdict = (&outcome).resil_verdict();
        pass.record(verdict);
        outcome
    };
    outcome.map_err(::resil::Failure::into_error)
}
