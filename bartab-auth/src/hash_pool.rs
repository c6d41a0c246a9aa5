//! Where passwords are hashed: off the async threads, and never more of them at once than the machine can take.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore, oneshot};

use crate::error::AuthError;

/// Bounds how many passwords are hashed at once, and how many wait for their turn.
///
/// One pool serves every tenant of a process ([`HashPool::shared`]): the processor and the memory that hashing takes
/// are the machine's, not a tenant's. Who finds no place, or waits too long for a turn, is told 503.
#[derive(Clone, Debug)]
pub struct HashPool {
    /// A place to wait or to run in.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    concurrency: usize,
    queue: usize,
    max_wait: Duration,
}

/// What one tenant takes of a pool at most: as many turns as there are at once, and half of the places to wait. So however
/// many sign in to it, the pool is never full of them, and whoever comes from another tenant waits for no more than one
/// round of each tenant that is busy.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pool: HashPool,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl HashPool {
    /// A pool that hashes `concurrency` passwords at once while `queue` more wait, each at most `max_wait`.
    pub fn new(concurrency: usize, queue: usize, max_wait: Duration) -> Self {
        let concurrency = concurrency.clamp(1, 1024);
        Self {
            places: Arc::new(Semaphore::new(concurrency + queue.min(1 << 20))),
            turns: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            queue: queue.min(1 << 20),
            max_wait,
        }
    }

    pub(crate) fn share(self) -> Share {
        Share {
            places: Arc::new(Semaphore::new(self.concurrency + self.queue.div_ceil(2))),
            turns: Arc::new(Semaphore::new(self.concurrency)),
            pool: self,
        }
    }

    /// The pool of this process: half of its processors, so that signing in never holds up chat.
    pub fn shared() -> Self {
        static SHARED: LazyLock<HashPool> = LazyLock::new(|| {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            HashPool::new(processors / 2, 256, Duration::from_secs(5))
        });
        SHARED.clone()
    }
}

impl Share {
    /// Runs `work` on a thread of its own when its turn comes; its place is free again only once it has ended, also when
    /// the caller goes away.
    ///
    /// The thread yields to all others, and making it costs next to nothing beside a hash. So the processors that are
    /// hashing are there for chat at once, and the threads that write to disk are never all taken.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let pool = &self.pool;
        let place = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().map_err(|_| AuthError::Busy);
        let place = (place(&self.places)?, place(&pool.places)?);
        // The tenant's own turn first: so no more of a tenant wait in the common queue than can run at once.
        let turns = async {
            let own = Arc::clone(&self.turns).acquire_owned().await?;
            Ok::<_, AcquireError>((own, Arc::clone(&pool.turns).acquire_owned().await?))
        };
        let turn = tokio::time::timeout(pool.max_wait, turns).await;
        let turn = turn.map_err(|_| AuthError::Busy)?.map_err(AuthError::internal)?;
        let (answer, answered) = oneshot::channel();
        let thread = std::thread::Builder::new().name("bartab-hash".to_owned()).spawn(move || {
            yield_to_others();
            let result = work();
            drop((turn, place));
            // Whoever asked may have gone away.
            drop(answer.send(result));
        });
        thread.map_err(AuthError::internal)?;
        answered.await.map_err(AuthError::internal)
    }
}

/// Has the scheduler prefer every other thread to this one, by ten to one. Elsewhere than on Linux this would be said of
/// the whole process.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // A process that yields more than that already goes on doing so.
        let lowered = getpriority_process(None).and_then(|now| setpriority_process(None, now.max(10)));
        if let Err(error) = lowered {
            tracing::debug!(%error, "hashing goes on at the usual priority");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_or_no_turn_is_told_at_once_or_in_time() {
        let pool = HashPool::new(1, 1, Duration::from_millis(20)).share();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let running = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || held.recv().is_ok()).await }
        });
        while pool.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let (waiting, refused) = tokio::join!(pool.run(|| ()), pool.run(|| ()));
        assert!(matches!((waiting, refused), (Err(AuthError::Busy), Err(AuthError::Busy))));
        release.send(()).unwrap();
        assert!(running.await.unwrap().unwrap());
        pool.run(|| ()).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let pool = HashPool::new(1, 0, Duration::from_secs(5)).share();
        let panicked = pool.run(|| assert_eq!(1, 2)).await;
        assert!(matches!(panicked, Err(AuthError::Internal(_))), "{panicked:?}");
        while pool.turns.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.run(|| ()).await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_yields_to_every_other_thread() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        assert_eq!(HashPool::shared().share().run(priority).await.unwrap(), before.max(10));
        assert_eq!(priority(), before);
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_frees_nothing_that_still_runs() {
        let pool = HashPool::new(1, 0, Duration::from_secs(5)).share();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let caller = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || held.recv().is_ok()).await }
        });
        while pool.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        caller.abort();
        assert!(caller.await.is_err());
        assert!(matches!(pool.run(|| ()).await, Err(AuthError::Busy)));
        release.send(()).unwrap();
    }

    #[tokio::test]
    async fn no_tenant_keeps_another_waiting_for_long() {
        let pool = HashPool::new(1, 4, Duration::from_secs(60));
        let (busy, other) = (pool.clone().share(), pool.share());
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let hash = |share: &Share, who: &'static str| {
            let (share, order) = (share.clone(), Arc::clone(&order));
            tokio::spawn(async move { share.run(move || order.lock().unwrap().push(who)).await })
        };
        let (release, held) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let busy = busy.clone();
            async move { busy.run(move || held.recv().is_ok()).await }
        });
        while busy.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let waiting = [hash(&busy, "busy"), hash(&busy, "busy")];
        while busy.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(busy.run(|| ()).await, Err(AuthError::Busy)), "half of the places are another's");
        let guest = hash(&other, "other");
        while other.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        for hashed in waiting.into_iter().chain([guest]) {
            hashed.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["other", "busy", "busy"]);
    }
}
