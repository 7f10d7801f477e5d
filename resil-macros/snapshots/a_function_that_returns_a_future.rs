// #[timeout("1s")]
// fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
//     let url = self.url();
//     async move { connect(url).await }
// }

fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
    let url = self.url();
    async move {
        let timeout = {
            static SITE: ::resil::Site = ::resil::Site {
                function: ::core::concat!(::core::module_path!(), "::ping"),
                file: ::core::file!(),
                line: ::core::line!(),
            };
            static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                    ::core::time::Duration::from_secs(1),
                )
                .at(&SITE);
            ::resil::__private::collect!(SITE; TIMEOUT);
            &TIMEOUT
        };
        let attempt = async move {
            if false {
                return ::resil::__private::output::<Result<(), Error>>();
            }
            connect(url).await
        };
        let outcome = timeout.apply(attempt).await;
        outcome.map_err(::resil::Failure::into_error)
    }
}
