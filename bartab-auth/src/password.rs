//! Hashing and checking passwords.

use std::fmt;
#[cfg(test)]
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{self, phc};
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use bartab_core::Random;
use bartab_core::store::PasswordHash;
use zeroize::Zeroizing;

use crate::config::{ConfigError, PasswordConfig};
use crate::error::AuthError;
use crate::hash_pool::{HashPool, Share};

/// Hashes and checks passwords with the parameters of one tenant.
pub(crate) struct Passwords {
    hasher: Hasher,
    pool: Share,
}

/// What hashes, with the parameters of one tenant.
#[derive(Clone)]
struct Hasher {
    argon2: Argon2<'static>,
    #[cfg(test)]
    spent: Arc<AtomicU64>,
}

impl Passwords {
    pub(crate) fn new(config: PasswordConfig, pool: HashPool) -> Result<Self, ConfigError> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        Ok(Self { hasher: Hasher::new(params.map_err(|_| ConfigError::Password)?), pool: pool.share() })
    }

    /// The hash of a new password as a PHC string.
    pub(crate) async fn hash(&self, password: &str, random: &dyn Random) -> Result<PasswordHash, AuthError> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let hasher = self.hasher.clone();
        let hash = self.pool.run(move || hasher.hash(&password, &salt)).await?;
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
        let hasher = self.hasher.clone();
        let verified = self.pool.run(move || match hash {
            Some(hash) => hasher.check(&password, hash.as_str(), &salt),
            None => hasher.burn(&password),
        });
        verified.await?.map_err(AuthError::internal)
    }

    /// The [`cost`] of all hashes so far.
    #[cfg(test)]
    pub(crate) fn spent(&self) -> u64 {
        self.hasher.spent.load(Ordering::SeqCst)
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

impl Hasher {
    fn new(params: Params) -> Self {
        Self {
            argon2: Argon2::from(params),
            #[cfg(test)]
            spent: Arc::default(),
        }
    }

    fn hash(&self, password: &[u8], salt: &[u8]) -> password_hash::Result<phc::PasswordHash> {
        #[cfg(test)]
        self.spend(self.argon2.params());
        self.argon2.hash_password_with_salt(password, salt)
    }

    fn check(&self, password: &[u8], hash: &str, salt: &[u8]) -> password_hash::Result<Verified> {
        let hash = phc::PasswordHash::new(hash)?;
        let stored = Params::try_from(&hash)?;
        let shortfall = shortfall(&stored, self.argon2.params());
        #[cfg(test)]
        self.spend(&stored);
        match self.argon2.verify_password(password, &hash) {
            Ok(()) => {
                let outdated = shortfall.is_some() || hash.algorithm != ARGON2ID_IDENT;
                let rehashed = if outdated { Some(self.hash(password, salt)?) } else { None };
                Ok(Verified::Right { rehashed: rehashed.map(|hash| PasswordHash::new(hash.to_string())) })
            }
            Err(password_hash::Error::PasswordInvalid) => {
                shortfall.map_or(Ok(Verified::Wrong), |shortfall| self.with(shortfall).burn(password))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the time of a hash, for nothing.
    fn burn(&self, password: &[u8]) -> password_hash::Result<Verified> {
        std::hint::black_box(self.hash(password, &[0; 16])?);
        Ok(Verified::Wrong)
    }

    /// The same with other parameters.
    fn with(&self, params: Params) -> Self {
        let mut other = self.clone();
        other.argon2 = Argon2::from(params);
        other
    }

    #[cfg(test)]
    fn spend(&self, params: &Params) {
        self.spent.fetch_add(cost(params), Ordering::SeqCst);
    }
}

/// What a hash costs: the cost of Argon2 on one thread is that of its memory times its passes.
fn cost(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// The parameters of a hash that costs what `stored` costs less than `wanted`, if it does.
fn shortfall(stored: &Params, wanted: &Params) -> Option<Params> {
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
    async fn a_wrong_password_costs_one_hash_whatever_is_stored() {
        let random = SeededRandom::new(1);
        let with = |iterations| {
            Passwords::new(PasswordConfig { iterations, ..PasswordConfig::THROW_AWAY }, HashPool::shared()).unwrap()
        };
        let passwords = with(3);
        let mut stored = vec![None];
        for iterations in 1..=3 {
            stored.push(Some(with(iterations).hash("correct horse", &random).await.unwrap()));
        }
        for (hash, number) in stored.into_iter().zip(1..) {
            let verified = passwords.verify("x", hash, &random).await;
            assert!(matches!(verified, Ok(Verified::Wrong)), "{verified:?}");
            assert_eq!(passwords.spent(), number * 3 * u64::from(PasswordConfig::THROW_AWAY.memory_kib));
        }
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_our_fault_and_not_the_person_s() {
        let verified =
            passwords(HashPool::shared()).verify("x", Some(PasswordHash::new("plain")), &SeededRandom::new(1)).await;
        assert!(matches!(verified, Err(AuthError::Internal(_))), "{verified:?}");
    }
}
