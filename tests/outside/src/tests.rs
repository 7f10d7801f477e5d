//! They compile, they are `Send`, they run.

use crate::functions::{self, Failed};
use crate::methods::Service;
use crate::traits::{Boxed, Defaulted, Gateway, Partner, through};
use crate::{functions as f, hygiene};
use resil::IdempotencyKey;
use std::rc::Rc;
use std::sync::Arc;

#[tokio::test]
async fn functions_run_in_spawned_tasks() {
    let spawned = tokio::spawn(async {
        assert_eq!(f::borrowed("text").await.unwrap(), "text");
        assert_eq!(f::generic::<_, 2>(7).await.unwrap(), ["7", "7"]);
        assert_eq!(f::opaque([1, 2]).await.unwrap().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(format!("{:?}", f::coerced(8).await.unwrap()), "\"many\"");
        assert_eq!(f::lifetimes("a", ("b", 1)).await.unwrap(), "b");
        assert_eq!(f::consumed(vec![Box::new(1)]).await.unwrap(), 0);
        assert_eq!(f::promised(4).await.unwrap(), 8);
        assert_eq!(f::recursive(3).await.unwrap(), 3);
        let key = IdempotencyKey::random();
        assert_eq!(f::keyed(&key, 0).await.unwrap(), key.as_str());
    });
    spawned.await.unwrap();
}

#[tokio::test]
async fn a_failure_comes_back_as_the_functions_own() {
    let failed = functions::borrowed("").await.unwrap_err();
    assert!(matches!(failed, Failed::Io(_)), "{failed:?}");
}

#[tokio::test]
async fn what_is_not_send_runs_in_a_local_set() {
    let set = tokio::task::LocalSet::new();
    let value = set.run_until(async { tokio::task::spawn_local(f::local(Rc::new(7))).await.unwrap() }).await;
    assert_eq!(value.unwrap(), 7);
}

#[tokio::test]
async fn methods_run_in_spawned_tasks() {
    let spawned = tokio::spawn(async {
        let mut service = Service::<u8>::associated(&7).await.unwrap();
        assert_eq!(service.exclusive().await.unwrap(), 2);
        assert_eq!(service.shared().await.unwrap(), &7);
        assert_eq!(Arc::new(Service::<u8>::default()).counted().await.unwrap(), 0);
        assert_eq!(service.consumed().await.unwrap(), 7);
    });
    spawned.await.unwrap();
}

#[tokio::test]
async fn traits_run_in_spawned_tasks() {
    let spawned = tokio::spawn(async {
        assert_eq!(Partner.declared(5).await.unwrap(), 5);
        assert_eq!(Gateway::provided(&Partner).await.unwrap(), 1);
        assert_eq!(through(&Partner).await.unwrap(), 3);
        let boxed: Box<dyn Boxed> = Box::new(Partner);
        assert_eq!(boxed.boxed("a", "b".to_owned()).await.unwrap(), "ab");
        assert!(boxed.boxed("", String::new()).await.is_err());
        assert_eq!(boxed.provided().await.unwrap(), 7);
    });
    spawned.await.unwrap();
    assert_eq!(Partner.defaulted().await.unwrap(), 7);
}

#[tokio::test]
async fn names_do_not_collide() {
    assert_eq!(hygiene::names(1, 1, 1, 1, 1, 1, 1, 1, 1, 1).await.unwrap(), 13);
    assert_eq!(hygiene::shadowed::shadowed().await.unwrap(), 7);
    assert_eq!(hygiene::crowded::crowded().await.unwrap(), 7);
    assert_eq!(hygiene::taken::taken().await.unwrap(), 7);
    assert_eq!(hygiene::taken::isolated("text".to_owned()).await.unwrap(), 4);
    assert_eq!(hygiene::neighbours::neighbours(7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_users_methods_overtake_none_of_ours() {
    use crate::hygiene::overtaken::{repeated, whole};
    use std::sync::atomic::AtomicU32;

    assert!(matches!(repeated(&AtomicU32::new(0)).await, Ok(3)));
    assert!(matches!(whole(&AtomicU32::new(0)).await, Ok(3)));
}

#[tokio::test]
async fn what_is_printed_and_what_others_understand_stays_as_it_was_written() {
    use crate::awaits::{closure, foreign, module, printed};

    assert_eq!(printed(7).await.unwrap(), "call.await");
    let panicked = tokio::spawn(printed(1)).await.unwrap_err().into_panic();
    assert_eq!(panicked.downcast_ref::<&str>(), Some(&"assertion failed: ready(value).await > 5"));
    assert_eq!(foreign().await.unwrap(), "aborderpay");
    assert_eq!(module().await.unwrap(), 42);
    assert_eq!(closure(7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_receiver_is_cloned_wherever_it_is_named() {
    let warehouse = Arc::new(crate::isolation::Warehouse::new("north"));
    let printed = warehouse.printed("bolt".to_owned()).await.unwrap();
    assert_eq!(printed, "Warehouse { name: \"north\" } bolt {self} {self} Other 1");
}

#[test]
fn an_outcome_does_not_live_across_a_wait() {
    fn is_send(_: impl Send) {}

    is_send(f::not_send(7));
    is_send(f::not_send_in_a_stack(7));
    let size = size_of_val(&f::large(7));
    assert!(size < 500, "{size} bytes");
}

#[test]
fn nothing_here_is_misconfigured() {
    assert_eq!(resil::check(), Ok(()));
}
