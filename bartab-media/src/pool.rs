//! Where pictures are decoded: off the async threads, and never more of them at once than the memory can take.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::error::MediaError;

/// What one permit stands for.
const PERMIT_BYTES: u64 = 1 << 20;
/// A semaphore holds no more on any machine.
const MOST_PERMITS: u32 = 1 << 24;

/// Bounds how many pictures are decoded at once, how much memory that takes, and how many wait for their turn.
///
/// One pool serves every tenant of a process ([`PicturePool::shared`]): processor and memory are the machine's. Who
/// finds no place, or waits too long for a turn, is told 503.
#[derive(Clone, Debug)]
pub struct PicturePool {
    /// A place to wait or to work in.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Of [`PERMIT_BYTES`] each.
    memory: Arc<Semaphore>,
    memory_permits: u32,
    max_wait: Duration,
}

impl PicturePool {
    /// A pool in which `concurrency` pictures are worked on at once, in at most `memory` bytes as estimated from their
    /// headers, while `queue` more wait, each at most `max_wait`. What needs more than `memory` has all of it.
    pub fn new(concurrency: usize, memory: u64, queue: usize, max_wait: Duration) -> Self {
        let concurrency = concurrency.clamp(1, 1024);
        let memory_permits = permits(memory);
        Self {
            places: Arc::new(Semaphore::new(concurrency + queue.min(1 << 20))),
            turns: Arc::new(Semaphore::new(concurrency)),
            memory: Arc::new(Semaphore::new(memory_permits as usize)),
            memory_permits,
            max_wait,
        }
    }

    /// The pool of this process: half of its processors, and 1 GiB.
    pub fn shared() -> Self {
        static SHARED: LazyLock<PicturePool> = LazyLock::new(|| {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            PicturePool::new(processors / 2, 1 << 30, 256, Duration::from_secs(20))
        });
        SHARED.clone()
    }

    /// Waits for a turn, before anything of the picture is held in memory.
    pub(crate) async fn turn(&self) -> Result<Turn, MediaError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| MediaError::Overloaded)?;
        let turn = self.wait(Arc::clone(&self.turns).acquire_owned()).await?;
        Ok(Turn { pool: self.clone(), held: (place, turn) })
    }

    async fn wait(
        &self,
        permit: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>>,
    ) -> Result<OwnedSemaphorePermit, MediaError> {
        let permit = tokio::time::timeout(self.max_wait, permit).await;
        permit.map_err(|_| MediaError::Overloaded)?.map_err(|_| MediaError::Closed)
    }
}

/// The right to work on one picture.
#[derive(Debug)]
pub(crate) struct Turn {
    pool: PicturePool,
    held: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Turn {
    /// Runs `work`, which takes about `memory` bytes, on the blocking pool. It is done to its end and counts until then,
    /// also when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        memory: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, MediaError> {
        let permits = permits(memory).min(self.pool.memory_permits);
        let memory = self.pool.wait(Arc::clone(&self.pool.memory).acquire_many_owned(permits)).await?;
        let held = (self.held, memory);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        });
        Ok(done.await?)
    }
}

/// The permits of so many bytes.
fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).clamp(1, MOST_PERMITS)
}
