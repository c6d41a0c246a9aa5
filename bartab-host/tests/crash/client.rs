//! A client that does what the API asks of one: it sends again what it got no answer to, under the same key.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// How long one request is sent again before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "open-sesame";

pub(crate) struct Person {
    pub(crate) user_id: String,
    http: Client,
    base: String,
    username: String,
    token: Mutex<String>,
}

/// What a request came to in the end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
    /// How often it was sent without an answer that counts.
    pub(crate) retries: u64,
}

impl Answer {
    /// The body, which came with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json
    }
}

impl Person {
    /// Makes an account.
    pub(crate) async fn register(base: &str, username: &str) -> Self {
        let http = Client::builder().timeout(Duration::from_secs(40)).build().unwrap();
        let mut person = Self {
            user_id: String::new(),
            http,
            base: base.to_owned(),
            username: username.to_owned(),
            token: Mutex::default(),
        };
        let body = json!({"username": username, "password": PASSWORD});
        let answer = person.patiently("POST", "/v1/auth/register", None, &body).await.expect(201);
        person.user_id = answer["user_id"].as_str().unwrap().to_owned();
        person.token = Mutex::new(answer["access_token"].as_str().unwrap().to_owned());
        person
    }

    /// Joins a room.
    pub(crate) async fn join(&self, room: &str) {
        let answer = self.patiently("POST", &format!("/v1/rooms/{room}/join"), None, &json!({})).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.patiently("GET", path, None, &Value::Null).await.expect(200)
    }

    /// Sends a request until an answer comes that says whether it was done.
    pub(crate) async fn patiently(&self, method: &str, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let began = Instant::now();
        let mut retries = 0;
        let mut last = String::new();
        while began.elapsed() < PATIENCE {
            match self.once(method, path, key, body).await {
                Ok((401, _)) if !path.starts_with("/v1/auth/") => self.sign_in().await,
                Ok((status @ (429 | 503 | 504), json)) => last = format!("{status} {json}"),
                Ok((status, json)) => return Answer { status, json, retries },
                Err(error) => last = error.to_string(),
            }
            retries += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{method} {path} was not answered in {PATIENCE:?}: {last}")
    }

    async fn once(&self, method: &str, path: &str, key: Option<&str>, body: &Value) -> reqwest::Result<(u16, Value)> {
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !path.starts_with("/v1/auth/") {
            request = request.bearer_auth(&*self.token.lock().await);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        // Half an answer is none.
        let text = answer.text().await?;
        let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} answered {status} with {text:?}"));
        Ok((status, json))
    }

    async fn sign_in(&self) {
        let body = json!({"username": self.username, "password": PASSWORD});
        // Boxed: the two call each other, though never more than once.
        let answer = Box::pin(self.patiently("POST", "/v1/auth/login", None, &body)).await.expect(200);
        *self.token.lock().await = answer["access_token"].as_str().unwrap().to_owned();
    }
}
