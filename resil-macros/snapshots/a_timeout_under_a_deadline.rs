// #[deadline("3s")]
// #[timeout(read = "1s")]
// async fn ping(&mut self) -> Result<(), Error> {
//     self.socket.ping().await
// }

async fn ping(&mut self) -> Result<(), Error> {
    #[timeout(used)]
    const _: () = ();
    #[deprecated(
        note = "`read = \"1s\"` is outside the recommended 5 to 30 s: a shorter one cuts off slow answers, a longer one holds the caller; if that is intended, write `allow(range)` beside it"
    )]
    const read_outside_its_range: () = ();
    let () = read_outside_its_range;
    let (deadline, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::ping"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static DEADLINE: ::resil::Deadline = ::resil::Deadline::within(
                ::core::time::Duration::from_secs(3),
            )
            .at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::phases()
            .read(::core::time::Duration::from_secs(1))
            .at(&SITE);
        ::resil::__private::collect!(SITE; DEADLINE, TIMEOUT);
        (&DEADLINE, &TIMEOUT)
    };
    let deadline = deadline.start();
    let attempt = async move {
        if false {
            return ::resil::__private::output::<Result<(), Error>>();
        }
        self.socket.ping().await
    };
    let outcome = timeout.apply(attempt).within(deadline).await;
    outcome.map_err(::resil::Failure::into_error)
}
