use super::{Question, looked_at};
use proc_macro2::TokenStream;
use quote::quote;

const ASKED: Question = Question { method: "ask", import: "Ask", everywhere: false };

/// How many awaits of a body are looked at.
fn looked(body: &TokenStream) -> usize {
    let (tokens, _) = looked_at(body.clone(), &[ASKED], &syn::parse_quote!(crate::partners::sturdy));
    tokens.to_string().matches("resil_awaited").count()
}

#[test]
fn code_is_looked_through() {
    assert_eq!(
        looked(&quote!(match call.await {
            Ok(found) => found,
            Err(_) => other.await,
        })),
        2
    );
    assert_eq!(looked(&quote!(call.await)), 1);
    assert_eq!(
        looked(&quote!({
            let call = || async { pay(5).await };
            call().await
        })),
        2
    );
    assert_eq!(
        looked(&quote!(if !(call.await?) {
            other().await
        } else if !done.await {
            (third).await
        })),
        4
    );
    assert_eq!(looked(&quote!(assert_eq!(pay(5).await?, format!("{}", call.await)))), 2);
    assert_eq!(looked(&quote!(tokio::select! { found = get() => found.await, _ = sleep => get(2).await })), 2);
    assert_eq!(
        looked(&quote!(
            async fn inner() {
                call.await
            }
        )),
        1
    );
    assert_eq!(looked(&quote!(tokio::join!(biased; pay(1), async { pay(2).await }))), 3);
}

#[test]
fn what_others_understand_stays_as_it_is() {
    assert_eq!(looked(&quote!(assert!(call.await); dbg!(call.await); ensure!(call.await, "no"))), 0);
    assert_eq!(looked(&quote!(stringify!(call.await))), 0);
    assert_eq!(looked(&quote!(steps! { call.await; other.await; })), 0);
    assert_eq!(looked(&quote!(join!("a", "b"))), 0);
    assert_eq!(
        looked(&quote!(
            macro_rules! wait {
                ($call:expr) => {
                    $call.await
                };
            }
        )),
        0
    );
    assert_eq!(
        looked(&quote!(
            mod inner {
                async fn one() {
                    call.await
                }
            }
        )),
        0
    );
}

#[test]
fn only_a_path_of_ours_exempts() {
    assert_eq!(looked(&quote!(resil::after(async { call.await }))), 0);
    assert_eq!(looked(&quote!(::resil::allow("why", async { call.await }))), 0);
    assert_eq!(looked(&quote!(crate::partners::sturdy::after(async { call.await }))), 0);
    assert_eq!(looked(&quote!(after(async { call.await }))), 1);
    assert_eq!(looked(&quote!(timers::after(second, async { call.await }))), 1);
    assert_eq!(looked(&quote!(timers::resil::after(async { call.await }))), 1);
    assert_eq!(looked(&quote!(sturdy::after(async { call.await }))), 1);
    assert_eq!(
        looked(&quote!(if late {
            return self.resil.after(async { call.await });
        })),
        1
    );
    assert_eq!(looked(&quote!(resil::spawn(async { call.await }))), 1);
}

#[test]
fn a_parameter_without_a_type_is_not_looked_at() {
    assert_eq!(looked(&quote!(|call| async move { call.await })), 0);
    assert_eq!(looked(&quote!(|_, (call, other)| async move { call.await + other.await })), 0);
    assert_eq!(looked(&quote!(each(move |call| call.await, call.await))), 1);
    assert_eq!(looked(&quote!(|call: Call| async move { call.await })), 1);
    assert_eq!(looked(&quote!(|call| async move { call.charge().await + pay(call).await })), 2);
    assert_eq!(looked(&quote!(let sum = flags | call; call.await)), 1);
    assert_eq!(looked(&quote!(|| async { call.await })), 1);
}
