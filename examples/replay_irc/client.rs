//! A client of the API: accounts, tokens that are renewed in time, and asking again when the server says so.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::Outcome;

/// How often a request is sent before it counts as failed.
const TRIES: u32 = 10;
/// Longer than the server lets a poll wait.
const TIMEOUT: Duration = Duration::from_secs(70);

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    http: Client,
    base: String,
}

/// Somebody with an account, signed in.
#[derive(Debug)]
pub(crate) struct Account {
    server: Server,
    pub(crate) user_id: String,
    pub(crate) name: String,
    tokens: Mutex<Tokens>,
}

#[derive(Debug)]
struct Tokens {
    access: String,
    refresh: String,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
    user_id: String,
}

impl From<&TokenAnswer> for Tokens {
    fn from(answer: &TokenAnswer) -> Self {
        Self {
            access: answer.access_token.clone(),
            refresh: answer.refresh_token.clone(),
            // Well before they end, so that no request is under way then.
            renew_at: Instant::now() + Duration::from_secs(answer.expires_in / 2),
        }
    }
}

impl Server {
    /// The server at this base URL.
    pub(crate) fn new(base: &str) -> Outcome<Self> {
        let http = Client::builder().timeout(TIMEOUT).tcp_nodelay(true).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned() })
    }

    /// How many characters a message may have.
    pub(crate) async fn message_chars(&self) -> Outcome<usize> {
        let about: Value = self.again(|| self.http.get(format!("{}/.well-known/bartab", self.base))).await?;
        let chars = about["limits"]["message_chars"].as_u64().ok_or("the server does not tell its limits")?;
        Ok(usize::try_from(chars)?)
    }

    /// Makes an account.
    pub(crate) async fn register(&self, username: &str, password: &str, name: &str) -> Outcome<Account> {
        let body = json!({"username": username, "password": password, "display_name": name});
        let url = format!("{}/v1/auth/register", self.base);
        let answer: TokenAnswer = self.again(|| self.http.post(&url).json(&body)).await?;
        let tokens = Mutex::new(Tokens::from(&answer));
        Ok(Account { server: self.clone(), user_id: answer.user_id, name: name.to_owned(), tokens })
    }

    /// Sends a request, again when the server is busy or did not answer; everything that is sent here may be repeated.
    async fn again<T: DeserializeOwned>(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Outcome<T> {
        let mut wait = Duration::from_millis(20);
        for _ in 1..TRIES {
            match request().send().await {
                Ok(answer) if is_temporary(answer.status()) => {
                    sleep(retry_after(&answer).unwrap_or(wait)).await;
                }
                Ok(answer) => return read(answer).await,
                Err(error) if error.is_builder() => return Err(error.into()),
                Err(_) => sleep(wait).await,
            }
            wait = (wait * 2).min(Duration::from_secs(2));
        }
        read(request().send().await?).await
    }
}

fn is_temporary(status: StatusCode) -> bool {
    use StatusCode as S;
    matches!(status, S::TOO_MANY_REQUESTS | S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT)
}

fn retry_after(answer: &Response) -> Option<Duration> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

async fn read<T: DeserializeOwned>(answer: Response) -> Outcome<T> {
    let (status, path) = (answer.status(), answer.url().path().to_owned());
    let body = answer.bytes().await?;
    if status.is_success() {
        return Ok(serde_json::from_slice(&body)?);
    }
    Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into())
}

impl Account {
    /// Asks for something.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        self.call(Method::GET, path, None, None).await
    }

    /// Posts something; with a key it is written once, however often it is sent.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, key: Option<&str>, body: &Value) -> Outcome<T> {
        self.call(Method::POST, path, key, Some(body)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Outcome<T> {
        let token = self.access_token().await?;
        let url = format!("{}{path}", self.server.base);
        let request = || {
            let mut request = self.server.http.request(method.clone(), &url).header(AUTHORIZATION, &token);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            request
        };
        self.server.again(request).await
    }

    /// The value of `Authorization`; the token is exchanged for a new one at half its life.
    async fn access_token(&self) -> Outcome<String> {
        let mut tokens = self.tokens.lock().await;
        if Instant::now() >= tokens.renew_at {
            let url = format!("{}/v1/oauth2/token", self.server.base);
            let form = [("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)];
            // Not sent again: a refresh token is good once.
            let answer: TokenAnswer = read(self.server.http.post(url).form(&form).send().await?).await?;
            *tokens = Tokens::from(&answer);
        }
        Ok(format!("Bearer {}", tokens.access))
    }
}
