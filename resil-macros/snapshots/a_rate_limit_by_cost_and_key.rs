// #[retry(idempotent)]
// #[semaphore(permits = 4)]
// #[rate_limit(
//     "100/s",
//     settings = BANK,
//     burst = 20,
//     max_wait = "2s",
//     key = order.bank,
//     cost = order.items,
//     follow
// )]
// #[timeout("5s")]
// async fn send(&self, order: &Order) -> Result<Receipt, Error> {
//     self.bank.send(order).await
// }

async fn send(&self, order: &Order) -> Result<Receipt, Error> {
    use ::resil::__private::{
        Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _, Unmarked as _,
    };
    #[semaphore(used)]
    const _: () = ();
    #[rate_limit(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let (retry, semaphore, rate_limit, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::send"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::idempotent().at(&SITE);
        static SEMAPHORE: ::resil::Semaphore = ::resil::Semaphore::new(4).at(&SITE);
        static RATE_LIMIT: ::resil::Keyed<::resil::RateLimit> = ::resil::RateLimit::of(::resil::policy::rate_limit::Settings {
                rate: ::resil::policy::rate_limit::Rate::new(
                    100,
                    ::core::time::Duration::from_secs(1),
                ),
                ..BANK
            })
            .burst(20)
            .max_wait(::core::time::Duration::from_secs(2))
            .at(&SITE)
            .keyed(10000);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(5),
            )
            .at(&SITE);
        ::resil::__private::collect!(SITE; RETRY, SEMAPHORE, RATE_LIMIT, TIMEOUT);
        (&RETRY, &SEMAPHORE, &RATE_LIMIT, &TIMEOUT)
    };
    let mut retry = retry.start();
    let outcome = loop {
        let delay = {
            let permit = match semaphore.acquire().await {
                ::core::result::Result::Ok(permit) => permit,
                ::core::result::Result::Err(refusal) => {
                    break ::core::result::Result::Err(::resil::Failure::Policy(refusal));
                }
            };
            let turn = rate_limit.acquire(&order.bank).cost(order.items);
            let turn = match turn.await {
                ::core::result::Result::Ok(turn) => turn,
                ::core::result::Result::Err(refusal) => {
                    break ::core::result::Result::Err(::resil::Failure::Policy(refusal));
                }
            };
            let attempt = async {
                if false {
                    return ::resil::__private::output::<Result<Receipt, Error>>();
                }
                self.bank
                    .send(order)
                    .resil_awaited(|call| call.resil_under_retry())
                    .await
            };
            let outcome = turn.follow(timeout.apply(attempt).under(&mut retry)).await;
            turn.heed((&outcome).resil_verdict());
            ::core::mem::drop(permit);
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    };
    outcome.map_err(::resil::Failure::into_error)
}
