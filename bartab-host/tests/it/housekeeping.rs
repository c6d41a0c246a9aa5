//! What a server does by itself: signing keys are exchanged when their time comes, and what is over is cleared away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bartab_auth::NewAccount;
use bartab_core::store::SessionStore as _;
use bartab_core::{ManualClock, SeededRandom, Timestamp};
use bartab_host::{DataFolder, Host, InUse, Tenant, TenantSettings};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::support::config;

const HOUR: Duration = Duration::from_secs(3600);
/// Longer than from one round of chores to the next.
const A_ROUND: Duration = Duration::from_secs(70);

/// A host that is kept, with one tenant in use, so that it is not closed however late it is by the tenant's clock.
struct House {
    host: Host,
    tenant: InUse<Tenant>,
    clock: Arc<ManualClock>,
    keeping: tokio::task::JoinHandle<()>,
    data: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        DataFolder::open(data.path()).unwrap().create(&"acme".parse().unwrap(), &TenantSettings::default()).unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_750_000_000)));
        let url = "http://127.0.0.1:8080".parse().unwrap();
        let random = Arc::new(SeededRandom::new(1));
        let host = Host::new(data.path(), url, &config(), clock.clone(), random).unwrap();
        let tenant = host.tenant("acme").await.unwrap();
        let kept = host.clone();
        let keeping = tokio::spawn(async move { kept.keep_house().await });
        Self { host, tenant, clock, keeping, data }
    }

    /// It is so much later by the tenant's clock, and the chores are done.
    async fn later(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::sleep(A_ROUND).await;
    }

    /// The keys that verifiers are told of.
    async fn published(&self) -> BTreeSet<String> {
        let request = Request::get("/t/acme/.well-known/jwks.json").body(Full::<Bytes>::default()).unwrap();
        let answer = self.host.answer(request).await.into_body().collect().await.unwrap().to_bytes();
        let document: Value = serde_json::from_slice(&answer).unwrap();
        document["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// The store of the tenant, once the host is gone.
    async fn store(self) -> (SqliteStore, tempfile::TempDir) {
        self.keeping.abort();
        assert!(self.keeping.await.unwrap_err().is_cancelled());
        drop(self.tenant);
        self.host.registry().close_all().await;
        let file = DataFolder::open(self.data.path()).unwrap().store(&"acme".parse().unwrap());
        let store = SqliteStore::open(file, SqliteOptions::default(), &SeededRandom::new(2)).await.unwrap();
        (store, self.data)
    }
}

#[tokio::test(start_paused = true)]
async fn signing_keys_are_exchanged_by_their_schedule() {
    let house = House::open().await;
    let first = house.published().await;
    assert_eq!(first.len(), 1);
    house.later(90 * 24 * HOUR - HOUR - Duration::from_secs(1)).await;
    assert_eq!(house.published().await, first);
    house.later(Duration::from_secs(1)).await;
    let both = house.published().await;
    assert!(both.len() == 2 && both.is_superset(&first), "{both:?}");
    // The first one goes when whatever it has signed is dead.
    house.later(HOUR).await;
    assert_eq!(house.published().await, both);
    house.later(2 * HOUR).await;
    assert_eq!(house.published().await, &both - &first);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_are_over_are_cleared_away() {
    let house = House::open().await;
    let auth = house.tenant.auth();
    let alice = auth.create_account(NewAccount { password: None, ..NewAccount::member("alice", "") }).await.unwrap();
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let tokens = auth.sign_in(alice.user_id, None).await.unwrap();
        sessions.push((tokens.session_id, auth.verifier().verify(&tokens.access_token).unwrap()));
    }
    let [(over, first), (recent, second), (live, _)] = &sessions[..] else { panic!("{sessions:?}") };
    auth.logout(first).await.unwrap();
    house.clock.advance(Duration::from_secs(300));
    auth.logout(second).await.unwrap();
    // The access tokens of the first one are dead; those of the second one must still be refused.
    house.later(Duration::from_secs(301)).await;
    let (over, recent, live) = (*over, *recent, *live);
    let (store, _data) = house.store().await;
    assert!(store.get(over).await.unwrap().is_none());
    for session in [recent, live] {
        assert!(store.get(session).await.unwrap().is_some());
    }
    store.close().await;
}
