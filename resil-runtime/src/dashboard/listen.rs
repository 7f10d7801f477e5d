use super::access::{Actor, AnyAccess};
use super::routes;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, ToSocketAddrs, lookup_host};
use tokio::sync::watch;

/// The page for this machine alone, to look at and not to act: without a function that says who may, nobody does.
///
/// Everybody who has an account on the machine, or a tunnel to it (`ssh -L 7878:127.0.0.1:7878 host`), can see it. A proxy must not
/// stand in front of it: a request that says it was forwarded is refused, and so is one that is not meant for `localhost` or a
/// loopback address.
///
/// # Errors
///
/// If the address is not a loopback address, or cannot be listened on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let page = resil::dashboard::listen("127.0.0.1:0").await?;
/// println!("http://{}", page.address());
/// # Ok(()) }
/// ```
pub async fn listen(address: impl ToSocketAddrs) -> io::Result<Listening> {
    let addresses: Vec<SocketAddr> = lookup_host(address).await?.collect();
    if let Some(address) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        let message = format!(
            "{address} is no loopback address: without a function that says who may see it, the page is for this machine alone; \
             write \"127.0.0.1:7878\", or mount `resil::dashboard::router(access)`"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let listener = TcpListener::bind(&*addresses).await?;
    let address = listener.local_addr()?;
    let viewer = Actor::named("this machine").viewing();
    let access = AnyAccess::new(move |_: &http::request::Parts| std::future::ready(Some(viewer.clone())));
    let (is_served, mut open) = watch::channel(());
    let router = routes::router(access, Some(open.clone()));
    tokio::spawn(async move {
        let closed = async move { _ = open.changed().await };
        _ = axum::serve(listener, router).with_graceful_shutdown(closed).await;
    });
    Ok(Listening { address, _is_served: is_served })
}

/// The page while it is served: it ends when this is dropped, for those who have it open as well.
#[must_use = "the page is served no longer once this is dropped"]
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    _is_served: watch::Sender<()>,
}

impl Listening {
    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
