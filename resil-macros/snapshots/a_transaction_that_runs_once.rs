// #[transactional(tx = self.db, op = "order.place", once = request_id, keep = "48h")]
// async fn place(
//     &self,
//     request_id: &IdempotencyKey,
//     item: Item,
//     number: u32,
// ) -> Result<OrderId, Error> {
//     insert(tx, item, number).await
// }

async fn place(
    &self,
    request_id: &IdempotencyKey,
    item: Item,
    number: u32,
) -> Result<OrderId, Error> {
    use ::resil::__private::{
        OnAny as _, OnPool as _, Awaiting as _, InTransaction as _, Unmarked as _,
    };
    let transactional = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::place"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static TRANSACTIONAL: ::resil::Transactional = ::resil::Transactional::opening()
            .op("order.place")
            .keep(::core::time::Duration::from_secs(172800))
            .at(&SITE);
        ::resil::__private::collect!(SITE; TRANSACTIONAL);
        &TRANSACTIONAL
    };
    let attempt = async move {
        let once = transactional.once(&request_id).argument(&item).argument(&number);
        let mut transaction = match transactional
            .begin_once((&::resil::__private::On(&self.db)).resil_db(), once)
            .await
        {
            ::core::result::Result::Ok(::resil::__private::Begun::First(transaction)) => {
                transaction
            }
            ::core::result::Result::Ok(::resil::__private::Begun::Again(known)) => {
                return known.outcome();
            }
            ::core::result::Result::Err(refusal) => {
                return ::core::result::Result::Err(
                    ::resil::Failure::into_error(::resil::Failure::Policy(refusal)),
                );
            }
        };
        let scope = (&transaction).scope();
        let tx = &mut transaction;
        let outcome = (&scope)
            .around(async move {
                if false {
                    return ::resil::__private::output::<Result<OrderId, Error>>();
                }
                insert(tx, item, number)
                    .resil_awaited(|call| call.resil_in_transaction())
                    .await
            })
            .await;
        let outcome = (&mut transaction).store(outcome);
        transaction.end(outcome).await
    };
    let outcome = ::resil::Attempt::new(attempt).await;
    outcome.map_err(::resil::Failure::into_error)
}
