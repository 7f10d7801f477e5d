//! Two of the same at once.

use super::*;

async fn a_key_whose_first_request_runs_is_a_409_until_it_is_answered<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let client = Arc::new(client);
    let first = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.post("/orders", "r-1", SLOW).await }
    });
    shop.inside.notified().await;
    for payload in [SLOW, TEA] {
        let refused = client.request("POST", "/orders", &["\"r-1\""], payload).send().await.unwrap();
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (409, &"1".parse().unwrap()));
    }
    // On SQLite, where one writes at a time, these would wait for the first.
    if DB::NAME != "SQLite" {
        assert_eq!(client.of("bob").post("/orders", "r-1", TEA).await.0, 201, "another request is let in");
        assert_eq!(client.post("/orders?dry", "r-2", TEA).await.0, 201);
    }
    shop.gate.close();
    let first = first.await.unwrap();
    assert_eq!((first.0, first.1), (201, false));
    assert_eq!(client.post("/orders", "r-1", SLOW).await, (201, true, first.2));
}

async fn a_client_that_leaves_frees_its_key<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    {
        let leaving = client.post("/orders", "r-1", SLOW);
        tokio::select! {
            _ = leaving => unreachable!(),
            () = shop.inside.notified() => {}
        }
    }
    // The server notices some time after the client has left.
    let again = async {
        loop {
            let answer = client.post("/orders", "r-1", SLOW).await;
            if answer.0 != 409 {
                return answer;
            }
        }
    };
    let is_let_in = async {
        shop.inside.notified().await;
        shop.gate.close();
    };
    let (again, ()) = tokio::join!(again, is_let_in);
    assert_eq!((again.0, again.1, shop.counts()), (201, false, (2, 1)));
}

/// There it is no 409: nobody here knows of it, and `once` waits.
async fn one_that_runs_in_another_process_is_waited_for_and_both_are_answered_alike<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let other = Client { url: listen(&shop).await, ..client.of("alice") };
    let first = tokio::spawn(async move { (client.post("/orders", "r-1", SLOW).await, client) });
    shop.inside.notified().await;
    let both_are_there = async {
        while shop.counts().0 < 2 {
            tokio::task::yield_now().await;
        }
        shop.gate.close();
    };
    let (second, ()) = tokio::join!(other.post("/orders", "r-1", SLOW), both_are_there);
    let (first, client) = first.await.unwrap();
    assert_eq!((first.0, first.1, second.0, second.1), (201, false, 201, false));
    assert_eq!((&first.2, shop.counts()), (&second.2, (2, 1)));
    for client in [client, other] {
        assert_eq!(client.post("/orders", "r-1", SLOW).await, (201, true, first.2.clone()));
    }
}

on_both! {
    a_key_whose_first_request_runs_is_a_409_until_it_is_answered,
    a_client_that_leaves_frees_its_key,
    one_that_runs_in_another_process_is_waited_for_and_both_are_answered_alike,
}
