//! The one writer: a queue of writes, and a job of the blocking pool that lives as long as there are some.

use std::collections::VecDeque;
use std::fs::File;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bartab_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use super::checkpoint;
use super::error::Failure;
use super::job::{End, Job, Pending, Task, Work};
use super::keys::Keys;
use super::open::Link;
use super::places::Places;
use super::transaction;

/// How many writes share a transaction at most: an answer waits for all of its transaction.
const BATCH: usize = 256;

/// What one store's writes go through.
pub(super) struct Writer {
    queue: Mutex<Queue>,
    limit: usize,
    /// Only the job that drains the queue takes it.
    hand: Mutex<Hand>,
    keys: Arc<Keys>,
    /// A commit may have happened or not: what is in memory and what readers see may not be what a crash would leave.
    doubt: Arc<AtomicBool>,
    /// A deletion's text may still be in the WAL.
    erasing: AtomicBool,
    /// Tells housekeeping that it is so.
    stuck: Arc<Notify>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Job>>,
    orders: VecDeque<(Order, oneshot::Sender<()>)>,
    draining: bool,
    closed: bool,
}

/// What is done between transactions, when nothing else waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Bring caches up to date, and give memory back.
    Rest,
    /// The same, and close.
    Close,
    /// Try again to get erased text out of the WAL.
    Erase,
}

/// The connection that writes, and what it must not forget between transactions.
struct Hand {
    path: PathBuf,
    /// None while the store rests: many tenants can be open when few are used.
    link: Option<Link>,
    /// The last position of the log.
    head: u64,
    places: Places,
    /// The writer's.
    doubt: Arc<AtomicBool>,
    closed: bool,
    /// Declared last and so dropped last: the folder is free when nothing writes any more.
    lock: Option<File>,
}

