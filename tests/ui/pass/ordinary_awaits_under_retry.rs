//! What is not marked is awaited under a retry as it would be without one.
#![deny(warnings)]
#![allow(dead_code)]

use resil::{Error, non_idempotent, retry};
use std::future::{Future, IntoFuture, Ready, ready};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

struct Query(u64);

impl IntoFuture for Query {
    type Output = Result<u64, Error>;
    type IntoFuture = Ready<Self::Output>;
    fn into_future(self) -> Self::IntoFuture {
        ready(Ok(self.0))
    }
}

#[non_idempotent]
async fn pay(won: u64) -> Result<u64, Error> {
    Ok(won)
}

/// Its arguments are commas among the arguments of `join!`.
async fn generic<A: Into<B>, B: Into<u64>>(from: A) -> Result<u64, Error> {
    Ok(from.into().into())
}

async fn biased(id: u64) -> Result<u64, Error> {
    Ok(id)
}

async fn get(id: u64) -> Result<u64, Error> {
    Ok(id)
}

fn boxed<'a>(id: &'a u64) -> Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>> {
    Box::pin(async move { Ok(*id) })
}

trait Gateway {
    async fn order(&self) -> Result<u64, Error>;
}

struct Shop {
    pending: Option<Pin<Box<dyn Future<Output = u64> + Send>>>,
}

impl Shop {
    #[retry(idempotent)]
    async fn mutable(&mut self, id: &u64) -> Result<u64, Error> {
        if let Some(pending) = &mut self.pending {
            pending.await;
        }
        if let Some(pending) = self.pending.as_mut() {
            pending.as_mut().await;
        }
        Ok(boxed(id).await? + self.own(*id).await?)
    }

    async fn own(&self, id: u64) -> Result<u64, Error> {
        Ok(id)
    }
}

#[retry(idempotent)]
async fn everything<G: Gateway, F>(gateway: &G, make: impl Fn() -> F) -> Result<u64, Error>
where
    F: Future<Output = Result<u64, Error>>,
{
    let mut sum = get(1).await? + Query(2).await? + gateway.order().await? + make().await?;
    sum += tokio::time::timeout(Duration::from_secs(1), get(3)).await.unwrap_or(Ok(0))?;
    sum += Box::pin(get(4)).await?;
    let mut pinned = pin!(get(5));
    sum += pinned.as_mut().await?;
    let (left, right) = tokio::join!(get(6), get(7));
    let (third, fourth) = tokio::try_join!(get(8), async { get(9).await },)?;
    sum += left? + right? + third + fourth;
    let (fifth, sixth) = tokio::join!(biased; generic::<u8, u64>(1), generic::<_, u32>(2u16));
    let (seventh, eighth) = tokio::try_join!(generic::<u8, u64>(3), biased(4))?;
    sum += fifth? + sixth? + seventh + eighth;
    let closure = async |id: u64| get(id).await;
    sum += closure(1).await?;
    let block = async {
        let text = String::from("lent");
        let lent: &str = &text;
        tokio::task::yield_now().await;
        get(lent.len() as u64).await
    };
    sum += block.await?;
    for id in 0..3 {
        sum += match get(id).await {
            Ok(found) if found > 1 => found,
            Ok(_) => continue,
            Err(error) => return Err(error),
        };
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    sender.send(1_u64).unwrap();
    sum += receiver.await.unwrap();
    let handle = tokio::spawn(async { ready(1_u64).await });
    sum += handle.await.unwrap();
    let lock = tokio::sync::Mutex::new(1_u64);
    sum += *lock.lock().await;
    *lock.lock().await += get(2).await?;
    sum += std::future::poll_fn(|_| Poll::Ready(3_u64)).await;
    sum += tokio::select! {
        found = get(1) => found?,
        () = tokio::time::sleep(Duration::from_secs(9)) => get(2).await?,
    };
    let text = format!("{}", get(1).await?);
    Ok(sum + text.len() as u64 + { get(1).await }? + (get(1)).await?)
}

/// The mark is seen where it is awaited, not where it is made.
#[retry(idempotent)]
async fn hands_it_on() -> Result<u64, Error> {
    drop(pay(5));
    get(1).await
}

/// The other way round nothing is said.
#[non_idempotent]
async fn waits_for_a_retry() -> Result<u64, Error> {
    hands_it_on().await
}

fn main() {}
