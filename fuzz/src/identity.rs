//! A tenant's identity for the targets that need one.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bartab_auth::{
    Act, Auth, AuthService, AuthStores, Config, HashPool, Login, NewAccount, NewClient, PasswordConfig, TrustedIssuer,
};
use bartab_core::store::MemoryIdentity;
use bartab_core::{ManualClock, Scope, Scopes, SeededRandom, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// The issuer that the tenant trusts.
pub(crate) const HOST: &str = "https://host.example";
/// What a hostile request can be answered; 503 is when too many devices wait.
pub(crate) const POSSIBLE: [u16; 6] = [200, 400, 401, 403, 413, 503];

/// So many inputs meet one identity.
const RUNS: u32 = 4096;

pub(crate) struct Identity {
    pub(crate) service: AuthService,
    /// The key of the host that is trusted.
    pub(crate) host: Ed25519KeyPair,
    /// A good access token.
    pub(crate) access: String,
    refresh: String,
    client: String,
    /// The secret of a client.
    pub(crate) secret: String,
}

impl Identity {
    /// Runs `body` with the identity of this thread, which it may change: opening one for every input would take longer
    /// than everything else. What holds must hold in any state; now and then a new one bounds how much is kept.
    pub(crate) fn run(body: impl AsyncFnOnce(&Self)) {
        thread_local! {
            static OPEN: Cell<Option<(Identity, u32)>> = const { Cell::new(None) };
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        let kept = OPEN.take().filter(|(_, runs)| *runs < RUNS);
        let (identity, runs) = kept.unwrap_or_else(|| (runtime.block_on(Self::open()), 0));
        runtime.block_on(body(&identity));
        OPEN.set(Some((identity, runs + 1)));
    }

    async fn open() -> Self {
        let host = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed is a key");
        let x = URL_SAFE_NO_PAD.encode(host.public_key());
        let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "host"}]});
        let config = Config {
            password: PasswordConfig::THROW_AWAY,
            token_exchange: vec![TrustedIssuer::with_keys(HOST, "chat", jwks)],
            ..Config::new("https://chat.example")
        };
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_750_000_000)));
        let stores = AuthStores::of(Arc::new(MemoryIdentity::new()));
        let pool = HashPool::new(1, 16, Duration::from_secs(20));
        let auth = Auth::open(stores, config, pool, clock, Arc::new(SeededRandom::new(1))).await;
        let auth = auth.expect("an empty tenant opens");
        auth.create_account(NewAccount::member("alice", "correct horse battery")).await.expect("the name is free");
        let tokens = auth.login(Login::new("alice", "correct horse battery")).await.expect("the password is right");
        let service = NewClient::service("Search", Scopes::NONE.with(Scope::ChatRead));
        let registered =
            auth.register_client(&Act::operator("to be fuzzed"), service).await.expect("the client is well made");
        Self {
            host,
            access: tokens.access_token,
            refresh: tokens.refresh_token,
            client: registered.client.client_id,
            secret: registered.client_secret.expect("a service has a secret"),
            service: AuthService::from(auth),
        }
    }

    /// The text with what stands for something put in.
    pub(crate) fn fill(&self, text: &[u8]) -> String {
        let mut parts = self.access.split('.');
        let [header, claims, signature] = [(); 3].map(|()| parts.next().unwrap_or_default());
        String::from_utf8_lossy(text)
            .replace("{header}", header)
            .replace("{claims}", claims)
            .replace("{signature}", signature)
            .replace("{access}", &self.access)
            .replace("{refresh}", &self.refresh)
            .replace("{client}", &self.client)
            .replace("{secret}", &self.secret)
    }
}
