// #[non_idempotent]
// #[fallback(with = second_gateway, unsent)]
// async fn pay(order: &Order) -> Result<Receipt, Error> {
//     first_gateway(order).await
// }

fn pay(
    order: &Order,
) -> ::resil::NonIdempotent<
    impl ::core::future::Future<Output = Result<Receipt, Error>>,
> {
    ::resil::NonIdempotent::new(async move {
        let order = order;
        #[fallback(used)]
        const _: () = ();
        let fallback = {
            static SITE: ::resil::Site = ::resil::Site {
                function: ::core::concat!(::core::module_path!(), "::pay"),
                file: ::core::file!(),
                line: ::core::line!(),
            };
            static FALLBACK: ::resil::Fallback = ::resil::Fallback::asking()
                .unsent()
                .at(&SITE);
            ::resil::__private::collect!(SITE; FALLBACK);
            &FALLBACK
        };
        let mut sent = ::resil::Sent::new();
        let attempt = async {
            if false {
                return ::resil::__private::output::<Result<Receipt, Error>>();
            }
            first_gateway(order).await
        };
        let outcome = ::resil::Attempt::new(attempt).noting(&mut sent).await;
        let outcome = match outcome {
            ::core::result::Result::Ok(value) => ::core::result::Result::Ok(value),
            ::core::result::Result::Err(
                failure,
            ) if fallback.take_over_unsent(&failure, (&sent).may_have_acted()) => {
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
    })
}
