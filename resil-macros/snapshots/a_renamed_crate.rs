// #[retry(idempotent, crate = crate::vendored::resil)]
// #[crate::vendored::resil::timeout("1s")]
// async fn ping() -> Result<(), Error> {
//     connect().await
// }

async fn ping() -> Result<(), Error> {
    use crate::vendored::resil::__private::{
        Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _, Unmarked as _,
    };
    let (retry, timeout) = {
        static SITE: crate::vendored::resil::Site = crate::vendored::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::ping"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: crate::vendored::resil::Retry = crate::vendored::resil::Retry::idempotent()
            .at(&SITE);
        static TIMEOUT: crate::vendored::resil::Timeout = crate::vendored::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(1),
            )
            .at(&SITE);
        crate::vendored::resil::__private::collect!(SITE; RETRY, TIMEOUT);
        (&RETRY, &TIMEOUT)
    };
    let mut retry = retry.start();
    let outcome = loop {
        let delay = {
            let attempt = async {
                if false {
                    return crate::vendored::resil::__private::output::<
                        Result<(), Error>,
                    >();
                }
                connect().resil_awaited(|call| call.resil_under_retry()).await
            };
            let outcome = timeout.apply(attempt).under(&mut retry).await;
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    };
    outcome.map_err(crate::vendored::resil::Failure::into_error)
}
