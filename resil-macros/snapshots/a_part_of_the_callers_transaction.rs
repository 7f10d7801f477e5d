// #[transactional(tx)]
// async fn insert(tx: &mut Tx<Postgres>, order: &Order) -> Result<OrderId, Error> {
//     query(order).execute(&mut *tx).await
// }

async fn insert(tx: &mut Tx<Postgres>, order: &Order) -> Result<OrderId, Error> {
    use ::resil::__private::{Awaiting as _, InTransaction as _, Unmarked as _};
    let (calls, transactional) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::insert"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static CALLS: ::resil::__private::Calls = ::resil::__private::Calls::of(&SITE);
        static TRANSACTIONAL: ::resil::Transactional = ::resil::Transactional::taking_part()
            .at(&SITE);
        ::resil::__private::collect!(SITE, CALLS; TRANSACTIONAL);
        (&CALLS, &TRANSACTIONAL)
    };
    let call = calls.begin();
    let attempt = async move {
        let scope = transactional.take_part(&tx);
        (&scope)
            .around(async move {
                if false {
                    return ::resil::__private::output::<Result<OrderId, Error>>();
                }
                query(order)
                    .execute(&mut *tx)
                    .resil_awaited(|call| call.resil_in_transaction())
                    .await
            })
            .await
    };
    let outcome = ::resil::Attempt::new(attempt).await;
    let outcome = outcome.map_err(::resil::Failure::into_error);
    ::resil::__private::end!(call, outcome);
    outcome
}
