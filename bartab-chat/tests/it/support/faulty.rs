//! A log that can be held up and made to fail.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bartab_core::event::{Digest, KeyHash, Record};
use bartab_core::store::{Audience, Batch, EventLog, Head, HeadStream, MessageRow, PageQuery, StoreError};
use bartab_core::{EventId, RoomId, UserId};
use tokio::sync::watch;

/// How an append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is written, and the store says so.
    Unavailable,
    /// The driver fails in a way without a better name; nothing is written.
    Backend,
    /// It is written, but the store cannot tell.
    WrittenUnknown,
    /// It is not written, and the store cannot tell.
    LostUnknown,
}

/// A log in front of another.
pub(crate) struct FaultyLog {
    inner: Arc<dyn EventLog>,
    held: watch::Sender<bool>,
    heads: watch::Sender<u64>,
    faults: Mutex<VecDeque<Option<Fault>>>,
    reads_fail: AtomicBool,
    head_fails: AtomicBool,
    appends: AtomicUsize,
    last_append: AtomicUsize,
}

impl FaultyLog {
    pub(super) fn over(inner: Arc<dyn EventLog>) -> Self {
        Self {
            inner,
            held: watch::Sender::new(false),
            heads: watch::Sender::new(0),
            faults: Mutex::default(),
            reads_fail: AtomicBool::new(false),
            head_fails: AtomicBool::new(false),
            appends: AtomicUsize::new(0),
            last_append: AtomicUsize::new(usize::MAX),
        }
    }

    /// Makes appends wait, or lets them go on.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Makes the next append fail; asked again, the one after it.
    pub(crate) fn fail(&self, fault: Fault) {
        self.faults.lock().unwrap().push_back(Some(fault));
    }

    /// Makes one append fail after so many that do not.
    pub(crate) fn fail_nth(&self, number: usize, fault: Fault) {
        let mut faults = self.faults.lock().unwrap();
        faults.extend(std::iter::repeat_n(None, number));
        faults.push_back(Some(fault));
    }

    /// Makes every append fail after so many more.
    pub(crate) fn fail_after(&self, appends: usize) {
        self.last_append.store(self.appends().saturating_add(appends), Ordering::SeqCst);
    }

    /// Makes every read fail, or work again.
    pub(crate) fn fail_reads(&self, fail: bool) {
        self.reads_fail.store(fail, Ordering::SeqCst);
    }

    /// Makes asking for the head fail, or work again.
    pub(crate) fn fail_head(&self, fail: bool) {
        self.head_fails.store(fail, Ordering::SeqCst);
    }

    /// Tells that the log ends elsewhere now, as a store with several nodes does.
    pub(crate) fn announce(&self, head: u64) {
        self.heads.send_replace(head);
    }

    /// How many appends began.
    pub(crate) fn appends(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }

    /// The log behind, which does not fail.
    pub(crate) fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    fn readable(&self) -> Result<(), StoreError> {
        match self.reads_fail.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable(Some("as told".into()))),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for FaultyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyLog").finish_non_exhaustive()
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn head(&self) -> Result<Head, StoreError> {
        if self.head_fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(Some("as told".into())));
        }
        self.inner.head().await
    }

    async fn genesis(&self) -> Result<Digest, StoreError> {
        self.inner.genesis().await
    }

    async fn append(&self, expected_head: u64, batch: Batch) -> Result<(), StoreError> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst);
        if number >= self.last_append.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(None));
        }
        let erased = batch.events.iter().filter(|event| batch.erase.contains(&event.seq()));
        assert!(erased.into_iter().all(|event| event.content.is_none()), "what is erased at once never reaches a disk");
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.map_err(StoreError::backend)?;
        let fault = self.faults.lock().unwrap().pop_front().flatten();
        match fault {
            None => self.inner.append(expected_head, batch).await,
            Some(Fault::Unavailable) => Err(StoreError::Unavailable(None)),
            Some(Fault::Backend) => Err(StoreError::backend("as told")),
            Some(Fault::LostUnknown) => Err(StoreError::OutcomeUnknown("as told".into())),
            Some(Fault::WrittenUnknown) => {
                self.inner.append(expected_head, batch).await?;
                Err(StoreError::OutcomeUnknown("as told".into()))
            }
        }
    }

    async fn get(&self, seqs: &[u64]) -> Result<Vec<Option<Record>>, StoreError> {
        self.readable()?;
        self.inner.get(seqs).await
    }

    async fn scan(&self, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.readable()?;
        self.inner.scan(after, limit).await
    }

    async fn read(&self, after: u64, until: u64, audience: &Audience, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.readable()?;
        self.inner.read(after, until, audience, limit).await
    }

    async fn related(&self, target: EventId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.readable()?;
        self.inner.related(target, after, limit).await
    }

    async fn room_page(&self, query: PageQuery) -> Result<Vec<MessageRow>, StoreError> {
        self.readable()?;
        self.inner.room_page(query).await
    }

    async fn messages(&self, seqs: &[u64]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        self.readable()?;
        self.inner.messages(seqs).await
    }

    async fn reacted(&self, user: UserId, targets: &[u64]) -> Result<Vec<(u64, String)>, StoreError> {
        self.readable()?;
        self.inner.reacted(user, targets).await
    }

    async fn mention_counts(&self, user: UserId, rooms: &[(RoomId, u64)]) -> Result<Vec<u64>, StoreError> {
        self.readable()?;
        self.inner.mention_counts(user, rooms).await
    }

    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Option<u64>>, StoreError> {
        self.readable()?;
        self.inner.find_keys(keys).await
    }

    fn surely_unknown(&self, keys: &[KeyHash]) -> bool {
        self.inner.surely_unknown(keys)
    }

    async fn rebuild_views(&self) -> Result<(), StoreError> {
        self.inner.rebuild_views().await
    }

    fn watch(&self) -> HeadStream {
        let heads = self.heads.subscribe();
        Box::pin(futures_util::stream::unfold(heads, async |mut heads| {
            heads.changed().await.ok()?;
            let head = *heads.borrow_and_update();
            Some((head, heads))
        }))
    }
}
