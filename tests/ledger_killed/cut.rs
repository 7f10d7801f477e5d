//! A way to PostgreSQL that can be cut.

use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Way {
    pub port: u16,
    is_there: watch::Sender<bool>,
}

impl Way {
    pub async fn to(database: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_there, watched) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut watched = watched.clone();
                tokio::spawn(async move {
                    if !*watched.borrow() {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect(database).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = watched.wait_for(|is_there| !*is_there) => {}
                    }
                });
            }
        });
        Self { port, is_there }
    }

    /// All connections are lost, and new ones too, until it is mended.
    pub fn cut(&self) {
        self.is_there.send_replace(false);
    }

    pub fn mend(&self) {
        self.is_there.send_replace(true);
    }
}
