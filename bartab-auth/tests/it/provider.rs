//! An OpenID provider to test with: it answers what it is told to, on a socket of this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bartab_auth::{Config, ProviderConfig};
use bartab_core::store::AccountFilter;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::browser::Browser;
use crate::tokens::{private, sign};
use crate::world::{Answer, World, config, memory};

pub(crate) const CLIENT: &str = "chat at work";
pub(crate) const SECRET: &str = "hush: a \u{e9} & a %";
pub(crate) const START: &str = "/v1/auth/providers/corp/start";

pub(crate) fn program() -> Browser {
    Browser { headers: vec![("accept", "application/json".to_owned())], ..Browser::default() }
}

pub(crate) fn person() -> Browser {
    Browser { headers: vec![("accept", "text/html,application/xhtml+xml,*/*;q=0.8".to_owned())], ..Browser::default() }
}

pub(crate) async fn people(world: &World) -> usize {
    world.stores.accounts.list(&AccountFilter::default(), None, 100).await.unwrap().len()
}

/// Where the provider takes codes.
pub(crate) const CODE_PATH: &str = "/realm/token";

/// What the provider answers at a path.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Json(u16, Value),
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Hang,
    /// That, once somebody says so.
    Held(Arc<Notify>, Box<Reply>),
}

#[derive(Default)]
struct Script {
    replies: BTreeMap<String, Reply>,
    requests: Vec<(String, String)>,
    asked: Arc<Notify>,
}

pub(crate) struct Provider {
    pub(crate) issuer: String,
    script: Arc<Mutex<Script>>,
    key: EncodingKey,
    pub(crate) jwk: Value,
}

/// A sign-in that was begun.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) query: BTreeMap<String, String>,
}

impl Begun {
    pub(crate) fn of(url: &str) -> Self {
        let query = url.split_once('?').unwrap().1;
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { url: url.to_owned(), query }
    }

    pub(crate) fn callback(&self, more: &str) -> String {
        format!("/v1/auth/providers/corp/callback?state={}&{more}", self.query["state"])
    }
}

impl Provider {
    pub(crate) async fn open() -> Self {
        Self::with_seed(77).await
    }

