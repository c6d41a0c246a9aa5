//! The signals that ask the process to stop.

use std::io;

/// Hears when the process is asked to stop, from the moment that this is made.
#[derive(Debug)]
pub(super) struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    pub(super) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits until the process is asked to stop. Asked once more, it ends at once.
    pub(super) async fn asked(mut self) {
        self.heard().await;
        tracing::info!("stopping");
        tokio::spawn(async move {
            self.heard().await;
            std::process::exit(1);
        });
    }

    async fn heard(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