impl Writer {
    /// A writer that opens its connection when the first write comes. `keys` are loaded already.
    pub(super) fn new(path: PathBuf, lock: File, limit: usize, keys: Arc<Keys>) -> Self {
        let doubt = Arc::<AtomicBool>::default();
        let hand = Hand {
            path,
            link: None,
            head: 0,
            places: Places::default(),
            doubt: doubt.clone(),
            closed: false,
            lock: Some(lock),
        };
        Self {
            queue: Mutex::default(),
            limit: limit.max(1),
            hand: Mutex::new(hand),
            keys,
            doubt,
            erasing: AtomicBool::new(false),
            stuck: Arc::default(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a transaction, with whatever else waits; `Ok` only once that is on disk.
    pub(super) async fn write<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Work<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let idle = {
            let mut queue = self.queue();
            if queue.closed || queue.waiting.len() >= self.limit {
                return Err(StoreError::Unavailable(None));
            }
            queue.waiting.push_back(Task::boxed(work, reply));
            !mem::replace(&mut queue.draining, true)
        };
        if idle {
            self.start();
        }
        // The job is gone without an answer only if the runtime was shut down under it.
        answer.await.unwrap_or_else(|gone| Err(StoreError::OutcomeUnknown(Box::new(gone))))
    }

    /// Whether the outcome of a commit is still unknown.
    pub(super) fn in_doubt(&self) -> bool {
        self.doubt.load(Ordering::Acquire)
    }

    /// Waits until no commit's outcome is unknown; an error when that cannot be told yet.
    pub(super) async fn settle(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.in_doubt() {
            // Whatever is written needs a connection, and there is none before the doubt is gone.
            self.write(|_| Ok(())).await?;
        }
        Ok(())
    }

    /// Gives an order, and waits until it is carried out.
    pub(super) async fn order(self: &Arc<Self>, order: Order) {
        let (done, wait) = oneshot::channel();
        let idle = {
            let mut queue = self.queue();
            queue.closed |= order == Order::Close;
            queue.orders.push_back((order, done));
            !mem::replace(&mut queue.draining, true)
        };
        if idle {
            self.start();
        }
        let _ = wait.await;
    }

    /// Is notified when a deletion cannot be finished at once.
    pub(super) fn stuck(&self) -> Arc<Notify> {
        self.stuck.clone()
    }

    /// How many writes wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Gives the connection that is open now to a test.
    #[cfg(test)]
    pub(super) fn with_connection(&self, with: impl FnOnce(&mut Connection)) {
        let mut hand = self.hand.lock().unwrap();
        with(hand.link.as_mut().unwrap().used().unwrap());
    }

    fn start(self: &Arc<Self>) {
        let writer = self.clone();
        tokio::task::spawn_blocking(move || writer.drain());
    }

    /// Whether a deletion's text may still be in the WAL.
    pub(super) fn is_erasing(&self) -> bool {
        self.erasing.load(Ordering::Acquire)
    }

    fn drain(&self) {
        let mut hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let jobs: Vec<Box<dyn Job>> = {
                let mut queue = self.queue();
                let many = queue.waiting.len().min(BATCH);
                queue.waiting.drain(..many).collect()
            };
            if !jobs.is_empty() {
                let left = self.commit(&mut hand, jobs);
                let mut queue = self.queue();
                left.into_iter().rev().for_each(|job| queue.waiting.push_front(job));
            }
            let busy = hand.maintain(&self.keys);
            let order = {
                let mut queue = self.queue();
                if busy || !queue.waiting.is_empty() {
                    continue;
                }
                let order = queue.orders.pop_front();
                if order.is_none() {
                    // Under the queue's lock: who comes later sees it and starts the next one.
                    queue.draining = false;
                    return;
                }
                order
            };
            if let Some((order, done)) = order {
                if order != Order::Erase {
                    hand.rest(&self.keys);
                }
                self.truncate(&mut hand);
                match order {
                    Order::Rest if !self.is_erasing() => hand.disconnect(),
                    Order::Close => hand.close(),
                    Order::Rest | Order::Erase => {}
                }
                let _ = done.send(());
            }
        }
    }

    /// Runs jobs in one transaction and answers them; gives back those that did not get to run.
    fn commit(&self, hand: &mut Hand, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        if let Err(error) = hand.connect(&self.keys) {
            tracing::error!(%error, "the tenant's file cannot be opened");
            jobs.into_iter().for_each(|job| job.answer(End::Undone(None)));
            return Vec::new();
        }
        let Some(Ok(conn)) = hand.link.as_mut().map(Link::used) else { return jobs };
        // What the transaction adds to them counts only if it is committed; else all are forgotten.
        let places = mem::take(&mut hand.places);
        let mut pending = Pending { head: hand.head, places, ..Pending::default() };
        let outcome = transaction::run(conn, &mut pending, jobs);
        match &outcome.end {
            End::Committed => {
                hand.head = pending.head;
                hand.places = pending.places;
                self.keys.add(pending.keys.into_iter());
            }
            End::Undone(_) => {}
            End::Unknown(error) => {
                tracing::error!(%error, "a commit failed and may have happened; opening the file again");
                // After a failed fsync the kernel may call clean what never reached the disk: nothing that this
                // connection believes counts any more.
                hand.link = None;
                self.doubt.store(true, Ordering::Release);
                // Whoever asks again with the same key is to find it, if it is there: look before answering.
                if let Err(error) = hand.connect(&self.keys) {
                    tracing::error!(%error, "the tenant's file cannot be opened");
                }
            }
        }
        let (erasing, others): (Vec<_>, Vec<_>) = outcome.ran.into_iter().partition(|(_, erased)| *erased);
        others.into_iter().for_each(|(job, _)| job.answer(outcome.end.clone()));
        if !erasing.is_empty() {
            self.erasing.fetch_or(!matches!(outcome.end, End::Undone(_)), Ordering::AcqRel);
            self.truncate(hand);
            erasing.into_iter().for_each(|(job, _)| job.answer(outcome.end.clone()));
        }
        outcome.left
    }

    /// Empties the WAL, as far as readers let it.
    fn truncate(&self, hand: &mut Hand) {
        if self.is_erasing()
            && let Err(error) = hand.connect(&self.keys)
        {
            tracing::warn!(%error, "erased text may still be in the WAL");
        }
        if hand.link.as_ref().is_some_and(|link| checkpoint::truncate(link.conn())) {
            self.erasing.store(false, Ordering::Release);
        } else if self.is_erasing() {
            self.stuck.notify_one();
        }
    }
}

impl Hand {
    /// Opens the file if that is needed, and reads what it holds.
    fn connect(&mut self, keys: &Keys) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Unavailable(None));
        }
        if self.link.is_none() {
            let link = Link::write(&self.path).map_err(Failure::from)?;
            self.head = last_position(link.conn())?;
            if self.doubt.load(Ordering::Acquire) {
                checkpoint::settle(link.conn(), &self.path)?;
                self.head = last_position(link.conn())?;
                keys.load(link.conn())?;
                self.doubt.store(false, Ordering::Release);
            }
            self.link = Some(link);
        }
        Ok(())
    }

    /// A short piece of what is due between transactions; answers whether more is.
    fn maintain(&mut self, keys: &Keys) -> bool {
        let Some(link) = &self.link else { return false };
        checkpoint::when_due(link.conn());
        keys.is_due(false) && self.advance(keys)
    }

    /// Brings keys into the index; answers whether that went well. What it writes can be made again from the log, so
    /// it waits for no fsync: the next transaction's covers it.
    fn advance(&mut self, keys: &Keys) -> bool {
        let Some(conn) = self.link.as_ref().map(Link::conn) else { return false };
        let done = conn
            .execute_batch("PRAGMA synchronous = NORMAL")
            .map_err(Failure::from)
            .and_then(|()| keys.advance(conn))
            .map_err(StoreError::from);
        if conn.execute_batch("PRAGMA synchronous = FULL").is_err() {
            // A connection that does not wait for the disk acknowledges nothing.
            self.link = None;
        }
        done.inspect_err(|error| tracing::warn!(%error, "idempotency keys stay in memory")).is_ok()
    }

    fn rest(&mut self, keys: &Keys) {
        if keys.is_due(true)
            && let Err(error) = self.connect(keys)
        {
            tracing::warn!(%error, "idempotency keys stay in memory");
        }
        while keys.is_due(true) && self.advance(keys) {}
        keys.release();
        self.places = Places::default();
    }

    /// Closes the connection, which also moves the rest of the WAL; the next write opens another.
    fn disconnect(&mut self) {
        if let Some(Err(error)) = self.link.take().map(Link::close) {
            tracing::warn!(%error, "the tenant's file was not closed cleanly");
        }
    }

    fn close(&mut self) {
        self.disconnect();
        self.closed = true;
        self.lock = None;
    }
}

fn last_position(conn: &Connection) -> Result<u64, Failure> {
    Ok(conn.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0))?)
}
