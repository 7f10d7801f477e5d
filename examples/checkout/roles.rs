//! The three things this program can be: the play, the shop, and the partner.

use crate::arguments::{Arguments, Role};
use crate::books::Books;
use crate::operation::{Operation, Stage};
use crate::operators::Operators;
use crate::partner::book::Book;
use crate::process::LISTENING;
use crate::shop::bank::Bank;
use crate::shop::nats::Stream;
use crate::shop::{Serving, Shop};
use crate::signals::{self, Signals};
use crate::{Failed, database, partner, scenarios};
use resil::ledger::LedgerEvent;
use resil::{Db, Event};
use std::future::pending;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub async fn run(arguments: &Arguments) -> Result<(), Failed> {
    match arguments.role {
        // Which does what `check()` does as well.
        Role::Serve => resil::configure(&arguments.settings)?,
        Role::Play | Role::Partner => resil::check()?,
    }
    match arguments.role {
        Role::Play => scenarios::play(arguments.postgres(), arguments.nats.as_deref()).await,
        Role::Partner => {
            let book = Book::open(&arguments.book).await?;
            let listener = TcpListener::bind(arguments.listen).await?;
            println!("the partner is {LISTENING}{}", listener.local_addr()?);
            Ok(partner::serve(listener, book, arguments.seed).await?)
        }
        Role::Serve => match arguments.postgres() {
            Some(url) if arguments.is_pooled => serve(database::pooled(url).await?, arguments).await,
            Some(url) => serve(database::postgres(url, arguments.schema.as_deref()).await?, arguments).await,
            None => {
                let file = arguments.database.as_deref().unwrap_or("shop.db");
                serve(database::sqlite(Path::new(file)).await?, arguments).await
            }
        },
    }
}

async fn serve<DB: Books>(db: Db<DB>, arguments: &Arguments) -> Result<(), Failed> {
    let Signals { reloads, mut ends } = Signals::listen()?;
    let opening = async {
        let shop = Shop::open(db, Bank::at(&arguments.partner_at)?).await?;
        let stream = match &arguments.nats {
            Some(url) => Some(Stream::open(url, &arguments.stream).await?),
            None => None,
        };
        Ok::<_, Failed>((shop, stream))
    };
    let (shop, stream) = tokio::select! {
        opened = opening => opened?,
        () = ends.next() => {
            println!("the shop has ended before it was open");
            return Ok(());
        }
    };
    let operation = Operation::install()?;
    let operators = Operators::told()?;
    let listener = TcpListener::bind(arguments.listen).await?;
    let Serving { address, shutdown } =
        shop.serve(listener, operation.router(operators), stream, arguments.compare_every())?;
    println!("the shop is {LISTENING}{address}");
    let (hand_on, handed_on) = oneshot::channel();
    let told_to_end = async move {
        ends.next().await;
        // First whoever sends requests here is to hear of it, and then nobody is accepted any more.
        operation.comes_to(Stage::Leaves);
        println!("the shop leaves: it is not ready any more");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(arguments.leave)) => {}
            // Who says so twice does not want to wait.
            () = ends.next() => {}
        }
        operation.comes_to(Stage::Ends);
        println!("the shop takes no more orders, and finishes what it has begun");
        _ = hand_on.send(ends);
    };
    // Who says so once more while it finishes does not want to wait for that either.
    let told_again = async {
        match handed_on.await {
            Ok(mut ends) => ends.next().await,
            Err(_) => pending().await,
        }
    };
    let ending = async {
        let stopped = shutdown.when(told_to_end).await?;
        // After whatever writes.
        shop.db.pool()?.close().await;
        Ok::<_, Failed>(stopped)
    };
    let stopped = tokio::select! {
        stopped = ending => stopped?,
        () = told_again => return Err("told to end at once: others finish what was under way".into()),
        () = tell() => return Err("no more events".into()),
        () = signals::reload(reloads) => return Err("no more signals".into()),
    };
    println!("the shop has ended; {stopped}");
    Ok(())
}

/// Prints what resil does, a line each.
async fn tell() {
    let mut events = resil::registry().subscribe();
    loop {
        match events.next().await {
            Event::Ledger(LedgerEvent::Reconciled(report)) if report.agrees() => {}
            Event::Ledger(LedgerEvent::Reconciled(report)) => println!("{report}"),
            // Who has read the settings prints them; refusals are as many as calls, and `/metrics` counts them.
            Event::SettingChanged(_)
            | Event::CircuitRefused { .. }
            | Event::SemaphoreRefused { .. }
            | Event::RateLimited { .. } => {}
            event => println!("{event}"),
        }
    }
}
