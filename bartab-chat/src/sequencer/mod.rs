//! The only writer of a tenant's log.
//!
//! Commands queue up. A batch is taken once the one before is committed; each command is decided on a fork of the
//! state that sees every earlier one of its batch; the batch is appended in one transaction; then, and only then,
//! the fork is published, waiters are woken and callers are answered. While one batch is made durable the next
//! gathers: the batch grows with the load, and a lone message waits for nobody.

mod answers;
mod load;
mod plan;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bartab_core::event::KeyHash;
use bartab_core::store::{EventLog, Head, HeadStream, SnapshotStore, StoreError};
use bartab_core::{Actor, Clock, Random};
use futures_core::Stream as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::Config;
use crate::error::{ChatError, CorruptLog};
use crate::hub::{Hub, LogEvent, Published};
use crate::model::{Command, apply, to_snapshot};
use answers::Answers;
use load::{Loaded, load};
use plan::{Plan, plan};

pub(crate) use answers::Done;

/// A batch that loses to another node is decided again this often before its callers are told to ask again.
const CONFLICTS: usize = 16;
/// Rows that are read at a time to catch up.
const CATCH_UP: usize = 1_000;
/// How often, and how long apart, the head is asked for after an append of unknown outcome.
const HEAD_TRIES: u32 = 5;
const HEAD_PAUSE: Duration = Duration::from_millis(20);

/// A command that waits to be decided.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) actor: Arc<Actor>,
    pub(crate) command: Command,
    /// What is decided right after it, each by its own actor: all in one append, or none of it.
    pub(crate) more: Vec<(Arc<Actor>, Command)>,
    /// The status of the answer when the command appends something.
    pub(crate) status: u16,
    pub(crate) key: Option<RequestKey>,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<Done, ChatError>>,
}

impl Job {
    /// Everything that it asks for, in order.
    fn acts(&self) -> impl Iterator<Item = (&Arc<Actor>, &Command)> {
        std::iter::once((&self.actor, &self.command)).chain(self.more.iter().map(|(actor, command)| (actor, command)))
    }
}

/// A request's idempotency key and fingerprint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestKey {
    pub(crate) hash: KeyHash,
    pub(crate) fingerprint: [u8; 16],
}

/// What the sequencer works with.
pub(crate) struct Sequencer {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) snapshots: Option<Arc<dyn SnapshotStore>>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) config: Config,
    /// The position of the newest snapshot.
    pub(crate) snapshot: u64,
    /// The snapshot that is being stored.
    pub(crate) saving: Option<JoinHandle<()>>,
}

/// How an append ended.
enum Outcome {
    Written,
    Conflict,
    Failed(StoreError),
    Unknown,
}

