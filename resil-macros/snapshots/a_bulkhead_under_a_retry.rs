// #[retry(idempotent)]
// #[bulkhead(name = "erp", threads = 4, max_concurrent = 20, queue = 50)]
// #[timeout("5s")]
// async fn stock(self: Arc<Self>, (item, _): (Item, Region)) -> Result<u32, Error> {
//     self.erp.stock(item).await
// }

async fn stock(self: Arc<Self>, (item, _): (Item, Region)) -> Result<u32, Error> {
    use ::resil::__private::{
        Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _, Unmarked as _,
    };
    #[bulkhead(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let (retry, bulkhead, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::stock"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::idempotent().at(&SITE);
        static BULKHEAD: ::resil::Bulkhead = ::resil::Bulkhead::new(4)
            .name("erp")
            .max_concurrent(20)
            .queue(50)
            .at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(5),
            )
            .at(&SITE);
        ::resil::__private::collect!(SITE; RETRY, BULKHEAD, TIMEOUT);
        (&RETRY, &BULKHEAD, &TIMEOUT)
    };
    let mut retry = retry.start();
    let outcome = loop {
        let delay = {
            let attempt = {
                let this = ::core::clone::Clone::clone(&self);
                let item = ::core::clone::Clone::clone(&item);
                async move {
                    if false {
                        return ::resil::__private::output::<Result<u32, Error>>();
                    }
                    this.erp
                        .stock(item)
                        .resil_awaited(|call| call.resil_under_retry())
                        .await
                }
            };
            let outcome = timeout.apply(attempt).under(&mut retry).on(bulkhead).await;
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    };
    outcome.map_err(::resil::Failure::into_error)
}
