//! Following the log and the accounts: who carries which file, and whose files go with them.

mod accounts;
mod log;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::MediaError;
use crate::media::{Inner, Media};

/// How long to wait before the feeds are read again after a failure: at first, and at most.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How far what media follows was looked at. One reads each at a time, so that changes are applied in their order.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    log: tokio::sync::Mutex<log::Looked>,
    accounts: tokio::sync::Mutex<()>,
    nudge: Arc<Notify>,
}

impl Follower {
    /// Wakes the task that reads in the background.
    pub(crate) fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }
}

impl Media {
    /// Says that the log may tell more of who carries which file; it is read in the background. Never blocks.
    pub fn references_changed(&self) {
        self.inner.follower.nudge.notify_one();
    }

    /// Says that the account feed may have grown; it is read in the background. Never blocks.
    pub fn accounts_changed(&self) {
        self.inner.follower.nudge.notify_one();
    }
}

/// Reads both feeds whenever there may be more, until the media is gone.
pub(crate) async fn run(media: Weak<Inner>, nudge: Arc<Notify>) {
    let mut pause = PAUSE;
    loop {
        nudge.notified().await;
        // The media is held only while there is work.
        let Some(media) = media.upgrade().map(|inner| Media { inner }) else { return };
        let followed = follow(&media).await;
        drop(media);
        match followed {
            Ok(()) => pause = PAUSE,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "who carries which file is not followed");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                nudge.notify_one();
            }
        }
    }
}

/// Both, although one may fail.
async fn follow(media: &Media) -> Result<(), MediaError> {
    let references = media.follow_references().await;
    let accounts = media.follow_accounts().await;
    references.and(accounts)
}
