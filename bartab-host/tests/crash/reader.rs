//! Readers that follow by `/v1/sync` through every kill, and one that reads it all afterwards.

use std::sync::Arc;

use serde_json::Value;

use crate::client::Person;

/// An event as a reader got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) seq: u64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) sender: String,
    pub(crate) number: Option<u64>,
    /// None once it is erased.
    pub(crate) text: Option<String>,
}

impl Seen {
    fn new(event: &Value) -> Self {
        let text = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("no {name} in {event}")).to_owned();
        Self {
            seq: event["seq"].as_u64().unwrap(),
            event_id: text("event_id"),
            event_type: text("type"),
            sender: text("sender"),
            number: event["number"].as_u64(),
            text: event["content"]["text"].as_str().map(str::to_owned),
        }
    }
}

/// Follows the room until a message says `last`.
pub(crate) async fn follow(person: Person, room: Arc<str>, last: &'static str) -> Vec<Seen> {
    let mut since = person.get("/v1/sync").await["next"].as_str().unwrap().to_owned();
    let mut seen = Vec::new();
    loop {
        let poll = format!("/v1/sync?rooms={room}&timeout=25000&since={since}");
        since = take(&person.get(&poll).await, &mut seen);
        if seen.last().is_some_and(|event| event.text.as_deref() == Some(last)) {
            return seen;
        }
    }
}

/// Reads everything after `since`.
pub(crate) async fn read_all(person: &Person, room: &str, since: &str) -> Vec<Seen> {
    let mut since = since.to_owned();
    let mut seen = Vec::new();
    loop {
        let poll = format!("/v1/sync?rooms={room}&timeout=0&limit=1000&since={since}");
        let answer = person.get(&poll).await;
        since = take(&answer, &mut seen);
        if answer["more"] != true {
            return seen;
        }
    }
}

fn take(answer: &Value, seen: &mut Vec<Seen>) -> String {
    assert!(answer["reset"].is_null(), "a token of this history is taken for one of another: {answer}");
    for event in answer["events"].as_array().unwrap() {
        let event = Seen::new(event);
        let before = seen.last().map_or(0, |before| before.seq);
        assert!(event.seq > before, "{event:?} comes after {before}");
        seen.push(event);
    }
    answer["next"].as_str().unwrap().to_owned()
}
