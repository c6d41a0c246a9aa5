//! One request at a time goes on with an upload, and the newest one is let through.
//!
//! A client that lost its connection comes back before the server has noticed. So whoever waits has the one before it
//! stop and keep what it has, instead of being refused until that one's time is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bartab_core::UploadId;
use tokio::sync::{OwnedMutexGuard, watch};

use crate::error::MediaError;

/// How long the one before may take to stop: its bytes are synced to disk, or it makes the file.
const PATIENCE: Duration = Duration::from_secs(20);

/// The uploads that somebody goes on with.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<UploadId, Entry>>);

/// There while somebody has or wants the turn.
#[derive(Debug)]
struct Entry {
    users: usize,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// How many wait for it.
    waiting: watch::Sender<usize>,
}

impl Turns {
    fn entries(&self) -> MutexGuard<'_, HashMap<UploadId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn, and has whoever has it stop.
    pub(crate) async fn take(self: &Arc<Self>, upload: UploadId) -> Result<Turn, MediaError> {
        let mut wanted = Wanted::new(Arc::clone(self), upload);
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&wanted.turn).lock_owned()).await;
        let Ok(guard) = turn else { return Err(MediaError::UploadLocked) };
        wanted.stop_waiting();
        Ok(Turn { _guard: guard, wanted })
    }

    /// The turn, unless somebody has or wants it.
    pub(crate) fn try_take(self: &Arc<Self>, upload: UploadId) -> Option<Turn> {
        if self.entries().contains_key(&upload) {
            return None;
        }
        let mut wanted = Wanted::new(Arc::clone(self), upload);
        let guard = Arc::clone(&wanted.turn).try_lock_owned().ok()?;
        wanted.stop_waiting();
        Some(Turn { _guard: guard, wanted })
    }

    /// How many uploads somebody goes on with.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries().len()
    }
}

/// The right to go on with an upload, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    // Let go of before the entry may go.
    _guard: OwnedMutexGuard<()>,
    wanted: Wanted,
}

impl Turn {
    /// Returns when somebody else wants it.
    pub(crate) async fn is_wanted(&self) {
        let mut waiting = self.wanted.waiting.subscribe();
        if waiting.wait_for(|waiting| *waiting > 0).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Somebody who has or wants the turn.
#[derive(Debug)]
struct Wanted {
    turns: Arc<Turns>,
    upload: UploadId,
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: watch::Sender<usize>,
    waits: bool,
}

impl Wanted {
    fn new(turns: Arc<Turns>, upload: UploadId) -> Self {
        let mut entries = turns.entries();
        let entry = entries.entry(upload).or_insert_with(|| Entry {
            users: 0,
            turn: Arc::default(),
            waiting: watch::Sender::new(0),
        });
        entry.users += 1;
        entry.waiting.send_modify(|waiting| *waiting += 1);
        let (turn, waiting) = (Arc::clone(&entry.turn), entry.waiting.clone());
        drop(entries);
        Self { turns, upload, turn, waiting, waits: true }
    }

    fn stop_waiting(&mut self) {
        if std::mem::take(&mut self.waits) {
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.stop_waiting();
        let mut entries = self.turns.entries();
        if let Some(entry) = entries.get_mut(&self.upload) {
            entry.users -= 1;
            if entry.users == 0 {
                entries.remove(&self.upload);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_heard_and_gets_the_turn() {
        let turns = Arc::new(Turns::default());
        let upload = UploadId::from_u128(1);
        let first = turns.take(upload).await.unwrap();
        assert!(turns.try_take(upload).is_none());
        let _other = turns.take(UploadId::from_u128(2)).await.unwrap();
        let second = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take(upload).await }
        });
        first.is_wanted().await;
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(matches!(turns.take(upload).await, Err(MediaError::UploadLocked)));
        let wanted = tokio::time::timeout(Duration::from_secs(1), second.is_wanted()).await;
        assert!(wanted.is_err(), "nobody waits any more");
        assert_eq!(turns.len(), 2);
        drop(second);
        assert_eq!(turns.len(), 1, "nothing is kept of what nobody goes on with");
        assert!(turns.try_take(upload).is_some());
        assert_eq!(turns.len(), 1);
    }
}
