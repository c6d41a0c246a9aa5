//! Callers of the service.

use std::sync::Arc;

use bartab_chat::ChatService;
use bartab_core::{Actor, UserId};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::contract;

/// A caller of the service.
#[derive(Clone)]
pub(crate) struct Client {
    service: ChatService,
    pub(crate) actor: Option<Arc<Actor>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) bytes: Bytes,
}

impl Reply {
    /// The stable name of the problem.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// Where the first wrong field is, and its code.
    pub(crate) fn field(&self) -> (&str, &str) {
        let error = &self.json["errors"][0];
        (error["pointer"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())
    }
}

impl Client {
    pub(super) const fn new(service: ChatService, actor: Option<Arc<Actor>>) -> Self {
        Self { service, actor }
    }

    /// The same caller at another door.
    pub(crate) fn at(&self, service: &ChatService) -> Self {
        Self { service: service.clone(), actor: self.actor.clone() }
    }

    /// Who it is.
    pub(crate) fn id(&self) -> UserId {
        self.actor.as_ref().unwrap().user_id
    }

    /// The answer as it comes, its body not read.
    pub(crate) async fn open(&self, mut request: Request<Full<Bytes>>) -> Response<bartab_chat::Body> {
        if let Some(actor) = &self.actor {
            request.extensions_mut().insert(Arc::clone(actor));
        }
        self.service.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request as it is; what comes back must be as the OpenAPI document describes it.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let (parts, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap());
        contract::check_answer(&method, &path, parts.status.as_u16(), header("content-type"), &body);
        if let Some(length) = header("content-length") {
            assert_eq!(length, body.len().to_string(), "{method} {path}");
        }
        assert_eq!(header("cache-control"), Some("no-store"), "{method} {path}");
        Response::from_parts(parts, body)
    }

    /// Sends bytes with headers.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, bytes) = self.send(request.body(Full::from(body.into())).unwrap()).await.into_parts();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status.as_u16(), headers: parts.headers, json, bytes }
    }

    /// Calls with a JSON body, or an empty one for `Value::Null`.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.raw(method, path, &[], body).await
    }

    /// Calls with an idempotency key.
    pub(crate) async fn keyed(&self, key: &str, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.raw(method, path, &[("idempotency-key", key)], body).await
    }

    /// Calls and expects this status.
    pub(crate) async fn expect(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let reply = self.call(method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.json);
        reply.json
    }

    /// Calls and expects this problem.
    pub(crate) async fn refused(&self, status: u16, code: &str, method: &str, path: &str, body: Value) -> Reply {
        let reply = self.call(method, path, body).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{method} {path}: {}", reply.json);
        reply
    }

    /// Gets and expects 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.expect(200, "GET", path, Value::Null).await
    }

    /// Makes a room; gives its id.
    pub(crate) async fn room(&self, draft: Value) -> String {
        let room = self.expect(201, "POST", "/v1/rooms", draft).await;
        room["room_id"].as_str().unwrap().to_owned()
    }

    /// Makes a public room.
    pub(crate) async fn public_room(&self) -> String {
        self.room(json!({"name": "kitchen", "visibility": "public"})).await
    }

    /// Joins a room.
    pub(crate) async fn join(&self, room: &str) -> Value {
        self.expect(201, "POST", &format!("/v1/rooms/{room}/join"), Value::Null).await
    }

    /// Makes itself known.
    pub(crate) async fn arrive(&self) -> &Self {
        self.get("/v1/sync").await;
        self
    }

    /// Posts a message; gives the event.
    pub(crate) async fn say(&self, room: &str, text: &str) -> Value {
        self.expect(201, "POST", &format!("/v1/rooms/{room}/messages"), json!({"text": text})).await
    }

    /// Invites, bans, or changes the role of somebody.
    pub(crate) async fn set(&self, room: &str, who: &Self, change: Value) -> Value {
        self.expect(200, "PUT", &format!("/v1/rooms/{room}/members/{}", who.id()), change).await
    }

    /// Begins to follow, from now on.
    pub(crate) async fn reader(&self) -> Reader {
        let snapshot = self.get("/v1/sync").await;
        Reader { client: self.clone(), next: token(&snapshot), more: false }
    }
}

/// The token of an answer.
fn token(answer: &Value) -> String {
    answer["next"].as_str().unwrap().to_owned()
}

/// Somebody who follows by polls that do not wait.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) client: Client,
    pub(crate) next: String,
    /// Whether the last answer said that there is more.
    pub(crate) more: bool,
}

impl Reader {
    /// One answer; `query` is `""` or begins with `&`.
    pub(crate) async fn answer(&mut self, query: &str) -> Value {
        let answer = self.client.get(&format!("/v1/sync?since={}&timeout=0{query}", self.next)).await;
        self.next = token(&answer);
        self.more = answer["more"] == true;
        answer
    }

    /// The events of one answer.
    pub(crate) async fn events(&mut self, query: &str) -> Vec<Value> {
        self.answer(query).await["events"].as_array().unwrap().clone()
    }

    /// The types of the events of one answer.
    pub(crate) async fn types(&mut self) -> Vec<String> {
        types(&self.events("").await)
    }
}

/// The types of events.
fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}
