//! Hashing passwords: slowly, off the async threads, and never more of them at once than the machine can take.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use bartab_core::Random;
use bartab_core::store::PasswordHash;
use tokio::sync::Semaphore;
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
    max_wait: Duration,
}

impl HashPool {
    /// A pool that hashes `concurrency` passwords at once while `queue` more wait, each at most `max_wait`.
    pub fn new(concurrency: usize, queue: usize, max_wait: Duration) -> Self {
        let concurrency = concurrency.clamp(1, 1024);
        Self {
            places: Arc::new(Semaphore::new(concurrency + queue.min(1 << 20))),
            turns: Arc::new(Semaphore::new(concurrency)),
            max_wait,
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

    /// Runs `work` on the blocking pool when its turn comes; its place is free again only once it has ended, also when
    /// the caller goes away.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AuthError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| AuthError::Busy)?;
        let turn = tokio::time::timeout(self.max_wait, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| AuthError::Busy)?.map_err(AuthError::internal)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((turn, place));
            result
        });
        task.await.map_err(AuthError::internal)
    }
}

/// Hashes and checks passwords with the parameters of one tenant.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    pool: HashPool,
}

impl Passwords {
    pub(crate) fn new(config: PasswordConfig, pool: HashPool) -> Result<Self, ConfigError> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        Ok(Self { argon2: Argon2::from(params.map_err(|_| ConfigError::Password)?), pool })
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

    /// Whether `password` is the one that was hashed.
    ///
    /// Without a hash it is not, and finding that out takes as long: one hash of the same parameters is made and thrown
    /// away, so that the time does not tell whether the account exists.
    pub(crate) async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<bool, AuthError> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let argon2 = self.argon2.clone();
        let verified = self.pool.run(move || match hash {
            Some(hash) => match argon2.verify_password(&password, hash.as_str()) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            },
            None => argon2.hash_password_with_salt(&password, &[0; 16]).map(|hash| {
                std::hint::black_box(hash);
                false
            }),
        });
        verified.await?.map_err(AuthError::internal)
    }
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
        assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse ", Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
    }

    #[tokio::test]
    async fn the_parameters_of_the_stored_hash_count() {
        let stronger = PasswordConfig { iterations: 2, ..PasswordConfig::THROW_AWAY };
        let stronger = Passwords::new(stronger, HashPool::shared()).unwrap();
        let hash = stronger.hash("correct horse", &SeededRandom::new(1)).await.unwrap();
        assert!(passwords(HashPool::shared()).verify("correct horse", Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_our_fault_and_not_the_person_s() {
        let verified = passwords(HashPool::shared()).verify("x", Some(PasswordHash::new("plain"))).await;
        assert!(matches!(verified, Err(AuthError::Internal(_))), "{verified:?}");
    }

    #[tokio::test]
    async fn who_finds_no_place_or_no_turn_is_told_at_once_or_in_time() {
        let pool = HashPool::new(1, 1, Duration::from_millis(20));
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
    async fn a_caller_who_goes_away_frees_nothing_that_still_runs() {
        let pool = HashPool::new(1, 0, Duration::from_secs(5));
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
}
