// #[transactional(tx)]
// async fn insert(tx: &mut Tx<Postgres>, order: &Order) -> Result<OrderId, Error> {
//     query(order).execute(&mut *tx).await
// }

async fn insert(tx: &mut Tx<Postgres>, order: &Order) -> Result<OrderId, Error> {
    use ::resil::__private::{Awaiting as _, InTransaction as _, Unmarked as _};
    let transactional = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::insert"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static TRANSACTIONAL: ::resil::Transactional = ::resil::Transactional::taking_part()
            .at(&SITE);
        ::resil::__private::collect!(SITE; TRANSACTIONAL);
        &TRANSACTIONAL
    };
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
    outcome.map_err(::resil::Failure::into_error)
}
