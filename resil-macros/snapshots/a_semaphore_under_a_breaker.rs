// #[circuit_breaker(name = "reports")]
// #[semaphore(name = "reports", permits = 4, max_wait = "100ms")]
// async fn report(&self, year: u32) -> Result<Report, Error> {
//     self.render(year).await
// }

async fn report(&self, year: u32) -> Result<Report, Error> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    #[semaphore(used)]
    const _: () = ();
    let (circuit_breaker, semaphore) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::report"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::named(
                "reports",
            )
            .at(&SITE);
        static SEMAPHORE: ::resil::Semaphore = ::resil::Semaphore::new(4)
            .name("reports")
            .max_wait(::core::time::Duration::from_millis(100))
            .at(&SITE);
        ::resil::__private::collect!(SITE; CIRCUIT_BREAKER, SEMAPHORE);
        (&CIRCUIT_BREAKER, &SEMAPHORE)
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
        let permit = match semaphore.acquire().await {
            ::core::result::Result::Ok(permit) => permit,
            ::core::result::Result::Err(refusal) => {
                break 'call ::core::result::Result::Err(
                    ::resil::Failure::Policy(refusal),
                );
            }
        };
        let attempt = async move {
            if false {
                return ::resil::__private::output::<Result<Report, Error>>();
            }
            self.render(year).await
        };
        let outcome = ::resil::Attempt::new(attempt).await;
        ::core::mem::drop(permit);
        let verdict = (&outcome).resil_verdict();
        pass.record(verdict);
        outcome
    };
    outcome.map_err(::resil::Failure::into_error)
}
