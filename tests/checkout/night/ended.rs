//! A shop that is told to end while it does something else.

use super::running::{NEVER, tell};
use super::watched::opens;
use crate::Failed;
use crate::partner::mood::Mood;
use crate::scenarios::stage::expect;
use std::process::Stdio;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

/// A broker that says nothing holds up its start, and not its end.
pub async fn before_it_is_open() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("resil.toml"), "")?;
    let broker = TcpListener::bind("127.0.0.1:0").await?;
    let nats = format!("nats://{}", broker.local_addr()?);
    let [book, settings] = ["shop.db", "resil.toml"].map(|file| folder.path().join(file).display().to_string());
    let arguments = ["--serve", "--listen", "127.0.0.1:0", "--partner-at", "http://127.0.0.1:1", "--database", &book];
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).args(["--settings", &settings, "--nats", &nats]);
    command.env_remove("RESIL_PROFILE").stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let mut shop = command.spawn()?;
    // By now it listens to signals.
    let _asked = broker.accept().await?;
    tell(shop.id().ok_or("it has ended")?, "TERM").await?;
    let status = timeout(NEVER, shop.wait()).await.map_err(|_| "it never ended")??;
    expect(status.success(), &format!("{status}"))
}

/// Who says so a third time does not want to wait for what is under way.
pub async fn at_once() -> Result<(), Failed> {
    let (_folder, partner, mut shop) = opens(&[]).await?;
    partner.is(Mood::Slow).await?;
    shop.order().await?;
    for said in ["not ready any more", "takes no more orders"] {
        shop.signal("TERM").await?;
        shop.until(said).await?;
    }
    shop.signal("TERM").await?;
    let (status, last) = shop.ended().await?;
    expect(!status.success(), &format!("something was under way, and others are to know: {status}: {last:#?}"))
}
