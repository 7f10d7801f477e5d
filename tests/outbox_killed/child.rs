//! The process that dies: a relay whose handler says what it is handed, and ends the process at poison.

use crate::killed;
use crate::life::Sql;
use resil::outbox::{Message, Outbox, OutboxEvent};
use resil::{Db, Error, Event};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// `life database address death gathered`
pub const ORDERS: &str = "RESIL_TEST_OUTBOX_CHILD";
pub const ATTEMPTS: u32 = 3;
pub const POISON: &str = "\"poison\"";

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("a pipe");
}

pub fn run(orders: &str) {
    let words: Vec<_> = orders.split(' ').collect();
    let [life, database, address, death, gathered] = words[..] else { panic!("{orders}") };
    let (sender, taken) = unbounded_channel();
    let handler = Arc::new(Handler {
        is_first_life: life == "0",
        is_killed: death == "kill",
        gathered: gathered.parse().expect("a number"),
        begun: AtomicUsize::new(0),
        gate: Semaphore::new(0),
        takes: sender,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match database {
            "sqlite" => relay(killed::sqlite(address).await, handler, taken).await,
            _ => relay(killed::postgres(address).await, handler, taken).await,
        }
    });
    say("end");
}

struct Handler {
    is_first_life: bool,
    is_killed: bool,
    /// In its first life poison waits until so many others are beside it, and they wait for ever.
    gathered: usize,
    begun: AtomicUsize,
    gate: Semaphore,
    takes: UnboundedSender<()>,
}

impl Handler {
    async fn take(&self, message: Message) -> Result<(), Error> {
        say(&format!("begins {} {}", message.payload, message.attempt));
        if self.is_first_life && self.gathered > 0 {
            if self.begun.fetch_add(1, Ordering::Relaxed) == self.gathered {
                self.gate.add_permits(1);
            }
            if message.payload != POISON {
                std::future::pending::<()>().await;
            }
            _ = self.gate.acquire().await;
        }
        if message.payload == POISON {
            say("at poison");
            if !self.is_killed {
                std::process::abort();
            }
            // Whoever reads this ends us.
            loop {
                std::thread::park();
            }
        }
        say(&format!("takes {}", message.payload));
        _ = self.takes.send(());
        Ok(())
    }
}

/// What is delivered or set aside, unless the process dies of it. Behind poison nothing is.
const TO_END: &str = "
    SELECT count(*) FROM resil_outbox AS one WHERE due IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM resil_outbox AS first
        WHERE first.lane = one.lane AND first.number < one.number AND first.payload = '\"poison\"'
    )";

async fn relay<DB: Sql>(db: Db<DB>, handler: Arc<Handler>, mut taken: UnboundedReceiver<()>) {
    let relay = Outbox::on(db.clone()).relay().any(move |message| {
        let handler = Arc::clone(&handler);
        async move { handler.take(message).await }
    });
    let relay =
        relay.attempts(ATTEMPTS).lease(Duration::from_secs(10)).base(Duration::ZERO).poll(Duration::from_millis(5));
    let mut events = resil::registry().subscribe();
    let mut left = DB::number(&db, TO_END).await;
    let done = async {
        while left > 0 {
            tokio::select! {
                Some(()) = taken.recv() => left -= 1,
                event = events.next() => left -= i64::from(matches!(event, Event::Outbox(OutboxEvent::SetAside { .. }))),
            }
        }
    };
    relay.run(done).await;
}
