//! Somebody who posts, edits and deletes as fast as the server answers, and remembers every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bartab_core::SeededRandom;
use serde_json::{Value, json};

use crate::client::Person;
use crate::needles::needle;

/// Everything that one sender did.
pub(crate) struct Sent {
    pub(crate) user_id: String,
    pub(crate) messages: Vec<Message>,
    /// Requests that were sent again.
    pub(crate) retried: u64,
}

/// A message that was acknowledged.
pub(crate) struct Message {
    pub(crate) key: String,
    pub(crate) event_id: String,
    pub(crate) seq: u64,
    pub(crate) number: u64,
    /// What it reads now.
    pub(crate) text: String,
    /// What its text and its edits hold, to be found in files.
    pub(crate) marks: Vec<u64>,
    pub(crate) deleted: bool,
}

/// Goes on until `stop`.
pub(crate) async fn send(person: Person, room: Arc<str>, random: SeededRandom, stop: Arc<AtomicBool>) -> Sent {
    let mut sent = Sent { user_id: person.user_id.clone(), messages: Vec::new(), retried: 0 };
    let path = format!("/v1/rooms/{room}/messages");
    while !stop.load(Ordering::Relaxed) {
        let key = format!("message-{}", sent.messages.len());
        // Short ones mostly, and some that take pages of the file.
        let length = if random.below(10) == 0 { 4_000 } else { 20 };
        let mark = random.next_u64();
        let text = format!("{key} {} {}", needle(mark), ".".repeat(length));
        let answer = person.patiently("POST", &path, Some(&key), &json!({"text": text})).await;
        sent.retried += u64::from(answer.retries > 0);
        let event = answer.expect(201);
        assert_eq!(event["content"]["text"], text, "{event}");
        let message = Message {
            key,
            event_id: event["event_id"].as_str().unwrap().to_owned(),
            seq: event["seq"].as_u64().unwrap(),
            number: event["number"].as_u64().unwrap(),
            text,
            marks: vec![mark],
            deleted: false,
        };
        sent.messages.push(message);
        match random.below(12) {
            0 => edit(&person, &path, &random, &mut sent).await,
            1 => delete(&person, &path, &random, &mut sent).await,
            2 => repeat(&person, &path, &random, &mut sent).await,
            _ => {}
        }
    }
    sent
}

fn choose<'a>(random: &SeededRandom, sent: &'a mut Sent) -> &'a mut Message {
    let index = random.below(sent.messages.len() as u64);
    &mut sent.messages[index as usize]
}

async fn edit(person: &Person, path: &str, random: &SeededRandom, sent: &mut Sent) {
    let message = choose(random, sent);
    if message.deleted {
        return;
    }
    let mark = random.next_u64();
    let text = format!("{} edited {}", message.key, needle(mark));
    let path = format!("{path}/{}", message.event_id);
    let event = person.patiently("PATCH", &path, None, &json!({"text": text})).await.expect(200);
    // The same text again, after an edit whose answer was lost, changes nothing.
    assert!(event == json!({}) || event["content"]["text"] == text, "{event}");
    message.text = text;
    message.marks.push(mark);
}

async fn delete(person: &Person, path: &str, random: &SeededRandom, sent: &mut Sent) {
    let message = choose(random, sent);
    if message.deleted {
        return;
    }
    let answer = person.patiently("DELETE", &format!("{path}/{}", message.event_id), None, &Value::Null).await;
    // Deleted by the first request, whose answer was lost.
    let before = answer.retries > 0 && answer.status == 409 && answer.json["code"] == "message.deleted";
    assert!(answer.status == 200 || before, "{answer:?}");
    message.deleted = true;
}

/// Asks again for what was acknowledged before, perhaps by a process that is dead.
async fn repeat(person: &Person, path: &str, random: &SeededRandom, sent: &mut Sent) {
    let message = choose(random, sent);
    if message.deleted || message.text.contains("edited") {
        return;
    }
    let body = json!({"text": message.text});
    let event = person.patiently("POST", path, Some(&message.key), &body).await.expect(201);
    assert_eq!(event["event_id"], message.event_id, "a key was good for two messages");
}
