// #[retry(unsent)]
// async fn ping() -> io::Result<()> {
//     connect().await
// }

async fn ping() -> io::Result<()> {
    use ::resil::__private::{Judge as _, JudgeResponse as _};
    let (calls, retry) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::ping"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static CALLS: ::resil::__private::Calls = ::resil::__private::Calls::of(&SITE);
        static RETRY: ::resil::Retry = ::resil::Retry::unsent().at(&SITE);
        ::resil::__private::collect!(SITE, CALLS; RETRY);
        (&CALLS, &RETRY)
    };
    let call = calls.begin();
    let mut retry = retry.start();
    let outcome = loop {
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
            (&call).waits(&delay);
            delay
        };
        delay.await;
    };
    ::resil::__private::end!(call, outcome);
    outcome
}
