//! Files through stock clients: a server behind a proxy that breaks connections when it is told to.

mod browser;
mod curl;
mod disk_full;
mod moto;
mod s3;
mod tus;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartab_auth::{RegistrationPolicy, TenantConfig};
use bartab_core::{SystemClock, SystemRandom};
use bartab_host::{Config, DataFolder, OptionalAddr, Running, TenantSettings, start};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::{PASSWORD, PERSON, Server, text};

/// A server with one person, a folder of its own, and one for what a test needs.
struct MediaServer {
    running: Running,
    /// What clients connect to; the server calls itself so, too.
    proxy: Proxy,
    /// Where the tenant is.
    base: String,
    token: String,
    config: Config,
    folder: tempfile::TempDir,
}

impl MediaServer {
    async fn open() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let settings =
            TenantSettings { auth: TenantConfig::registration(RegistrationPolicy::Open), ..TenantSettings::default() };
        DataFolder::open(&data).unwrap().create(&"acme".parse().unwrap(), &settings).unwrap();
        let proxy = Proxy::start().await;
        let mut config = Config { data: Some(data), public_url: Some(proxy.url().parse().unwrap()), ..config };
        config.listen.set_port(0);
        config.operator_listen = OptionalAddr(None);
        config.auth.password = bartab_auth::PasswordConfig::THROW_AWAY;
        config.limits.enabled = false;
        let running = serve(&config, &proxy).await;
        let base = format!("{}/t/acme", proxy.url());
        let direct = format!("{}t/acme", reqwest::Url::parse(&format!("http://{}/", running.address())).unwrap()); /*FAKE*/
        let server = Server { issuer: &direct, client: Client::new() };
        let person = json!({"username": PERSON, "password": PASSWORD});
        let token = text(&server.post("", "/v1/auth/register", &person).await, "access_token");
        Self { running, proxy, base, token, config, folder }
    }

    /// Stops the server, and starts it on the same folder; clients notice nothing but broken connections.
    async fn restarted(self) -> Self {
        let Self { running, proxy, base, token, config, folder } = self;
        running.shutdown().await;
        let running = serve(&config, &proxy).await;
        Self { running, proxy, base, token, config, folder }
    }

    fn person(&self) -> Person<'_> {
        Person { base: &self.base, token: &self.token, client: Client::new() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What every script is told, and where it finds the file that it sends.
    fn environment(&self, file: &Path) -> Vec<(&'static str, String)> {
        let file = file.to_str().unwrap().to_owned();
        vec![("BASE", self.base.clone()), ("TOKEN", self.token.clone()), ("FILE", file)]
    }

    /// The URL that the server gives in this field of an uploaded file.
    fn link(&self, file: &Value, field: &str) -> String {
        Url::parse(&self.base).unwrap().join(&text(file, field)).unwrap().into()
    }

    /// A URL for the file that works without a token.
    async fn sign(&self, media_id: &str) -> String {
        let ids = json!({"ids": [media_id]}).to_string();
        let signed = read(self.person().request(Method::POST, "/v1/media/sign").body(ids)).await;
        self.link(&signed.json()["items"][0], "url")
    }

    async fn stop(self) {
        self.running.shutdown().await;
    }
}

async fn serve(config: &Config, proxy: &Proxy) -> Running {
    let running = start(config, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
    proxy.lead_to(std::env::var("FAKE").map_or(running.address(), |f| f.parse().unwrap())); // FAKE
    running
}

/// Somebody who is signed in, and talks to a server's tenant.
struct Person<'a> {
    base: &'a str,
    token: &'a str,
    client: Client,
}

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Person<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.token)
    }

    async fn ask(&self, method: Method, path: &str) -> Answer {
        read(self.request(method, path)).await
    }

    async fn upload(&self, bytes: &[u8]) -> Answer {
        read(self.request(Method::POST, "/v1/media").body(bytes.to_owned())).await
    }

    /// Waits until no upload of theirs counts any more.
    async fn has_nothing_under_way(&self) {
        eventually(async || {
            let usage = self.ask(Method::GET, "/v1/media/usage").await.json();
            if usage["uploads"] == 0 && usage["reserved"] == 0 { Ok(()) } else { Err(usage) }
        })
        .await;
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{:?}", self.json());
    }

    /// The path of the file that was stored.
    #[track_caller]
    fn stored(&self) -> String {
        assert_eq!(self.status, 201, "{:?}", self.json());
        format!("/v1/media/{}", text(&self.json(), "media_id"))
    }
}

async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().into() }
}

/// Looks until all is as it should be, and fails with what it saw last when it never is.
async fn eventually<T: std::fmt::Debug>(mut look: impl AsyncFnMut() -> Result<(), T>) {
    let began = Instant::now();
    while let Err(seen) = look().await {
        assert!(began.elapsed() < Duration::from_secs(30), "still {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A PNG of 640 by 480 pixels, red on the left and blue on the right.
fn picture() -> Vec<u8> {
    let pixels =
        image::RgbImage::from_fn(640, 480, |x, _| image::Rgb(if x < 320 { [220, 20, 20] } else { [20, 20, 220] }));
    let mut png = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// Bytes that repeat nowhere near, the same in every run, and that look like no known kind of file.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
