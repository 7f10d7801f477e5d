// #[rate_limit("5/2s", name = "bank", follow_max = "30s")]
// async fn balance(&self, account: u64) -> Result<Balance, Error> {
//     self.bank.balance(account).await
// }

async fn balance(&self, account: u64) -> Result<Balance, Error> {
    let rate_limit = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::balance"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RATE_LIMIT: ::resil::RateLimit = ::resil::RateLimit::new(
                ::resil::policy::rate_limit::Rate::new(
                    5,
                    ::core::time::Duration::from_secs(2),
                ),
            )
            .name("bank")
            .follow_max(::core::time::Duration::from_secs(30))
            .at(&SITE);
        ::resil::__private::collect!(SITE; RATE_LIMIT);
        &RATE_LIMIT
    };
    let outcome = 'call: {
        let turn = match rate_limit.acquire().await {
            ::core::result::Result::Ok(turn) => turn,
            ::core::result::Result::Err(refusal) => {
                break 'call ::core::result::Result::Err(
                    ::resil::Failure::Policy(refusal),
                );
            }
        };
        let attempt = async move {
            if false {
                return ::resil::__private::output::<Result<Balance, Error>>();
            }
            self.bank.balance(account).await
        };
        turn.follow(::resil::Attempt::new(attempt)).await
    };
    outcome.map_err(::resil::Failure::into_error)
}
