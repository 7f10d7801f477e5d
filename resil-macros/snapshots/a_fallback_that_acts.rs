// #[fallback(with = second_gateway, unsent)]
// #[retry(unsent)]
// async fn pay(order: &Order) -> Result<Receipt, Error> {
//     first_gateway(order).await
// }

async fn pay(order: &Order) -> Result<Receipt, Error> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    #[retry(used)]
    const _: () = ();
    let (fallback, retry) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::pay"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static FALLBACK: ::resil::Fallback = ::resil::Fallback::asking()
            .unsent()
            .at(&SITE);
        static RETRY: ::resil::Retry = ::resil::Retry::unsent().at(&SITE);
        ::resil::__private::collect!(SITE; FALLBACK, RETRY);
        (&FALLBACK, &RETRY)
    };
    let mut retry = retry.start();
    let outcome = loop {
        let delay = {
            let attempt = async {
                if false {
                    return ::resil::__private::output::<Result<Receipt, Error>>();
                }
                first_gateway(order).await
            };
            let outcome = ::resil::Attempt::new(attempt).under(&mut retry).await;
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    };
    let outcome = match outcome {
        ::core::result::Result::Ok(value) => ::core::result::Result::Ok(value),
        ::core::result::Result::Err(
            failure,
        ) if fallback.take_over_unsent(&failure, (&retry).may_have_acted()) => {
            ::resil::__private::answer::<
                Result<Receipt, Error>,
                _,
                _,
            >(&fallback, failure, |failure| second_gateway(&order, failure))
                .await
        }
        ::core::result::Result::Err(failure) => ::core::result::Result::Err(failure),
    };
    outcome.map_err(::resil::Failure::into_error)
}
