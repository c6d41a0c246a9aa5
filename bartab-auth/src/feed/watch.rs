//! Being told of news in the account feed of another process.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::remote::RemoteAccountFeed;

/// How long one request waits for news.
const WAIT: Duration = Duration::from_secs(30);
/// How long to wait before the server is asked again after a failure: at first, and at most.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Waits for news in a [`RemoteAccountFeed`] until it is dropped.
#[derive(Debug)]
#[must_use = "nobody is told any more once it is dropped"]
pub struct FeedWatch(JoinHandle<()>);

impl Drop for FeedWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RemoteAccountFeed {
    /// Calls `listener` whenever the feed has entries that were not read through this feed or a clone of it, so that
    /// whoever follows it reads it at once; sometimes for nothing. What comes while the server cannot be reached is told
    /// of afterwards.
    ///
    /// The listener is called on a task of its own and must not block: chat's `accounts_changed` is one.
    ///
    /// # Panics
    /// Outside of a `tokio` runtime.
    pub fn watch(&self, listener: impl Fn() + Send + Sync + 'static) -> FeedWatch {
        let feed = self.clone();
        FeedWatch(tokio::spawn(async move {
            let (mut told, mut pause) = (0, PAUSE);
            loop {
                // One entry is enough to know that there are some.
                match feed.read(feed.given().max(told), 1, WAIT).await {
                    Ok(entries) => {
                        pause = PAUSE;
                        if let Some(entry) = entries.last() {
                            told = entry.number;
                            listener();
                        }
                    }
                    Err(error) => {
                        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                        tracing::warn!(%error, source, "there is no news of the account feed");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        }))
    }
}
