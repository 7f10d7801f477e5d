//! Policies as layers: what each does around a service, over real servers and clients, and dropped at every poll.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod deadline;
mod dropped;
mod policies;
mod priorities;
mod real;
mod service;

/// A server of its own, on loopback.
async fn serve(router: axum::Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
