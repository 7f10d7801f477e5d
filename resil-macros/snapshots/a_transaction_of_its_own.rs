// #[retry(unsent)]
// #[transactional(tx = self.db)]
// async fn place(&self, order: &Order) -> Result<OrderId, Error> {
//     let id = insert(tx, order).await?;
//     Ok(id)
// }

async fn place(&self, order: &Order) -> Result<OrderId, Error> {
    use ::resil::__private::{
        Judge as _, JudgeResponse as _, OnAny as _, OnPool as _, Awaiting as _,
        InTransaction as _, Unmarked as _,
    };
    #[transactional(used)]
    const _: () = ();
    let (retry, transactional) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::place"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::unsent().at(&SITE);
        static TRANSACTIONAL: ::resil::Transactional = ::resil::Transactional::opening()
            .at(&SITE);
        ::resil::__private::collect!(SITE; RETRY, TRANSACTIONAL);
        (&RETRY, &TRANSACTIONAL)
    };
    let mut retry = retry.start();
    let outcome = loop {
        let delay = {
            let attempt = async {
                let mut transaction = match transactional
                    .begin((&::resil::__private::On(&self.db)).resil_db())
                    .await
                {
                    ::core::result::Result::Ok(transaction) => transaction,
                    ::core::result::Result::Err(refusal) => {
                        return ::core::result::Result::Err(
                            ::resil::Failure::into_error(
                                ::resil::Failure::Policy(refusal),
                            ),
                        );
                    }
                };
                let scope = (&transaction).scope();
                let tx = &mut transaction;
                let outcome = (&scope)
                    .around(async {
                        if false {
                            return ::resil::__private::output::<
                                Result<OrderId, Error>,
                            >();
                        }
                        let id = insert(tx, order)
                            .resil_awaited(|call| call.resil_in_transaction())
                            .await?;
                        Ok(id)
                    })
                    .await;
                transaction.end(outcome).await
            };
            let outcome = ::resil::Attempt::new(attempt).under(&mut retry).await;
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    };
    outcome.map_err(::resil::Failure::into_error)
}
