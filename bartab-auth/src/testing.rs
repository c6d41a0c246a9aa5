//! An identity for unit tests: memory stores, a clock that stands still, seeded randomness, cheap passwords.

use std::sync::Arc;
use std::time::Duration;

use bartab_core::store::{MemoryIdentity, Session};
use bartab_core::{ManualClock, SeededRandom, SessionId, Timestamp};

use crate::auth::{Auth, AuthStores};
use crate::config::{Config, PasswordConfig};
use crate::hash_pool::HashPool;

pub(crate) async fn open() -> (Auth, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_750_000_000)));
    let stores = AuthStores::of(Arc::new(MemoryIdentity::new()));
    let config = Config { password: PasswordConfig::THROW_AWAY, ..Config::new("https://chat.example") };
    let pool = HashPool::new(2, 1000, Duration::from_secs(60));
    let auth = Auth::open(stores, config, pool, clock.clone(), Arc::new(SeededRandom::new(1))).await.unwrap();
    (auth, clock)
}

pub(crate) async fn session_of(auth: &Auth, session: SessionId) -> Option<Session> {
    auth.0.stores.sessions.get(session).await.unwrap()
}
