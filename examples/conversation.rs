//! A short conversation over HTTP between two people: what the embedding examples hold with themselves.

use std::error::Error;
use std::time::Duration;

use bartab_core::{Random as _, SystemRandom};
use reqwest::header::HeaderName;
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// What these programs end with.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Somebody who is signed in, as a client sees it: where the chat is, and the header that proves who asks.
#[derive(Clone)]
pub(crate) struct Person {
    http: Client,
    base: String,
    credential: (HeaderName, String),
}

impl Person {
    /// Somebody who proves who they are with this header.
    pub(crate) fn new(base: &str, header: HeaderName, value: String) -> Self {
        Self { http: Client::new(), base: base.to_owned(), credential: (header, value) }
    }

    /// Calls the API and gives the JSON of the answer; `Null` sends no body.
    async fn call(&self, method: Method, path: &str, body: Value) -> Outcome<Value> {
        let (name, value) = &self.credential;
        let mut request = self.http.request(method, format!("{}{path}", self.base)).header(name, value);
        if !body.is_null() {
            // With a key a client may send again whatever it got no answer to: it is written once.
            request = request.header("idempotency-key", Self::fresh_key()).json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let json: Value = answer.json().await?;
        if status.is_success() { Ok(json) } else { Err(format!("{path}: {status} {json}").into()) }
    }

    /// A key that no other request has.
    fn fresh_key() -> String {
        let mut bytes = [0; 16];
        SystemRandom.fill(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    }

    async fn get(&self, path: &str) -> Outcome<Value> {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Outcome<Value> {
        self.call(Method::POST, path, body).await
    }
}

/// Alice makes a room, Bob joins it and waits; she speaks, he hears it at once and answers; she reads it all.
///
/// # Errors
/// When anything is answered other than it should be.
pub(crate) async fn hold(alice: &Person, bob: &Person) -> Outcome<()> {
    let room = alice.post("/v1/rooms", json!({"name": "lobby", "visibility": "public"})).await?;
    let room = text(&room["room_id"])?;
    bob.post(&format!("/v1/rooms/{room}/join"), json!({})).await?;
    let messages = format!("/v1/rooms/{room}/messages");

    let snapshot = bob.get("/v1/sync").await?;
    let poll = format!("/v1/sync?types=message.created&timeout=10000&since={}", text(&snapshot["next"])?);
    let waiting = tokio::spawn({
        let bob = bob.clone();
        async move { bob.get(&poll).await }
    });
    // Bob's question is on its way; what he hears does not depend on which of the two comes first.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let said = alice.post(&messages, json!({"text": "Is anybody there?"})).await?;

    let heard = waiting.await??;
    let heard = &heard["events"][0];
    if heard["event_id"] != said["event_id"] || heard["content"]["text"] != "Is anybody there?" {
        return Err(format!("Bob heard {heard} instead of {said}").into());
    }
    println!("Bob hears: {}", heard["content"]["text"]);
    bob.post(&messages, json!({"text": "Always.", "reply_to": heard["event_id"]})).await?;

    let page = alice.get(&format!("{messages}?dir=f")).await?;
    let items = page["items"].as_array().ok_or("a page has items")?;
    for message in items {
        let name = &page["users"][text(&message["sender"])?]["display_name"];
        println!("{}. {}: {}", message["number"], text(name)?, message["text"]);
    }
    let texts: Vec<&Value> = items.iter().map(|message| &message["text"]).collect();
    if texts != ["Is anybody there?", "Always."] || items[1]["reply_to"] != said["event_id"] {
        return Err(format!("the history is {page}").into());
    }
    Ok(())
}

fn text(value: &Value) -> Outcome<&str> {
    value.as_str().ok_or_else(|| format!("{value} is no text").into())
}
