//! gRPC over tonic: a real channel and a real server, and partners that break every rule of HTTP/2.
#![expect(clippy::unwrap_used, reason = "a test")]

mod codes;
mod cruel;
mod dialling;
mod raw;
mod real;
mod serving;
mod stack;

use resil::tonic::Checked;
use std::net::SocketAddr;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

type Client = HealthClient<Checked<Channel>>;

fn endpoint(to: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{to}")).unwrap()
}

fn client(to: SocketAddr) -> Client {
    HealthClient::new(resil::tonic::channel(&endpoint(to)))
}

fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}
