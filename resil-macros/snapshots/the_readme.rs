// #[deadline("30s")]
// #[retry(idempotency_key = key)]
// #[circuit_breaker(name = "payments")]
// #[timeout("10s", connect = "2s", read = "5s")]
// pub async fn pay(&self, order: u64, key: &IdempotencyKey) -> Result<String, Error> {
//     let request = self.http.post("https://partner.example/payments").json(&order);
//     request.checked().await?.text().await
// }

pub async fn pay(&self, order: u64, key: &IdempotencyKey) -> Result<String, Error> {
    use ::resil::__private::{Judge as _, JudgeResponse as _, Untold as _};
    #[retry(used)]
    const _: () = ();
    #[circuit_breaker(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let (deadline, retry, circuit_breaker, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::pay"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static DEADLINE: ::resil::Deadline = ::resil::Deadline::within(
                ::core::time::Duration::from_secs(30),
            )
            .at(&SITE);
        static RETRY: ::resil::Retry = ::resil::Retry::idempotency_key()
            .budget("payments")
            .at(&SITE);
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::named(
                "payments",
            )
            .at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(10),
            )
            .connect(::core::time::Duration::from_secs(2))
            .read(::core::time::Duration::from_secs(5))
            .at(&SITE);
        ::resil::__private::collect!(SITE; DEADLINE, RETRY, CIRCUIT_BREAKER, TIMEOUT);
        (&DEADLINE, &RETRY, &CIRCUIT_BREAKER, &TIMEOUT)
    };
    let deadline = deadline.start();
    let mut retry = retry.start_with(key).within(deadline);
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
                    return ::resil::__private::output::<Result<String, Error>>();
                }
                let request = self
                    .http
                    .post("https://partner.example/payments")
                    .json(&order);
                request.checked().await?.text().await
            };
            let outcome = timeout
                .apply(attempt)
                .within(deadline)
                .under(&mut retry)
                .await;
            let verdict = (&outcome).resil_verdict();
            pass.record(verdict);
            let ::core::option::Option::Some(delay) = (&mut retry).again(verdict) else {
                break outcome
            };
            delay
        };
        delay.await;
    };
    let outcome = (&mut retry)
        .conclude(outcome, |failure| ::resil::__private::Told(failure).resil_text());
    outcome.map_err(::resil::Failure::into_error)
}