impl Sequencer {
    /// Runs until nobody can send commands any more; what is queued by then is still decided.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut heads = self.log.watch();
        let mut waiting = Vec::with_capacity(self.config.batch.min(64));
        loop {
            tokio::select! {
                biased;
                taken = jobs.recv_many(&mut waiting, self.config.batch.max(1)) => {
                    if taken == 0 {
                        break;
                    }
                    self.batch(std::mem::take(&mut waiting)).await;
                    self.snapshot_when_due();
                }
                head = next(&mut heads) => {
                    if head > self.hub.head() && let Err(error) = self.catch_up().await {
                        tracing::warn!(error = &error as &dyn std::error::Error, "cannot follow the log");
                    }
                }
            }
        }
        self.finish().await;
    }

    async fn batch(&mut self, jobs: Vec<Job>) {
        let now = Instant::now();
        let (jobs, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline > now);
        for job in late {
            // The caller may have gone; then nobody minds.
            let _ = job.reply.send(Err(ChatError::Overloaded));
        }
        if jobs.is_empty() {
            return;
        }
        for _ in 0..CONFLICTS {
            match self.try_batch(&jobs).await {
                Ok(Some(answers)) => return answers.send(jobs),
                Ok(None) => {
                    if let Err(error) = self.catch_up().await {
                        return Answers::failed(jobs, &error);
                    }
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a batch was not written");
                    return Answers::failed(jobs, &error);
                }
            }
        }
        Answers::failed(jobs, &ChatError::Overloaded);
    }

    /// Decides and writes the batch; `None` when another node wrote first.
    async fn try_batch(&self, jobs: &[Job]) -> Result<Option<Answers>, ChatError> {
        let before = self.hub.published();
        // Time never runs backwards in a log, whatever the clock does.
        let now = self.clock.now().max(before.head.time);
        let Loaded { targets, known } = load(&*self.log, &before.state, jobs, now).await?;
        let plan = plan(&before, targets, known, jobs, now, &*self.random)?;
        let Plan { published, events, batch, answers } = plan;
        if events.is_empty() && batch.erase.is_empty() {
            return Ok(Some(answers));
        }
        let erase = batch.erase.clone();
        let outcome = match self.log.append(before.head.seq, batch).await {
            Ok(()) => Outcome::Written,
            Err(StoreError::Conflict) => Outcome::Conflict,
            Err(StoreError::OutcomeUnknown(error)) => {
                tracing::error!(error = &*error as &dyn std::error::Error, "an append has an unknown outcome");
                match events.is_empty() {
                    // Erasing alone moves no head that would tell; who asked for it asks again.
                    true => Outcome::Unknown,
                    false => self.find_out(before.head, published.head).await,
                }
            }
            Err(error) => Outcome::Failed(error),
        };
        match outcome {
            Outcome::Written => {
                self.hub.publish(published, &events, &erase)?;
                Ok(Some(answers))
            }
            Outcome::Conflict => Ok(None),
            Outcome::Failed(error) => Err(ChatError::Store(error)),
            Outcome::Unknown => Err(ChatError::Unknown),
        }
    }

    /// Asks the log where it ends, after an append that may or may not have happened.
    async fn find_out(&self, before: Head, after: Head) -> Outcome {
        for attempt in 0..HEAD_TRIES {
            match self.log.head().await {
                Ok(head) if head == after => return Outcome::Written,
                Ok(head) if head == before => {
                    return Outcome::Failed(StoreError::Unavailable(None));
                }
                // Another node wrote meanwhile: whether ours came before cannot be told from the head alone.
                Ok(_) => return self.find_out_behind(after).await,
                Err(_) => tokio::time::sleep(HEAD_PAUSE * 2_u32.pow(attempt)).await,
            }
        }
        Outcome::Unknown
    }

    async fn find_out_behind(&self, ours: Head) -> Outcome {
        match self.log.get(&[ours.seq]).await.as_deref() {
            Ok([Some(record)]) if record.digest() == ours.digest => Outcome::Written,
            Ok(_) => Outcome::Conflict,
            Err(_) => Outcome::Unknown,
        }
    }

    /// Applies and publishes what others wrote.
    async fn catch_up(&self) -> Result<(), ChatError> {
        loop {
            let mut published = Published::clone(&self.hub.published());
            let records = self.log.scan(published.head.seq, CATCH_UP).await?;
            let Some(last) = records.last() else { return Ok(()) };
            published.head = Head { seq: last.seq(), digest: last.digest(), time: last.envelope.time() };
            let mut events = Vec::with_capacity(records.len());
            let mut erase = Vec::new();
            for record in &records {
                let event = LogEvent::from_record(record)?;
                apply(&mut published.state, &event.event);
                published.directory.apply(&event.event);
                erase.extend(self.hub.erasures(&event.event, &events));
                events.push(Arc::new(event));
            }
            self.hub.publish(published, &events, &erase)?;
        }
    }

    /// Stores the state beside the work, when enough has come since; one at a time.
    fn snapshot_when_due(&mut self) {
        let due = self.hub.head() >= self.snapshot + self.config.snapshot_every.max(1);
        if due && self.saving.as_ref().is_none_or(JoinHandle::is_finished) {
            self.saving = self.save_snapshot();
        }
    }

    /// Begins to store the state as it is published. Failing costs time at the next opening, never data.
    fn save_snapshot(&mut self) -> Option<JoinHandle<()>> {
        let snapshots = self.snapshots.clone()?;
        // The state is persistent: holding it costs nothing while the log goes on.
        let published = self.hub.published();
        if published.head.seq == self.snapshot {
            return None;
        }
        self.snapshot = published.head.seq;
        Some(tokio::spawn(async move {
            if let Err(error) = save(&*snapshots, published).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the state was not stored");
            }
        }))
    }

    /// Waits for a snapshot that is under way and stores the last one.
    async fn finish(mut self) {
        for saving in [self.saving.take(), self.save_snapshot()].into_iter().flatten() {
            // It logs its own failure.
            let _ = saving.await;
        }
    }
}

async fn save(snapshots: &dyn SnapshotStore, published: Arc<Published>) -> Result<(), ChatError> {
    let encode = move || to_snapshot(&published.state, published.head.digest);
    let encoded = tokio::task::spawn_blocking(encode).await.map_err(|_| ChatError::Closed)?;
    Ok(snapshots.save(encoded.map_err(CorruptLog::Snapshot)?).await?)
}

/// The next head of the stream; never, once it has ended.
async fn next(heads: &mut HeadStream) -> u64 {
    let head = poll_fn(|context| Pin::new(&mut *heads).poll_next(context)).await;
    match head {
        Some(head) => head,
        None => std::future::pending().await,
    }
}
