//! A real server, whose handlers are told here what to do.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub type Answers = Pin<Box<dyn futures_util::Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;
type Check = dyn Fn(Request<HealthCheckRequest>) -> Boxed<Result<i32, Status>> + Send + Sync;

pub struct Service {
    check: Box<Check>,
    watch: Box<dyn Fn() -> Answers + Send + Sync>,
}

#[tonic::async_trait]
impl Health for Service {
    type WatchStream = Answers;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: (self.check)(request).await? }))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Answers>, Status> {
        Ok(Response::new((self.watch)()))
    }
}

pub fn service<F>(check: impl Fn(Request<HealthCheckRequest>) -> F + Send + Sync + 'static) -> Service
where
    F: Future<Output = Result<i32, Status>> + Send + 'static,
{
    Service {
        check: Box::new(move |request| Box::pin(check(request))),
        watch: Box::new(|| Box::pin(futures_util::stream::empty())),
    }
}

impl Service {
    pub fn watched(self, watch: impl Fn() -> Answers + Send + Sync + 'static) -> Self {
        Self { watch: Box::new(watch), ..self }
    }

    pub async fn serve(self) -> SocketAddr {
        let (address, incoming) = listen().await;
        tokio::spawn(Server::builder().add_service(HealthServer::new(self)).serve_with_incoming(incoming));
        address
    }

    /// Under this layer.
    pub async fn serve_within(self, layer: resil::tonic::CallerDeadline) -> SocketAddr {
        let (address, incoming) = listen().await;
        let server = Server::builder().layer(layer).add_service(HealthServer::new(self));
        tokio::spawn(server.serve_with_incoming(incoming));
        address
    }
}

async fn listen() -> (SocketAddr, TcpIncoming) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), TcpIncoming::from(listener))
}
