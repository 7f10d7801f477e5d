//! The three things this program can be: the play, the shop, and the partner.

use crate::arguments::{Arguments, Role};
use crate::books::Books;
use crate::partner::book::Book;
use crate::process::LISTENING;
use crate::shop::Shop;
use crate::shop::bank::Bank;
use crate::shop::nats::Stream;
use crate::{Failed, database, partner, scenarios};
use resil::ledger::LedgerEvent;
use resil::{Db, Event};
use std::path::Path;
use tokio::net::TcpListener;

pub async fn run(arguments: &Arguments) -> Result<(), Failed> {
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
    let shop = Shop::open(db, Bank::at(&arguments.partner_at)?).await?;
    let stream = match &arguments.nats {
        Some(url) => Some(Stream::open(url, &arguments.stream).await?),
        None => None,
    };
    let listener = TcpListener::bind(arguments.listen).await?;
    let serving = shop.serve(listener, stream, arguments.compare_every())?;
    println!("the shop is {LISTENING}{}", serving.address);
    tokio::select! {
        told = tokio::signal::ctrl_c() => told?,
        () = tell() => {}
    }
    println!("the shop takes no more orders; payments under way are finished by the next one");
    serving.stop().await;
    Ok(())
}

/// Prints what resil does, a line each.
async fn tell() {
    let mut events = resil::registry().subscribe();
    loop {
        match events.next().await {
            Event::Ledger(LedgerEvent::Reconciled(report)) if report.agrees() => {}
            Event::Ledger(LedgerEvent::Reconciled(report)) => println!("{report}"),
            event => println!("{event}"),
        }
    }
}
