// #[fallback(stale = "10m", key = item)]
// #[timeout("2s")]
// async fn price(item: &str) -> Result<Price, Error> {
//     ask(item).await
// }

async fn price(item: &str) -> Result<Price, Error> {
    #[timeout(used)]
    const _: () = ();
    let (fallback, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::price"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static FALLBACK: ::resil::Fallback = ::resil::Fallback::stale(
                ::core::time::Duration::from_secs(600),
            )
            .at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(2),
            )
            .at(&SITE);
        ::resil::__private::collect!(SITE; FALLBACK, TIMEOUT);
        (&FALLBACK, &TIMEOUT)
    };
    let last_good = fallback.last_good(item).typed(&|| ());
    let attempt = async {
        if false {
            return ::resil::__private::output::<Result<Price, Error>>();
        }
        ask(item).await
    };
    let outcome = timeout.apply(attempt).await;
    let outcome = match outcome {
        ::core::result::Result::Ok(value) => {
            (&last_good).keep(&value);
            ::core::result::Result::Ok(value)
        }
        ::core::result::Result::Err(failure) if fallback.take_over(&failure) => {
            (&last_good).instead_of(failure)
        }
        ::core::result::Result::Err(failure) => ::core::result::Result::Err(failure),
    };
    outcome.map_err(::resil::Failure::into_error)
}
