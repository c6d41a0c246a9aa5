//! A write that waits for its transaction, and the one who waits for it.

use std::sync::Arc;

use bartab_core::event::KeyHash;
use bartab_core::store::{BoxError, StoreError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Failure;
use super::places::Places;

/// What a write works on: the connection inside its transaction, and what follows when that is committed.
pub(super) struct Work<'a> {
    pub(super) conn: &'a Connection,
    pub(super) pending: &'a mut Pending,
}

/// What a transaction changes in memory if, and only if, it is committed.
#[derive(Default)]
pub(super) struct Pending {
    /// The last position of the log.
    pub(super) head: u64,
    /// Idempotency keys of new events.
    pub(super) keys: Vec<(KeyHash, u64)>,
    /// How many events were erased.
    pub(super) erasures: usize,
    /// The numbers of rooms.
    pub(super) places: Places,
}

/// A place in [`Pending`] to come back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    head: u64,
    keys: usize,
    erasures: usize,
    places: usize,
}

impl Pending {
    pub(super) fn mark(&self) -> Mark {
        Mark { head: self.head, keys: self.keys.len(), erasures: self.erasures, places: self.places.given() }
    }

    pub(super) const fn has_erased_since(&self, mark: Mark) -> bool {
        self.erasures > mark.erasures
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.head = mark.head;
        self.keys.truncate(mark.keys);
        self.erasures = mark.erasures;
        self.places.rewind(mark.places);
    }
}

/// How the transaction of a write ended.
#[derive(Clone)]
pub(super) enum End {
    Committed,
    /// Nothing of it was written; without a reason when one of its writes has it.
    Undone(Option<Arc<rusqlite::Error>>),
    /// It may or may not be on disk.
    Unknown(Arc<rusqlite::Error>),
}

/// A write of any type, as the queue holds it.
pub(super) trait Job: Send {
    /// Does the work; answers whether its changes are to be kept.
    fn run(&mut self, work: &mut Work<'_>) -> bool;

    /// Notes that the work panicked.
    fn panicked(&mut self);

    /// Tells the one who waits.
    fn answer(self: Box<Self>, end: End);
}

/// A write, its result and who waits for it.
pub(super) struct Task<F, T> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Task<F, T>
where
    T: Send + 'static,
    F: FnOnce(&mut Work<'_>) -> Result<T, Failure> + Send + 'static,
{
    pub(super) fn boxed(work: F, reply: oneshot::Sender<Result<T, StoreError>>) -> Box<dyn Job> {
        Box::new(Self { work: Some(work), result: None, reply })
    }
}

impl<F, T> Job for Task<F, T>
where
    T: Send + 'static,
    F: FnOnce(&mut Work<'_>) -> Result<T, Failure> + Send + 'static,
{
    fn run(&mut self, work: &mut Work<'_>) -> bool {
        if let Some(run) = self.work.take() {
            self.result = Some(run(work).map_err(StoreError::from));
        }
        matches!(self.result, Some(Ok(_)))
    }

    fn panicked(&mut self) {
        self.result = Some(Err(StoreError::backend("a write panicked")));
    }

    fn answer(self: Box<Self>, end: End) {
        let answer = match (end, self.result) {
            (End::Committed, Some(result)) => result,
            (End::Committed, None) => Err(StoreError::Unavailable(None)),
            (End::Unknown(source), Some(Ok(_))) => Err(StoreError::OutcomeUnknown(Box::new(source))),
            (End::Undone(_), Some(Err(StoreError::Unavailable(source)))) => Err(StoreError::Unavailable(source)),
            // What a failed job saw may have been another's change that is undone now: its reason no longer counts.
            (End::Undone(source), _) => Err(StoreError::Unavailable(source.map(|source| Box::new(source) as BoxError))),
            (End::Unknown(source), _) => Err(StoreError::Unavailable(Some(Box::new(source)))),
        };
        // Nobody waits any more: then nobody needs to know.
        let _ = self.reply.send(answer);
    }
}
