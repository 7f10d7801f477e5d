//! What the process is told from outside: to read its settings again, and to end.

use std::io;

#[cfg(unix)]
mod of_the_system {
    use std::io;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// From when it is made on, SIGHUP no longer ends the process.
    pub struct Reloads(Signal);

    impl Reloads {
        pub fn listen() -> io::Result<Self> {
            signal(SignalKind::hangup()).map(Self)
        }

        /// SIGHUP; several that come together are one.
        pub async fn next(&mut self) {
            _ = self.0.recv().await;
        }
    }

    pub struct Ends {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Ends {
        pub fn listen() -> io::Result<Self> {
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }

        /// Ctrl-C or SIGTERM.
        pub async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        }
    }
}

#[cfg(not(unix))]
mod of_the_system {
    use std::io;

    pub struct Reloads;

    impl Reloads {
        pub fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        /// There is no such signal.
        pub async fn next(&mut self) {
            std::future::pending().await
        }
    }

    pub struct Ends;

    impl Ends {
        pub fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        /// Ctrl-C.
        pub async fn next(&mut self) {
            _ = tokio::signal::ctrl_c().await;
        }
    }
}

use of_the_system::{Ends, Reloads};

/// All of them, from now on.
pub struct Signals {
    pub reloads: Reloads,
    pub ends: Ends,
}

impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self { reloads: Reloads::listen()?, ends: Ends::listen()? })
    }
}

/// Reads the settings again each time the process is told to, and prints what has changed, or all that is wrong.
pub async fn reload(mut told: Reloads) {
    loop {
        told.next().await;
        // Files are read, which blocks.
        let said = match tokio::task::spawn_blocking(resil::reload).await {
            Ok(Ok(changes)) => {
                let revision = resil::registry().configuration().revision;
                let count = format!("settings: revision {revision} is in force, {} changed", changes.len());
                changes.iter().fold(count, |said, change| format!("{said}\n  {change}"))
            }
            Ok(Err(error)) => {
                let wrong = error.problems();
                let count = format!("settings: refused for {} mistakes, nothing has changed", wrong.len());
                wrong.iter().fold(count, |said, mistake| format!("{said}\n  {mistake}"))
            }
            Err(panicked) => format!("settings: {panicked}"),
        };
        println!("{said}");
    }
}
