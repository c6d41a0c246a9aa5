//! A tenant to test with: memory stores, a clock that stands still, seeded randomness, cheap passwords.

use std::sync::Arc;
use std::time::Duration;

use bartab_auth::{
    Act, Auth, AuthService, AuthStores, Config, HashPool, Login, NewAccount, NewClient, NewRegistration,
    PasswordConfig, RegisteredClient, RegistrationPolicy, Tokens,
};
use bartab_core::store::MemoryIdentity;
use bartab_core::{ManualClock, SeededRandom, TenantRole, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://chat.example";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct World {
    pub(crate) service: AuthService,
    pub(crate) stores: AuthStores,
    pub(crate) clock: Arc<ManualClock>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The folder of the URL that it came from, when a browser asked.
    pub(crate) folder: String,
}

pub(crate) fn config() -> Config {
    Config { registration: RegistrationPolicy::Open, password: PasswordConfig::THROW_AWAY, ..Config::new(ISSUER) }
}

pub(crate) fn memory() -> AuthStores {
    let identity = Arc::new(MemoryIdentity::new());
    AuthStores::of(identity)
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::on(memory(), config, 1).await
    }

    pub(crate) async fn on(stores: AuthStores, config: Config, seed: u64) -> Self {
        Self::pooled(stores, config, seed, HashPool::new(2, 1000, Duration::from_secs(60))).await
    }

    pub(crate) async fn pooled(stores: AuthStores, config: Config, seed: u64, pool: HashPool) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_750_000_000)));
        let random = Arc::new(SeededRandom::new(seed));
        let auth = Auth::open(stores.clone(), config, pool, clock.clone(), random).await.unwrap();
        Self { service: AuthService::from(auth), stores, clock }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let (parts, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body, folder: String::new() }
    }

    /// A request with a JSON body; an empty text sends no token, `Value::Null` no body.
    pub(crate) async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::POST, path, token, body).await
    }

    pub(crate) async fn form(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Full::from(body.to_owned())).unwrap()).await
    }

    /// A form sent by a client that authenticates with HTTP Basic.
    pub(crate) async fn form_as(&self, client: &RegisteredClient, path: &str, body: &str) -> Answer {
        let secret = client.client_secret.as_deref().unwrap_or_default();
        self.form_basic(&format!("{}:{secret}", client.client.client_id), path, body).await
    }

    /// A form with these Basic credentials.
    pub(crate) async fn form_basic(&self, credentials: &str, path: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {}", STANDARD.encode(credentials)));
        self.send(request.body(Full::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.form("/v1/oauth2/token", &format!("grant_type=refresh_token&refresh_token={refresh_token}")).await
    }

    /// Somebody with an account of this role, signed in.
    pub(crate) async fn account(&self, username: &str, role: TenantRole) -> Tokens {
        let auth = self.service.auth();
        auth.create_account(NewAccount { role, ..NewAccount::member(username, PASSWORD) }).await.unwrap();
        auth.login(Login::new(username, PASSWORD)).await.unwrap()
    }

    /// A client that the operator has registered.
    pub(crate) async fn client(&self, new: NewClient) -> RegisteredClient {
        self.service.auth().register_client(&Act::operator("needed"), new).await.unwrap()
    }

    /// Somebody with an account, signed in.
    pub(crate) async fn person(&self, username: &str) -> Tokens {
        self.service.auth().register(NewRegistration::new(username, PASSWORD)).await.unwrap()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_else(|| panic!("no {field}: {self:?}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer is a problem with this status and code, in the form of RFC 9457.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let json = self.json();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["status"], status);
        assert_eq!(json["type"], format!("urn:bartab:problem:{code}"));
    }

    /// The answer is an error in the form of RFC 6749.
    #[track_caller]
    pub(crate) fn assert_oauth(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("pragma"), "no-cache");
        assert_eq!(self.json()["error"], error, "{self:?}");
        assert!(self.json()["error_description"].is_string());
    }

    /// The first field that the problem names, and what is wrong with it.
    #[track_caller]
    pub(crate) fn wrong_field(&self) -> (String, String) {
        let field = &self.json()["errors"][0];
        (field["pointer"].as_str().unwrap().to_owned(), field["code"].as_str().unwrap().to_owned())
    }
}
