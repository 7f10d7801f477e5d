//! Places where no partner is to be found, each for a different reason.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// A host name that does not resolve: RFC 6761 keeps `.invalid` from ever being registered.
pub const UNRESOLVABLE: &str = "nowhere.invalid";

/// Ports taken by [`refused_addr`].
static TAKEN: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());

/// A fresh address that refuses connections, for as long as the process lives.
///
/// The port stays bound, by a socket that does not listen. Were it given back, another program
/// could listen there; or a connect to it could be given that very port to connect *from*, and
/// TCP would join it to itself.
///
/// # Errors
///
/// Where no port can be had.
pub fn refused_addr() -> io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let addr = socket.local_addr()?;
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    Ok(addr)
}

/// An address where a TCP handshake stays unanswered, as behind a firewall that drops packets.
///
/// It is a listener that never accepts and whose queue is full: Linux then drops the opening
/// packet of every further connection, which the client sends again after 1 s, 3 s, 7 s and so
/// on, and gives up about two minutes later. Dropping this frees the port.
#[derive(Debug)]
pub struct Unaccepting {
    addr: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Unaccepting {
    /// How long a connect may take before it counts as one that stays pending. On loopback the
    /// kernel completes the handshake within the `connect` call, in microseconds.
    const PENDING: Duration = Duration::from_millis(100);
    /// How many connections to try before concluding that the queue does not fill.
    const TRIES: usize = 16;

    /// Starts listening, fills the queue, and makes sure that further connects stay pending,
    /// which takes about 200 ms.
    ///
    /// # Errors
    ///
    /// Where no port can be had, and [`io::ErrorKind::Unsupported`] where the platform
    /// completes or refuses the connections all the same.
    pub async fn start() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(0)?;
        let addr = listener.local_addr()?;

        let mut queue = Vec::new();
        let mut pending_in_a_row = 0;
        for _ in 0..Self::TRIES {
            match timeout(Self::PENDING, TcpStream::connect(addr)).await {
                Ok(Ok(stream)) => {
                    queue.push(stream);
                    pending_in_a_row = 0;
                }
                Ok(Err(error)) => return Err(unsupported(&format!("refuses them: {error}"))),
                Err(_) => pending_in_a_row += 1,
            }
            // Once could be a machine too busy to get to it; the second time confirms it.
            if pending_in_a_row == 2 {
                return Ok(Self { addr, _listener: listener, _queue: queue });
            }
        }
        Err(unsupported("completes them"))
    }

    /// The address that never answers.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a path there, which starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

fn unsupported(what: &str) -> io::Error {
    let text = format!("connections to a full queue do not stay pending: this platform {what}");
    io::Error::new(io::ErrorKind::Unsupported, text)
}
