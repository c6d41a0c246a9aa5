//! Opening a chat: the state from its snapshot, the rest from the log.

use std::sync::{Arc, Mutex, OnceLock};

use bartab_core::store::{EventLog, Head, SnapshotStore};
use bartab_core::{Clock, Random, Timestamp};
use tokio::sync::mpsc;

use super::{Chat, ChatStores, Inner};
use crate::config::Config;
use crate::directory::Directory;
use crate::error::{CorruptLog, OpenError};
use crate::hub::{Hub, Published, RecentLimits};
use crate::model::{TenantState, apply, from_snapshot};
use crate::sequencer::Sequencer;

/// Rows that are replayed at a time.
const STEP: usize = 1_000;

impl Chat {
    /// Opens the chat whose log this is and starts its sequencer on the current tokio runtime.
    ///
    /// # Errors
    /// When the store fails or the log cannot be read.
    pub async fn open(
        stores: ChatStores,
        config: Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let log = &*stores.log;
        let mut published = match &stores.snapshots {
            Some(snapshots) => start(log, &**snapshots).await?,
            None => None,
        };
        let snapshot = published.as_ref().map_or(0, |published| published.head.seq);
        let mut published = match published.take() {
            Some(published) => published,
            None => beginning(log).await?,
        };
        replay(log, &mut published).await?;
        let limits = RecentLimits { events: config.recent_events, bytes: config.recent_bytes };
        let hub = Arc::new(Hub::new(published, limits));
        let (jobs, queue) = mpsc::channel(config.queue.max(1));
        let sequencer = Sequencer {
            log: Arc::clone(&stores.log),
            snapshots: stores.snapshots.clone(),
            hub: Arc::clone(&hub),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
            config: config.clone(),
            snapshot,
            saving: None,
        };
        let sequencer = tokio::spawn(sequencer.run(queue));
        Ok(Self {
            inner: Arc::new(Inner {
                stores,
                config,
                clock,
                random,
                hub,
                jobs: Mutex::new(Some(jobs)),
                sequencer: tokio::sync::Mutex::new(Some(sequencer)),
                follower: OnceLock::new(),
                media: OnceLock::new(),
            }),
        })
    }
}

async fn beginning(log: &dyn EventLog) -> Result<Published, OpenError> {
    let head = Head { seq: 0, digest: log.genesis().await?, time: Timestamp::default() };
    Ok(Published { head, state: TenantState::default(), directory: Directory::default() })
}

/// The state of the snapshot, when there is one that belongs to this log.
async fn start(log: &dyn EventLog, snapshots: &dyn SnapshotStore) -> Result<Option<Published>, OpenError> {
    let Some(snapshot) = snapshots.load().await? else { return Ok(None) };
    let (state, digest) = match from_snapshot(&snapshot) {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(None),
        Err(error) => {
            // A cache that cannot be read is made again.
            tracing::warn!(error = &error as &dyn std::error::Error, "the snapshot is dropped");
            return Ok(None);
        }
    };
    let row = log.get(&[snapshot.seq]).await?.pop().flatten();
    if row.is_none_or(|row| row.digest() != digest) {
        tracing::warn!(seq = snapshot.seq, "the snapshot is of another history and is dropped");
        return Ok(None);
    }
    let directory = Directory::load(&state, log).await?;
    let head = Head { seq: snapshot.seq, digest, time: state.time };
    Ok(Some(Published { head, state, directory }))
}

async fn replay(log: &dyn EventLog, published: &mut Published) -> Result<(), OpenError> {
    loop {
        let records = log.scan(published.head.seq, STEP).await?;
        let Some(last) = records.last() else { return Ok(()) };
        for record in &records {
            let event = record.to_event().map_err(CorruptLog::Record)?;
            apply(&mut published.state, &event);
            published.directory.apply(&event);
        }
        published.head = Head { seq: last.seq(), digest: last.digest(), time: last.envelope.time() };
    }
}
