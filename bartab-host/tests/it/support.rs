//! A server on a folder of its own, and the few words in which the tests talk to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bartab_auth::{RegistrationPolicy, TenantConfig};
use bartab_core::{SystemClock, SystemRandom};
use bartab_host::{Config, DataFolder, OptionalAddr, Running, TenantSettings, start};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) folder: DataFolder,
    _data: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.json()["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }
}

pub(crate) fn settings() -> TenantSettings {
    TenantSettings { auth: TenantConfig::registration(RegistrationPolicy::Open), ..TenantSettings::default() }
}

/// A configuration for tests: any port, cheap passwords, no rate limits.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.listen.set_port(0);
    config.operator_listen = OptionalAddr(None);
    config.auth.password = bartab_auth::PasswordConfig::THROW_AWAY;
    config.limits.enabled = false;
    config.server.shutdown_seconds = 30;
    config
}

impl Server {
    /// A server with these tenants.
    pub(crate) async fn with(config: Config, tenants: &[(&str, TenantSettings)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(data.path()).unwrap();
        for (name, settings) in tenants {
            folder.create(&name.parse().unwrap(), settings).unwrap();
        }
        let config = Config { data: Some(data.path().to_owned()), ..config };
        let running = start(&config, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
        let url = running.url().to_string();
        Self { running, url, client: reqwest::Client::new(), folder, _data: data }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &std::path::Path {
        self._data.path()
    }

    /// The server by itself, and the folder, which is removed when it is dropped.
    pub(crate) fn into_parts(self) -> (Running, tempfile::TempDir) {
        (self.running, self._data)
    }

    /// What a kill at this moment would leave, served anew.
    pub(crate) async fn killed(self, config: Config) -> Self {
        let data = tempfile::tempdir().unwrap();
        copy(self._data.path(), data.path());
        drop(self);
        let folder = DataFolder::open(data.path()).unwrap();
        let config = Config { data: Some(data.path().to_owned()), ..config };
        let running = start(&config, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
        let url = running.url().to_string();
        Self { running, url, client: reqwest::Client::new(), folder, _data: data }
    }

    /// A server with one tenant, `acme`, at `/t/acme`.
    pub(crate) async fn acme(config: Config) -> Self {
        Self::with(config, &[("acme", settings())]).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    /// `GET` as the holder of the token.
    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        read(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        read(self.request(Method::POST, path).bearer_auth(token).body(body.to_string())).await
    }

    /// Makes an account under this prefix; gives its access token.
    pub(crate) async fn register(&self, prefix: &str, username: &str) -> String {
        let body = json!({"username": username, "password": "open-sesame"}).to_string();
        let answer = read(self.request(Method::POST, &format!("{prefix}/v1/auth/register")).body(body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Waits at `/v1/sync` from where the log stands now.
    pub(crate) async fn waiting_poll(&self, prefix: &str, token: &str) -> tokio::task::JoinHandle<Answer> {
        let next = self.get_as(token, &format!("{prefix}/v1/sync")).await.json()["next"].clone();
        let path = format!("{prefix}/v1/sync?since={}&timeout=55000", next.as_str().unwrap());
        tokio::spawn(read(self.request(Method::GET, &path).bearer_auth(token)))
    }

    /// How many polls wait in the tenant.
    pub(crate) async fn waiting(&self, tenant: &str) -> usize {
        self.running.host().tenant(tenant).await.unwrap().chat().waiting()
    }
}

/// Copies a folder, a database before its WAL: a checkpoint between the two loses nothing.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let mut entries: Vec<_> = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy(&entry, &to);
        } else {
            std::fs::copy(&entry, &to).unwrap();
        }
    }
}

pub(crate) async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// Waits until `look` says yes; it always does, or the test has found a fault.
pub(crate) async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !look().await {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
