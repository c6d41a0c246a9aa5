//! Hashing passwords: slowly, off the async threads, and never more of them at once than the machine can take.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::{self, phc};
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use bartab_core::Random;
use bartab_core::store::PasswordHash;
use tokio::sync::{AcquireError, Semaphore, oneshot};
use zeroize::Zeroizing;

use crate::config::{ConfigError, PasswordConfig};
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
struct Share {
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

    fn share(self) -> Share {
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
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AuthError> {
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

/// Hashes and checks passwords with the parameters of one tenant.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    pool: Share,
}

impl Passwords {
    pub(crate) fn new(config: PasswordConfig, pool: HashPool) -> Result<Self, ConfigError> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        Ok(Self { argon2: Argon2::from(params.map_err(|_| ConfigError::Password)?), pool: pool.share() })
    }

    /// The hash of a new password as a PHC string.
    pub(crate) async fn hash(&self, password: &str, random: &dyn Random) -> Result<PasswordHash, AuthError> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let argon2 = self.argon2.clone();
        let hash = self.pool.run(move || argon2.hash_password_with_salt(&password, &salt)).await?;
        Ok(PasswordHash::new(hash.map_err(AuthError::internal)?.to_string()))
    }

    /// Whether `password` is the one that was hashed; then also the hash that is to replace an outdated one.
    ///
    /// Without a hash it is not, and finding that out takes as long: one hash of the same parameters is made and thrown
    /// away, so that the time does not tell whether the account exists. A hash that was cheaper is made up for.
    pub(crate) async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        random: &dyn Random,
    ) -> Result<Verified, AuthError> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let argon2 = self.argon2.clone();
        let verified = self.pool.run(move || match hash {
            Some(hash) => check(&argon2, &password, hash.as_str(), &salt),
            None => burn(&argon2, &password),
        });
        verified.await?.map_err(AuthError::internal)
    }
}

/// What came of checking a password.
#[derive(Debug)]
pub(crate) enum Verified {
    /// It is another one.
    Wrong,
    /// It is the one.
    Right {
        /// What to replace the stored hash with, when that is weaker than a new one would be.
        rehashed: Option<PasswordHash>,
    },
}

fn check(argon2: &Argon2<'_>, password: &[u8], hash: &str, salt: &[u8]) -> password_hash::Result<Verified> {
    let hash = phc::PasswordHash::new(hash)?;
    let shortfall = shortfall(&Params::try_from(&hash)?, argon2.params());
    match argon2.verify_password(password, &hash) {
        Ok(()) => {
            let outdated = shortfall.is_some() || hash.algorithm != ARGON2ID_IDENT;
            let rehashed = if outdated { Some(argon2.hash_password_with_salt(password, salt)?) } else { None };
            Ok(Verified::Right { rehashed: rehashed.map(|hash| PasswordHash::new(hash.to_string())) })
        }
        Err(password_hash::Error::PasswordInvalid) => {
            shortfall.map_or(Ok(Verified::Wrong), |shortfall| burn(&Argon2::from(shortfall), password))
        }
        Err(error) => Err(error),
    }
}

/// Takes the time of a hash, for nothing.
fn burn(argon2: &Argon2<'_>, password: &[u8]) -> password_hash::Result<Verified> {
    let hash = argon2.hash_password_with_salt(password, &[0; 16])?;
    std::hint::black_box(hash);
    Ok(Verified::Wrong)
}

/// The parameters of a hash that costs what `stored` costs less than `wanted`, if it does: the cost of Argon2 on one
/// thread is that of its memory times its passes.
fn shortfall(stored: &Params, wanted: &Params) -> Option<Params> {
    let cost = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    let missing = cost(wanted).checked_sub(cost(stored)).filter(|missing| *missing > 0)?;
    let passes = (missing / u64::from(wanted.m_cost())).max(1);
    let memory = (missing / passes).max(u64::from(Params::MIN_M_COST));
    Params::new(u32::try_from(memory).ok()?, u32::try_from(passes).ok()?, 1, None).ok()
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("pool", &self.pool).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    fn passwords(pool: HashPool) -> Passwords {
        Passwords::new(PasswordConfig::THROW_AWAY, pool).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let passwords = passwords(HashPool::shared());
        let random = SeededRandom::new(1);
        let hash = passwords.hash("correct horse", &random).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=1024,t=1,p=1$"), "{}", hash.as_str());
        assert_ne!(passwords.hash("correct horse", &random).await.unwrap(), hash);
        let verify = |password: &'static str, hash| passwords.verify(password, hash, &random);
        let right = verify("correct horse", Some(hash.clone())).await.unwrap();
        assert!(matches!(right, Verified::Right { rehashed: None }), "{right:?}");
        assert!(matches!(verify("correct horse ", Some(hash)).await.unwrap(), Verified::Wrong));
        assert!(matches!(verify("correct horse", None).await.unwrap(), Verified::Wrong));
    }

    #[tokio::test]
    async fn the_parameters_of_the_stored_hash_count_and_a_weaker_one_is_replaced() {
        let random = SeededRandom::new(1);
        let stronger = PasswordConfig { iterations: 2, ..PasswordConfig::THROW_AWAY };
        let stronger = Passwords::new(stronger, HashPool::shared()).unwrap();
        let weaker = passwords(HashPool::shared());
        let hash = stronger.hash("correct horse", &random).await.unwrap();
        let right = weaker.verify("correct horse", Some(hash), &random).await.unwrap();
        assert!(matches!(right, Verified::Right { rehashed: None }), "a stronger one stays: {right:?}");
        let hash = weaker.hash("correct horse", &random).await.unwrap();
        assert!(matches!(stronger.verify("x", Some(hash.clone()), &random).await.unwrap(), Verified::Wrong));
        let right = stronger.verify("correct horse", Some(hash), &random).await.unwrap();
        let Verified::Right { rehashed: Some(rehashed) } = right else { panic!("{right:?}") };
        assert!(rehashed.as_str().starts_with("$argon2id$v=19$m=1024,t=2,p=1$"), "{}", rehashed.as_str());
        let right = stronger.verify("correct horse", Some(rehashed), &random).await.unwrap();
        assert!(matches!(right, Verified::Right { rehashed: None }), "{right:?}");
    }

    #[test]
    fn a_cheaper_hash_is_made_up_for() {
        let params = |memory, passes| Params::new(memory, passes, 1, None).unwrap();
        let made_up = |stored: (u32, u32), wanted: (u32, u32)| {
            shortfall(&params(stored.0, stored.1), &params(wanted.0, wanted.1)).map(|p| (p.m_cost(), p.t_cost()))
        };
        assert_eq!(made_up((1024, 1), (1024, 1)), None);
        assert_eq!(made_up((2048, 2), (1024, 2)), None);
        assert_eq!(made_up((1024, 1), (1024, 2)), Some((1024, 1)));
        assert_eq!(made_up((1024, 1), (19456, 2)), Some((37888, 1)));
        assert_eq!(made_up((19456, 1), (19456, 4)), Some((19456, 3)));
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_our_fault_and_not_the_person_s() {
        let verified =
            passwords(HashPool::shared()).verify("x", Some(PasswordHash::new("plain")), &SeededRandom::new(1)).await;
        assert!(matches!(verified, Err(AuthError::Internal(_))), "{verified:?}");
    }

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
