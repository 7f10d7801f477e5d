// #[retry(unsent)]
// async fn ping() -> io::Result<()> {
//     connect().await
// }

async fn ping() -> io::Result<()> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    let retry = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::ping"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::unsent().at(&SITE);
        ::resil::__private::collect!(SITE; RETRY);
        &RETRY
    };
    let mut retry = retry.start();
    loop {
        let delay = {
            let attempt = async {
                if false {
                    return ::resil::__private::output::<io::Result<()>>();
                }
                connect().await
            };
            let outcome = (&mut retry).prove(attempt).await;
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    }
}
