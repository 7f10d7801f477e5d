// #[retry(idempotent)]
// fn ping<'life0, 'async_trait>(
//     &'life0 self,
// ) -> ::core::pin::Pin<
//     Box<dyn ::core::future::Future<Output = Result<(), Error>> + Send + 'async_trait>,
// >
// where
//     'life0: 'async_trait,
//     Self: 'async_trait,
// {
//     Box::pin(async move {
//         if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<
//             Result<(), Error>,
//         > {
//             #[allow(unreachable_code)] return __ret;
//         }
//         let __self = self;
//         let __ret: Result<(), Error> = { __self.connect().await };
//         #[allow(unreachable_code)] __ret
//     })
// }

fn ping<'life0, 'async_trait>(
    &'life0 self,
) -> ::core::pin::Pin<
    Box<dyn ::core::future::Future<Output = Result<(), Error>> + Send + 'async_trait>,
>
where
    'life0: 'async_trait,
    Self: 'async_trait,
{
    Box::pin(async move {
        if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<
            Result<(), Error>,
        > {
            #[allow(unreachable_code)] return __ret;
        }
        let __self = self;
        let __ret: Result<(), Error> = {
            use ::resil::__private::{
                Judge as _, JudgeResponse as _, Awaiting as _, UnderRetry as _,
                Unmarked as _,
            };
            let retry = {
                static SITE: ::resil::Site = ::resil::Site {
                    function: ::core::concat!(::core::module_path!(), "::ping"),
                    file: ::core::file!(),
                    line: ::core::line!(),
                };
                static RETRY: ::resil::Retry = ::resil::Retry::idempotent().at(&SITE);
                ::resil::__private::collect!(SITE; RETRY);
                &RETRY
            };
            let mut retry = retry.start();
            loop {
                let delay = {
                    let attempt = async {
                        if false {
                            return ::resil::__private::output::<Result<(), Error>>();
                        }
                        __self
                            .connect()
                            .resil_awaited(|call| call.resil_under_retry())
                            .await
                    };
                    let outcome = (&mut retry).prove(attempt).await;
                    let ::core::option::Option::Some(delay) = (&mut retry)
                        .again((&outcome).resil_verdict()) else { break outcome };
                    delay
                };
                delay.await;
            }
        };
        #[allow(unreachable_code)] __ret
    })
}
