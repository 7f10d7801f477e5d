// #[fallback(with = Self::cached)]
// async fn rate(&self, currency: String) -> Result<Rate, Error> {
//     self.ask(&currency).await
// }

async fn rate(&self, currency: String) -> Result<Rate, Error> {
    use ::resil::__private::{Awaiting as _, UnderFallback as _, Unmarked as _};
    let fallback = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::rate"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static FALLBACK: ::resil::Fallback = ::resil::Fallback::asking().at(&SITE);
        ::resil::__private::collect!(SITE; FALLBACK);
        &FALLBACK
    };
    let attempt = async {
        if false {
            return ::resil::__private::output::<Result<Rate, Error>>();
        }
        self.ask(&currency).await
    };
    let outcome = ::resil::Attempt::new(attempt).await;
    let outcome = match outcome {
        ::core::result::Result::Ok(value) => ::core::result::Result::Ok(value),
        ::core::result::Result::Err(failure) if fallback.take_over(&failure) => {
            ::resil::__private::answer::<
                Result<Rate, Error>,
                _,
                _,
            >(
                    &fallback,
                    failure,
                    |failure| {
                        Self::cached(&self, &currency, failure)
                            .resil_awaited(|call| call.resil_under_fallback())
                    },
                )
                .await
        }
        ::core::result::Result::Err(failure) => ::core::result::Result::Err(failure),
    };
    outcome.map_err(::resil::Failure::into_error)
}
