// #[non_idempotent]
// #[timeout("5s")]
// async fn charge(
//     &self,
//     mut order: Order,
//     (won, _): (u64, Currency),
// ) -> Result<Receipt, Error> {
//     order.add(won);
//     self.send(order).await
// }

fn charge(
    &self,
    order: Order,
    argument_2: (u64, Currency),
) -> ::resil::NonIdempotent<
    impl ::core::future::Future<Output = Result<Receipt, Error>>,
> {
    ::resil::NonIdempotent::new(async move {
        let _ = &self;
        let mut order = order;
        let argument_2 = argument_2;
        let (won, _) = argument_2;
        #[timeout(used)]
        const _: () = ();
        let timeout = {
            static SITE: ::resil::Site = ::resil::Site {
                function: ::core::concat!(::core::module_path!(), "::charge"),
                file: ::core::file!(),
                line: ::core::line!(),
            };
            static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                    ::core::time::Duration::from_secs(5),
                )
                .at(&SITE);
            ::resil::__private::collect!(SITE; TIMEOUT);
            &TIMEOUT
        };
        let attempt = async move {
            if false {
                return ::resil::__private::output::<Result<Receipt, Error>>();
            }
            order.add(won);
            self.send(order).await
        };
        let outcome = timeout.apply(attempt).await;
        outcome.map_err(::resil::Failure::into_error)
    })
}
