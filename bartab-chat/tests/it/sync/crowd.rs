//! Many at once on several threads: whoever follows gets every message once and in order, wherever it began.

use serde_json::{Value, json};

use crate::support::{Client, World};

const SPEAKERS: u64 = 4;
const EACH: u64 = 40;

/// Follows from a snapshot until the last number.
async fn follow(client: Client, room: String, begin_late: bool) {
    if begin_late {
        while client.get(&format!("/v1/rooms/{room}")).await["last_number"].as_u64().unwrap() < 20 {
            tokio::task::yield_now().await;
        }
    }
    let snapshot = client.get("/v1/sync").await;
    let room = &snapshot["snapshot"]["rooms"][0];
    let timeline = room["timeline"].as_array().unwrap();
    let mut last = timeline.last().map_or(0, |message| message["number"].as_u64().unwrap());
    assert_eq!(room["last_number"].as_u64(), Some(last), "the room and its timeline are of one moment");
    let mut next = snapshot["next"].as_str().unwrap().to_owned();
    while last < SPEAKERS * EACH {
        let answer = client.get(&format!("/v1/sync?since={next}&limit=7")).await;
        for event in answer["events"].as_array().unwrap() {
            if let Some(number) = event["number"].as_u64() {
                last += 1;
                assert_eq!(number, last, "a message is missing or came twice");
            }
        }
        next = answer["next"].as_str().unwrap().to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_in_a_crowd() {
    for recent_events in [5, 4_096] {
        let world = World::with(bartab_chat::Config { recent_events, ..bartab_chat::Config::default() }).await;
        let ann = world.person("ann");
        let room = ann.public_room().await;
        let mut tasks = Vec::new();
        for index in 0..6 {
            let reader = world.person(&format!("r{index}"));
            reader.join(&room).await;
            tasks.push(tokio::spawn(follow(reader, room.clone(), index % 2 == 1)));
        }
        for speaker in 0..SPEAKERS {
            let who = world.person(&format!("s{speaker}"));
            who.join(&room).await;
            let messages = format!("/v1/rooms/{room}/messages");
            tasks.push(tokio::spawn(async move {
                for index in 0..EACH {
                    let key = format!("{index}");
                    let said = who.keyed(&key, "POST", &messages, json!({"text": "x"})).await;
                    assert_eq!(said.status, 201);
                    if index % 8 == 0 {
                        let path = format!("{messages}/{}", said.json["event_id"].as_str().unwrap());
                        who.expect(200, "DELETE", &path, Value::Null).await;
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        bartab_core::store::verify_log(&*world.stores.log).await.unwrap();
    }
}
