//! Two partners, one stalls: what the healthy partner's callers see, with bulkheads and without.
//!
//! Both partners are spoken to through a driver that blocks its thread, as many do. The bank holds every call for
//! 300 ms, the warehouse answers at once. `cargo run --example isolation`

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const STALL: Duration = Duration::from_millis(300);
/// Calls to each partner, all at once.
const CALLS: usize = 20;
/// Whoever waits longer has left.
const PATIENCE: Duration = Duration::from_millis(250);

/// The service as it is often written: both partners share the threads that serve requests.
mod without_bulkheads {
    use super::{SocketAddr, ask, io};
    use resil::timeout;

    #[timeout("200ms")]
    pub(super) async fn pay(bank: SocketAddr) -> io::Result<String> {
        ask(bank)
    }

    #[timeout("200ms")]
    pub(super) async fn stock(warehouse: SocketAddr) -> io::Result<String> {
        ask(warehouse)
    }
}

/// The same service, each partner behind threads of its own.
mod with_bulkheads {
    use super::{SocketAddr, ask, io};
    use resil::{bulkhead, timeout};

    #[bulkhead(name = "bank", threads = 2, queue = 4, max_wait = "100ms")]
    #[timeout("200ms")]
    pub(super) async fn pay(bank: SocketAddr) -> io::Result<String> {
        ask(bank)
    }

    #[bulkhead(name = "warehouse", threads = 2, queue = 40)]
    #[timeout("200ms")]
    pub(super) async fn stock(warehouse: SocketAddr) -> io::Result<String> {
        ask(warehouse)
    }
}

/// A driver without async: it holds its thread until the partner has answered.
fn ask(partner: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect(partner)?;
    connection.write_all(b"?")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    resil::check()?;
    let bank = partner(STALL)?;
    let warehouse = partner(Duration::ZERO)?;
    println!(
        "{CALLS} calls to a bank that stalls and {CALLS} to a healthy warehouse, at once, in a service of two threads.\n"
    );
    println!("                    callers of the healthy warehouse       callers of the stalling bank");
    println!("                    answered   median  slowest  had left   answered  gave up  refused");

    let shared = serve(move || without_bulkheads::pay(bank), move || without_bulkheads::stock(warehouse))?;
    shared.print("without bulkheads");
    let isolated = serve(move || with_bulkheads::pay(bank), move || with_bulkheads::stock(warehouse))?;
    isolated.print("with bulkheads");

    println!(
        "\nWithout, the bank's stall holds the threads that the warehouse's callers need, and no timeout can fire on a"
    );
    println!("thread that is held. With them, only callers of the bank notice, and those within their bounds.");
    // What completed, not how fast: every caller of the healthy partner had its answer.
    Ok(if isolated.healthy.iter().all(|call| call.answered) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A partner that answers each call after so long, on a thread a call.
fn partner(delay: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || answer(connection, delay));
        }
    });
    Ok(address)
}

fn answer(mut connection: TcpStream, delay: Duration) -> io::Result<()> {
    connection.read_exact(&mut [0])?;
    std::thread::sleep(delay);
    connection.write_all(b"done")
}

/// How one caller fared.
struct Call {
    answered: bool,
    refused: bool,
    took: Duration,
}

struct Outcome {
    healthy: Vec<Call>,
    stalling: Vec<Call>,
}

/// Runs the service on two threads of its own, with all callers at once.
fn serve<P, S>(pay: impl Fn() -> P, stock: impl Fn() -> S) -> io::Result<Outcome>
where
    P: Future<Output = io::Result<String>> + Send + 'static,
    S: Future<Output = io::Result<String>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (mut stalling, mut healthy) = (JoinSet::new(), JoinSet::new());
        for _ in 0..CALLS {
            stalling.spawn(timed(Instant::now(), pay()));
            healthy.spawn(timed(Instant::now(), stock()));
        }
        Ok(Outcome { healthy: healthy.join_all().await, stalling: stalling.join_all().await })
    })
}

async fn timed(begin: Instant, call: impl Future<Output = io::Result<String>>) -> Call {
    let answer = call.await;
    let refusal = answer.as_ref().err().and_then(|error| error.get_ref()?.downcast_ref::<resil::Error>());
    let refused = matches!(refusal, Some(resil::Error::BulkheadFull { .. }));
    Call { answered: answer.is_ok(), refused, took: begin.elapsed() }
}

impl Outcome {
    fn print(&self, service: &str) {
        let count = |calls: &[Call], which: fn(&Call) -> bool| calls.iter().filter(|call| which(call)).count();
        let mut times: Vec<_> = self.healthy.iter().map(|call| call.took.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "{service:<20}{:>8}{median:>7.0} ms{slowest:>6.0} ms{:>10}{:>11}{:>9}{:>9}",
            count(&self.healthy, |call| call.answered),
            count(&self.healthy, |call| call.took > PATIENCE),
            count(&self.stalling, |call| call.answered),
            count(&self.stalling, |call| !call.answered && !call.refused),
            count(&self.stalling, |call| call.refused),
        );
    }
}
