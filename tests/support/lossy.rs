//! A proxy before PostgreSQL that loses a COMMIT or its answer, or stops answering.

use resil::Db;
use sqlx::Postgres;
use sqlx::postgres::{PgPoolOptions, PgSslMode};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is lost, together with its connection.
#[derive(Clone, Copy)]
pub enum Lost {
    Commit,
    Answer,
    /// Nothing arrives any more from the first statement on that holds this, and the connection stays as it is.
    From(&'static str),
    /// The same, but the statement itself arrives.
    AnswersFrom(&'static str),
}

/// The same database, through a proxy that loses this of its first `times` commits.
pub async fn through(lost: Lost, times: u32, db: &Db<Postgres>) -> Db<Postgres> {
    let options = db.pool().unwrap().connect_options();
    let to = tokio::net::lookup_host((options.get_host(), options.get_port())).await.unwrap().next().unwrap();
    let address = listen(lost, Arc::new(AtomicU32::new(times)), to).await;
    let options = (*options).clone().host("127.0.0.1").port(address.port());
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(20));
    Db::new(pool.connect_with(options.ssl_mode(PgSslMode::Disable)).await.unwrap())
}

async fn listen(lost: Lost, times: Arc<AtomicU32>, to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(forward(client, TcpStream::connect(to).await.unwrap(), lost, Arc::clone(&times)));
        }
    });
    address
}

async fn forward(mut client: TcpStream, mut server: TcpStream, lost: Lost, times: Arc<AtomicU32>) {
    let (mut up, mut down) = ([0; 16384], [0; 16384]);
    let is_next = || times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    loop {
        tokio::select! {
            Ok(read @ 1..) = client.read(&mut up) => {
                let what = match lost {
                    Lost::Commit | Lost::Answer => "COMMIT",
                    Lost::From(what) | Lost::AnswersFrom(what) => what,
                };
                let loses = up[..read].windows(what.len()).any(|word| word == what.as_bytes()) && is_next();
                if loses && matches!(lost, Lost::From(_)) {
                    std::future::pending::<()>().await;
                }
                if loses && matches!(lost, Lost::Commit) {
                    return;
                }
                server.write_all(&up[..read]).await.unwrap();
                if loses && matches!(lost, Lost::AnswersFrom(_)) {
                    std::future::pending::<()>().await;
                }
                if loses {
                    _ = server.read(&mut down).await;
                    return;
                }
            }
            Ok(read @ 1..) = server.read(&mut down) => client.write_all(&down[..read]).await.unwrap(),
            else => return,
        }
    }
}
