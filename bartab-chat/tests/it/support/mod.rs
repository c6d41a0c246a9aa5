//! A chat on the memory store, and a client of it.

pub(crate) mod contract;

use std::sync::Arc;

use bartab_chat::{Chat, ChatService, ChatStores, Config};
use bartab_core::store::{MemoryLog, MemoryMarkers, MemorySnapshots};
use bartab_core::{Actor, ManualClock, SeededRandom, Timestamp, UserId};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

/// A chat and what it stands on.
pub(crate) struct World {
    pub(crate) chat: Chat,
    pub(crate) service: ChatService,
    pub(crate) stores: ChatStores,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    /// An empty one with these settings.
    pub(crate) async fn with(config: Config) -> Self {
        let stores = ChatStores {
            log: Arc::new(MemoryLog::new(b"test")),
            markers: Arc::new(MemoryMarkers::default()),
            snapshots: Some(Arc::new(MemorySnapshots::default())),
        };
        Self::over(stores, config).await
    }

    /// A chat over stores that hold something already.
    pub(crate) async fn over(stores: ChatStores, config: Config) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
        let random = Arc::new(SeededRandom::new(7));
        let chat = Chat::open(stores.clone(), config, Arc::clone(&clock) as _, random).await.unwrap();
        Self { service: ChatService::new(chat.clone()), chat, stores, clock }
    }

    /// A person who uses it.
    pub(crate) fn person(&self, name: &str) -> Client {
        let actor = Actor::person(UserId::from_external("test", name), name);
        Client { service: self.service.clone(), actor: Some(Arc::new(actor)) }
    }

    /// Somebody who is not signed in.
    pub(crate) fn stranger(&self) -> Client {
        Client { service: self.service.clone(), actor: None }
    }
}

/// A caller of the service.
#[derive(Clone)]
pub(crate) struct Client {
    service: ChatService,
    pub(crate) actor: Option<Arc<Actor>>,
}

impl Client {
    /// Who it is.
    pub(crate) fn id(&self) -> UserId {
        self.actor.as_ref().unwrap().user_id
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, mut request: Request<Full<bytes::Bytes>>) -> Response<bytes::Bytes> {
        if let Some(actor) = &self.actor {
            request.extensions_mut().insert(Arc::clone(actor));
        }
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let (parts, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap());
        contract::check_answer(&method, &path, parts.status.as_u16(), header("content-type"), &body);
        if let Some(length) = header("content-length") {
            assert_eq!(length, body.len().to_string(), "{method} {path}");
        }
        Response::from_parts(parts, body)
    }

    /// Calls with a JSON body, or an empty one for `Value::Null`; gives the status and the JSON of the answer.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).body(Full::from(body)).unwrap();
        let response = self.send(request).await;
        let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), json)
    }

    /// Calls and expects this status.
    pub(crate) async fn expect(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let (got, json) = self.call(method, path, body).await;
        assert_eq!(got, status, "{method} {path}: {json}");
        json
    }

    /// Gets and expects 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.expect(200, "GET", path, Value::Null).await
    }
}
