// #[circuit_breaker(name = "shops", key = order.shop)]
// #[semaphore(permits = 4, key = (&self.tenant, order.shop), max_keys = 500)]
// async fn send(&self, order: Order) -> Result<(), Error> {
//     self.post(order).await
// }

async fn send(&self, order: Order) -> Result<(), Error> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    #[semaphore(used)]
    const _: () = ();
    let (circuit_breaker, semaphore) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::send"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static CIRCUIT_BREAKER: ::resil::Keyed<::resil::CircuitBreaker> = ::resil::CircuitBreaker::named(
                "shops",
            )
            .at(&SITE)
            .keyed(10000);
        static SEMAPHORE: ::resil::Keyed<::resil::Semaphore> = ::resil::Semaphore::new(4)
            .at(&SITE)
            .keyed(500);
        ::resil::__private::collect!(SITE; CIRCUIT_BREAKER, SEMAPHORE);
        (&CIRCUIT_BREAKER, &SEMAPHORE)
    };
    let outcome = 'call: {
        let pass = match circuit_breaker.admit(&order.shop) {
            ::core::result::Result::Ok(pass) => pass,
            ::core::result::Result::Err(refusal) => {
                break 'call ::core::result::Result::Err(
                    ::resil::Failure::Policy(refusal),
                );
            }
        };
        let permit = semaphore.acquire(&(&self.tenant, order.shop));
        let permit = match permit.await {
            ::core::result::Result::Ok(permit) => permit,
            ::core::result::Result::Err(refusal) => {
                break 'call ::core::result::Result::Err(
                    ::resil::Failure::Policy(refusal),
                );
            }
        };
        let attempt = async move {
            if false {
                return ::resil::__private::output::<Result<(), Error>>();
            }
            self.post(order).await
        };
        let outcome = ::resil::Attempt::new(attempt).await;
        ::core::mem::drop(permit);
        let verdict = (&outcome).resil_verdict();
        pass.record(verdict);
        outcome
    };
    outcome.map_err(::resil::Failure::into_error)
}
