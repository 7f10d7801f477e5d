// #[outside_transaction]
// #[non_idempotent]
// #[timeout("5s")]
// async fn charge(&self, order: &Order) -> Result<Receipt, Error> {
//     self.post(order).await
// }

#[track_caller]
fn charge(
    &self,
    order: &Order,
) -> ::resil::OutsideTransaction<
    ::resil::NonIdempotent<impl ::core::future::Future<Output = Result<Receipt, Error>>>,
> {
    let called_at = ::core::panic::Location::caller();
    ::resil::OutsideTransaction::new(
        ::resil::NonIdempotent::new(async move {
            let _ = &self;
            let order = order;
            #[non_idempotent(used)]
            const _: () = ();
            #[timeout(used)]
            const _: () = ();
            let (transaction_guard, timeout) = {
                static SITE: ::resil::Site = ::resil::Site {
                    function: ::core::concat!(::core::module_path!(), "::charge"),
                    file: ::core::file!(),
                    line: ::core::line!(),
                };
                static TRANSACTION_GUARD: ::resil::TransactionGuard = ::resil::TransactionGuard::new()
                    .at(&SITE);
                static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                        ::core::time::Duration::from_secs(5),
                    )
                    .at(&SITE);
                ::resil::__private::collect!(SITE; TRANSACTION_GUARD, TIMEOUT);
                (&TRANSACTION_GUARD, &TIMEOUT)
            };
            if let ::core::result::Result::Err(refusal) = transaction_guard
                .check_call(called_at)
            {
                return ::core::result::Result::Err(
                    ::resil::Failure::into_error(::resil::Failure::Policy(refusal)),
                );
            }
            let attempt = async move {
                if false {
                    return ::resil::__private::output::<Result<Receipt, Error>>();
                }
                self.post(order).await
            };
            let outcome = timeout.apply(attempt).await;
            outcome.map_err(::resil::Failure::into_error)
        }),
    )
}