    pub(crate) async fn with_seed(seed: u64) -> Self {
        // Somebody's keys.
        let keys = World::on(memory(), config(), seed).await;
        let jwk = keys.get("/.well-known/jwks.json", "").await.json()["keys"][0].clone();
        let key = private(&keys.stores.keys.list().await.unwrap()[0]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realm", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        tokio::spawn(serve(listener, Arc::clone(&script)));
        let provider = Self { issuer, script, key, jwk };
        provider.set("/realm/.well-known/openid-configuration", Reply::Json(200, provider.discovery()));
        provider.set("/realm/jwks", Reply::Json(200, json!({"keys": [provider.jwk]})));
        provider
    }

    pub(crate) fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?realm=work"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "EdDSA", "none", "XS512"],
            "mtls_endpoint_aliases": {},
        })
    }

    pub(crate) fn set(&self, path: &str, reply: Reply) {
        self.script.lock().unwrap().replies.insert(path.to_owned(), reply);
    }

    /// The requests for this path, each with its head and body.
    pub(crate) fn requests(&self, path: &str) -> Vec<String> {
        let script = self.script.lock().unwrap();
        script.requests.iter().filter(|(asked, _)| asked == path).map(|(_, request)| request.clone()).collect()
    }

    /// Waits until somebody has asked for this path.
    pub(crate) async fn asked(&self, path: &str) {
        self.asked_again(path, 1).await;
    }

    /// The same, until it was asked for so many times.
    pub(crate) async fn asked_again(&self, path: &str, times: usize) {
        let asked = Arc::clone(&self.script.lock().unwrap().asked);
        loop {
            let news = asked.notified();
            if self.requests(path).len() >= times {
                return;
            }
            news.await;
        }
    }

    /// From now on this path is answered so, once the answer is released.
    pub(crate) fn hold(&self, path: &str, reply: Reply) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        self.set(path, Reply::Held(Arc::clone(&gate), Box::new(reply)));
        gate
    }

    /// What was given for a code comes only when it is released.
    pub(crate) fn hold_token(&self) -> Arc<Notify> {
        let given = self.script.lock().unwrap().replies[CODE_PATH].clone();
        self.hold(CODE_PATH, given)
    }

    pub(crate) fn config(&self) -> ProviderConfig {
        ProviderConfig {
            client_secret: Some(SECRET.to_owned().into()),
            allow_registration: true,
            timeout_seconds: 1,
            ..ProviderConfig::new("corp", "Work & Co", &self.issuer, CLIENT)
        }
    }

    /// A tenant whose people may sign in here.
    pub(crate) async fn tenant(&self, change: impl FnOnce(&mut ProviderConfig)) -> World {
        let mut provider = self.config();
        change(&mut provider);
        World::with(Config { providers: vec![provider], ..config() }).await
    }

    /// The claims of somebody who has just signed in here.
    pub(crate) fn claims(&self, world: &World, nonce: &str) -> Value {
        let now = bartab_core::Clock::now(&*world.clock).as_secs();
        json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "alice-0", "nonce": nonce, "iat": now, "exp": now + 300,
            "email": "alice@work.example", "email_verified": true, "name": "Alice A.", "preferred_username": "Alice",
        })
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "kid": self.jwk["kid"]})
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(header, claims, Algorithm::EdDSA, &self.key)
    }

    /// From now on codes are exchanged for this ID token.
    pub(crate) fn give(&self, id_token: &str) {
        let tokens = json!({"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token});
        self.set("/realm/token", Reply::Json(200, tokens));
    }

    /// Begins a sign-in in this browser.
    pub(crate) async fn begin(&self, world: &World, browser: &mut Browser, query: &str) -> Begun {
        let answer = browser.get(world, &format!("{START}?{query}")).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        Begun::of(answer.header("location"))
    }

    /// The same for a program that reads JSON.
    pub(crate) async fn begin_json(&self, world: &World, browser: &mut Browser) -> Begun {
        Begun::of(&browser.get(world, START).await.text("url"))
    }

    /// The whole way of somebody with these claims.
    pub(crate) async fn sign_in(
        &self,
        world: &World,
        browser: &mut Browser,
        query: &str,
        change: impl FnOnce(&mut Value),
    ) -> Answer {
        let start = browser.get(world, &format!("{START}?{query}")).await;
        let begun = match start.status.as_u16() {
            200 => Begun::of(&start.text("url")),
            _ => Begun::of(start.header("location")),
        };
        let mut claims = self.claims(world, &begun.query["nonce"]);
        change(&mut claims);
        self.give(&self.sign(&self.header(), &claims));
        browser.get(world, &begun.callback("code=c0de")).await
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let script = Arc::clone(&script);
        tokio::spawn(async move {
            let mut request = Vec::new();
            let whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).into_owned();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.map_or(0, |length| length.parse().unwrap());
                (body.len() >= length).then(|| text.clone())
            };
            let text = loop {
                if let Some(text) = whole(&request) {
                    break text;
                }
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let path = text.split(' ').nth(1).unwrap().to_owned();
            let mut reply = {
                let mut script = script.lock().unwrap();
                let reply = script.replies.get(&path).cloned();
                script.requests.push((path, text));
                script.asked.notify_waiters();
                reply.unwrap_or(Reply::Json(404, json!({})))
            };
            while let Reply::Held(gate, then) = reply {
                gate.notified().await;
                reply = *then;
            }
            let answer = match reply {
                Reply::Held(..) => return,
                Reply::Json(status, body) => {
                    let body = body.to_string();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                         connection: close\r\n\r\n",
                        body.len()
                    );
                    [head.into_bytes(), body.into_bytes()].concat()
                }
                Reply::Raw(bytes) => bytes,
                Reply::Hang => std::future::pending().await,
            };
            let _ = stream.write_all(&answer).await;
        });
    }
}

/// The hash of an access token as an ID token says it: the left half of SHA-512 for EdDSA.
pub(crate) fn half_hash(token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, token.as_bytes());
    BASE64.encode(&digest.as_ref()[..32])
}
