// #[deadline("30s")]
// #[retry(
//     idempotency_key = key,
//     attempts = 4,
//     base = "250ms",
//     factor = 1.5,
//     max = MAX,
//     jitter = 0.2,
//     retry_status = [429],
//     budget = "shared",
//     failure_if = is_pending
// )]
// #[circuit_breaker(
//     name = "toss",
//     window = "60s",
//     min_calls = 10,
//     failure_rate = 0.3,
//     slow_call = "2s",
//     slow_rate = 0.8,
//     open_for = "10s",
//     open_factor = 2.0,
//     open_max = "5m",
//     half_open_calls = 2,
//     half_open_max_wait = "20s",
//     failure_if = is_broken
// )]
// #[timeout("10s", connect = "2s", read = "5s")]
// async fn confirm(&self, order: Order, key: &IdempotencyKey) -> Result<Receipt, Error> {
//     self.post(order, key).await
// }

async fn confirm(&self, order: Order, key: &IdempotencyKey) -> Result<Receipt, Error> {
    use ::resil::__private::{Judge as _, JudgeResponse as _, Untold as _};
    #[retry(used)]
    const _: () = ();
    #[circuit_breaker(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let (deadline, retry, circuit_breaker, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::confirm"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static DEADLINE: ::resil::Deadline = ::resil::Deadline::within(
                ::core::time::Duration::from_secs(30),
            )
            .at(&SITE);
        static RETRY: ::resil::Retry = ::resil::Retry::idempotency_key()
            .attempts(4)
            .base(::core::time::Duration::from_millis(250))
            .factor(1.5)
            .max(MAX)
            .jitter(::resil::Jitter::Fraction(0.2))
            .retry_status(&[429])
            .budget("shared")
            .at(&SITE);
        static CIRCUIT_BREAKER: ::resil::CircuitBreaker = ::resil::CircuitBreaker::named(
                "toss",
            )
            .window(::resil::Window::Time(::core::time::Duration::from_secs(60)))
            .min_calls(10)
            .failure_rate(0.3)
            .slow_call(::core::time::Duration::from_secs(2))
            .slow_rate(0.8)
            .open_for(::core::time::Duration::from_secs(10))
            .open_factor(2.0)
            .open_max(::core::time::Duration::from_secs(300))
            .half_open_calls(2)
            .half_open_max_wait(::core::time::Duration::from_secs(20))
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
                    return ::resil::__private::output::<Result<Receipt, Error>>();
                }
                #[deny(unused_variables)]
                let key = key;
                self.post(order, key).await
            };
            let outcome = timeout
                .apply(attempt)
                .within(deadline)
                .under(&mut retry)
                .await;
            let verdict = (&outcome).resil_verdict();
            pass.record(::resil::__private::failure_if(verdict, &outcome, is_broken));
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again(::resil::__private::failure_if(verdict, &outcome, is_pending))
            else { break outcome };
            delay
        };
        delay.await;
    };
    let outcome = (&mut retry)
        .conclude(outcome, |failure| ::resil::__private::Told(failure).resil_text());
    outcome.map_err(::resil::Failure::into_error)
}
