//! Chat knows of accounts what identity knows, without anybody's having used it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, config, read};

async fn me(server: &Server, token: &str) -> String {
    server.get_as(token, "/t/acme/v1/me").await.json()["user_id"].as_str().unwrap().to_owned()
}

/// The events after `next` until one of them is `wanted`.
async fn events_until(server: &Server, token: &str, next: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let (mut next, mut all) = (next.to_owned(), Vec::new());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        let path = format!("/t/acme/v1/sync?since={next}&timeout=2000");
        let answer = server.get_as(token, &path).await.json();
        answer["next"].as_str().unwrap().clone_into(&mut next);
        all.extend(answer["events"].as_array().unwrap().iter().cloned());
        if all.iter().any(&wanted) {
            return all;
        }
    }
    panic!("it never comes: {all:?}");
}

async fn next(server: &Server, token: &str) -> String {
    server.get_as(token, "/t/acme/v1/sync").await.json()["next"].as_str().unwrap().to_owned()
}

async fn rename(server: &Server, token: &str, name: &str) {
    let body = json!({"display_name": name}).to_string();
    let answer = read(server.request(Method::PATCH, "/t/acme/v1/me").bearer_auth(token).body(body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn somebody_who_has_just_registered_is_invited_and_seen() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let since = next(&server, &alice).await;
    // Bob never asks chat for anything.
    let bob = server.register("/t/acme", "bob").await;
    let bob_id = me(&server, &bob).await;
    let direct = json!({"name": "two", "kind": "direct", "visibility": "private", "members": [bob_id]});
    let answer = server.post_as(&alice, "/t/acme/v1/rooms", &direct).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    rename(&server, &bob, "Bob B.").await;
    let by_bob = |event: &Value| event["sender"] == bob_id.as_str();
    let renamed = |event: &Value| event["type"] == "user.updated" && by_bob(event);
    let events = events_until(&server, &alice, &since, renamed).await;
    let told: Vec<&Value> = events.iter().filter(|event| by_bob(event)).collect();
    assert_eq!((told.len(), &told[0]["type"]), (2, &json!("user.created")));
    assert_eq!(told[1]["content"], json!({"display_name": "Bob B.", "avatar": null, "kind": "person"}));
}

#[tokio::test]
async fn what_came_while_chat_was_not_looking_is_there_after_a_kill() {
    let server = Server::acme(config()).await;
    server.register("/t/acme", "alice").await;
    let bob = server.register("/t/acme", "bob").await;
    let bob_id = me(&server, &bob).await;
    let tenant = server.running.host().tenant("acme").await.unwrap();
    // Chat has stopped: the process is killed after identity has written, and before chat has.
    tenant.chat().close().await;
    rename(&server, &bob, "Bob B.").await;
    drop(tenant);
    let server = server.killed(config()).await;
    // Another port is another issuer.
    let body = json!({"username": "alice", "password": "open-sesame"}).to_string();
    let answer = read(server.request(Method::POST, "/t/acme/v1/auth/login").body(body)).await;
    let alice = answer.json()["access_token"].as_str().unwrap().to_owned();

    let attic = json!({"name": "attic", "kind": "channel", "visibility": "private", "members": [bob_id]});
    let room = server.post_as(&alice, "/t/acme/v1/rooms", &attic).await;
    assert_eq!(room.status, 201, "{room:?}");
    let path = format!("/t/acme/v1/rooms/{}/members", room.json()["room_id"].as_str().unwrap());
    let members = server.get_as(&alice, &path).await.json();
    assert_eq!(members["users"][&bob_id]["display_name"], "Bob B.");
}
