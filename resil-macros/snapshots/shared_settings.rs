// #[retry(idempotent, settings = PATIENT, attempts = 5)]
// #[circuit_breaker(name = "bank", settings = BANK)]
// #[semaphore(name = "bank", settings = FEW, max_wait = "1s")]
// #[timeout("5s", settings = SHORT)]
// async fn balance(&self, account: u64) -> Result<Balance, Error> {
//     self.bank.balance(account).await
// }

async fn balance(&self, account: u64) -> Result<Balance, Error> {
    use ::resil::__private::{
        Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _, Unmarked as _,
    };
    #[circuit_breaker(used)]
    const _: () = ();
    #[semaphore(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let (retry, circuit_breaker, semaphore, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::balance"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::idempotent()
            .settings(PATIENT)
            .attempts(5)
            .budget("bank")
            .at(&SITE);
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::named(
                "bank",
            )
            .settings(BANK)
            .at(&SITE);
        static SEMAPHORE: ::resil::Semaphore = ::resil::Semaphore::of(FEW)
            .name("bank")
            .max_wait(::core::time::Duration::from_secs(1))
            .at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::of(::resil::policy::timeout::Settings {
                attempt: ::core::time::Duration::from_secs(5),
                ..SHORT
            })
            .at(&SITE);
        ::resil::__private::collect!(SITE; RETRY, CIRCUIT_BREAKER, SEMAPHORE, TIMEOUT);
        (&RETRY, &CIRCUIT_BREAKER, &SEMAPHORE, &TIMEOUT)
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
            let permit = match semaphore.acquire().await {
                ::core::result::Result::Ok(permit) => permit,
                ::core::result::Result::Err(refusal) => {
                    break ::core::result::Result::Err(::resil::Failure::Policy(refusal));
                }
            };
            let attempt = async {
                if false {
                    return ::resil::__private::output::<Result<Balance, Error>>();
                }
                self.bank
                    .balance(account)
                    .resil_awaited(|call| call.resil_under_retry())
                    .await
            };
            let outcome = timeout.apply(attempt).under(&mut retry).await;
            ::core::mem::drop(permit);
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
