// #[durable(
//     db = Postgres,
//     op = "payment.confirm",
//     version = 2,
//     per = order_id,
//     amount = amount,
//     verify = payment_status,
//     compensate = cancel_payment,
//     applied = mark_paid,
//     undone = mark_failed,
//     settle = "2m"
// )]
// #[retry(idempotency_key = key)]
// #[timeout("15s")]
// pub async fn confirm(
//     toss: &Toss,
//     order_id: OrderId,
//     amount: Won,
//     key: &IdempotencyKey,
// ) -> Result<Receipt, TossError> {
//     toss.pay(order_id, amount, key).await
// }

pub async fn confirm(
    toss: &Toss,
    order_id: OrderId,
    amount: Won,
    key: &IdempotencyKey,
) -> Result<Receipt, TossError> {
    use ::resil::__private::{Judge as _, JudgeResponse as _, Untold as _};
    #[retry(used)]
    const _: () = ();
    #[timeout(used)]
    const _: () = ();
    let _ = (&order_id, &amount);
    let (retry, timeout) = {
        static SITE: ::resil::Site = ::resil::Site {
            function: ::core::concat!(::core::module_path!(), "::confirm"),
            file: ::core::file!(),
            line: ::core::line!(),
        };
        static RETRY: ::resil::Retry = ::resil::Retry::idempotency_key().at(&SITE);
        static TIMEOUT: ::resil::Timeout = ::resil::Timeout::attempt(
                ::core::time::Duration::from_secs(15),
            )
            .at(&SITE);
        ::resil::__private::collect!(SITE; RETRY, TIMEOUT);
        (&RETRY, &TIMEOUT)
    };
    let mut retry = retry.start_with(key);
    let outcome = loop {
        let delay = {
            let attempt = async {
                if false {
                    return ::resil::__private::output::<Result<Receipt, TossError>>();
                }
                #[deny(unused_variables)]
                let key = key;
                toss.pay(order_id, amount, key).await
            };
            let outcome = timeout.apply(attempt).under(&mut retry).await;
            let ::core::option::Option::Some(delay) = (&mut retry)
                .again((&outcome).resil_verdict()) else { break outcome };
            delay
        };
        delay.await;
    };
    let outcome = (&mut retry)
        .conclude(outcome, |failure| ::resil::__private::Told(failure).resil_text());
    outcome.map_err(::resil::Failure::into_error)
}
///The operation of [`confirm()`], for the ledger.
#[derive(::core::fmt::Debug)]
pub struct confirm {}
impl confirm {
    ///Records an intent to call [`confirm()`] in this transaction. Hand it to `ledger.drive(..)` after the commit; if nobody does, a reconciler will.
    ///
    /// # Errors
    ///
    /// As `resil::ledger::record`.
    pub async fn record<DB>(
        tx: &mut ::resil::Tx<DB>,
        order_id: OrderId,
        amount: Won,
    ) -> ::core::result::Result<::resil::ledger::Intent<Self>, ::resil::Error>
    where
        DB: ::resil::Backend,
        Self: ::resil::ledger::Operation<DB, Arguments = (OrderId, Won)>,
    {
        let subject = ::core::option::Option::Some(
            ::std::string::ToString::to_string(&order_id),
        );
        ::resil::ledger::record(tx, subject, &(order_id, amount)).await
    }
    ///Records another intent to call [`confirm()`], if the last one about the same was not done.
    ///
    /// # Errors
    ///
    /// As `resil::ledger::record_again`.
    pub async fn record_again<DB>(
        tx: &mut ::resil::Tx<DB>,
        order_id: OrderId,
        amount: Won,
    ) -> ::core::result::Result<::resil::ledger::Intent<Self>, ::resil::Error>
    where
        DB: ::resil::Backend,
        Self: ::resil::ledger::Operation<DB, Arguments = (OrderId, Won)>,
    {
        let subject = ::core::option::Option::Some(
            ::std::string::ToString::to_string(&order_id),
        );
        ::resil::ledger::record_again(
                tx,
                subject.unwrap_or_default(),
                &(order_id, amount),
            )
            .await
    }
}
impl ::resil::ledger::Operation<Postgres> for confirm {
    const NAME: &'static str = "payment.confirm";
    const VERSION: u32 = 2;
    const SHAPE: &'static str = "order_id: OrderId, amount: Won -> Receipt";
    type Arguments = (OrderId, Won);
    type Receipt = <Result<Receipt, TossError> as ::resil::__private::Fallible>::Ok;
    fn settings() -> ::resil::ledger::Settings {
        ::resil::ledger::Settings::new()
            .settle(::core::time::Duration::from_secs(120))
            .verifies()
            .compensates()
            .in_doubt(::resil::ledger::InDoubt::Repeat)
    }
    fn amount(
        (order_id, amount): &Self::Arguments,
    ) -> ::core::option::Option<::std::string::String> {
        let _ = (order_id, amount);
        ::core::option::Option::Some(::std::string::ToString::to_string(&amount))
    }
    fn requires(required: &mut ::resil::ledger::Required) {
        required.needs::<Toss>();
    }
    async fn call(
        given: &::resil::ledger::Dependencies,
        (order_id, amount): Self::Arguments,
        key: &::resil::IdempotencyKey,
    ) -> ::core::result::Result<Self::Receipt, ::resil::ledger::Failed> {
        confirm(given.get::<Toss>()?, order_id, amount, key)
            .await
            .map_err(<::resil::ledger::Failed as ::core::convert::From<_>>::from)
    }
    async fn verify(
        given: &::resil::ledger::Dependencies,
        (order_id, amount): Self::Arguments,
        original: &::resil::ledger::OriginalKey,
    ) -> ::core::result::Result<
        ::resil::ledger::Status<Self::Receipt>,
        ::resil::ledger::Failed,
    > {
        payment_status(
                given.get::<Toss>()?,
                order_id,
                amount,
                ::resil::__private::original(original),
            )
            .await
            .map_err(<::resil::ledger::Failed as ::core::convert::From<_>>::from)
    }
    async fn compensate(
        given: &::resil::ledger::Dependencies,
        (order_id, amount): Self::Arguments,
        original: &::resil::ledger::OriginalKey,
        key: &::resil::IdempotencyKey,
        receipt: ::core::option::Option<Self::Receipt>,
    ) -> ::core::result::Result<(), ::resil::ledger::Failed> {
        cancel_payment(
                given.get::<Toss>()?,
                order_id,
                amount,
                ::resil::__private::original(original),
                key,
                receipt,
            )
            .await
            .map_err(<::resil::ledger::Failed as ::core::convert::From<_>>::from)
    }
    async fn applied(
        tx: &mut ::resil::Tx<Postgres>,
        (order_id, amount): Self::Arguments,
        receipt: &Self::Receipt,
    ) -> ::core::result::Result<(), ::resil::ledger::Failed> {
        mark_paid(tx, order_id, amount, receipt)
            .await
            .map_err(<::resil::ledger::Failed as ::core::convert::From<_>>::from)
    }
    async fn undone(
        tx: &mut ::resil::Tx<Postgres>,
        (order_id, amount): Self::Arguments,
        why: &::resil::ledger::Report,
    ) -> ::core::result::Result<(), ::resil::ledger::Failed> {
        mark_failed(tx, order_id, amount, why)
            .await
            .map_err(<::resil::ledger::Failed as ::core::convert::From<_>>::from)
    }
}
const _: () = {
    static SITE: ::resil::Site = ::resil::Site {
        function: ::core::concat!(::core::module_path!(), "::confirm"),
        file: ::core::file!(),
        line: ::core::line!(),
    };
    static DURABLE: ::resil::ledger::Durable = ::resil::ledger::Durable::new(
            "payment.confirm",
            2,
            &[::resil::__private::database_name::<Postgres>()],
        )
        .at(&SITE);
    ::resil::__private::collect!(SITE; DURABLE);
};
