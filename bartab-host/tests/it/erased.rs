//! Who is erased with what they wrote has left it nowhere: in no answer to others, and in no file.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::json;

use crate::needles::{in_bytes, in_files, needle};
use crate::support::{Server, config, eventually, read};

const PREFIX: &str = "/t/acme";
/// What stays, because somebody else wrote it.
const KEPT: u64 = 9;

/// The marks in what others are shown: history, edits, a snapshot, and all events from the beginning on.
async fn shown(server: &Server, token: &str, room: &str, edited: &str, since: &str) -> HashSet<u64> {
    let mut next = since.to_owned();
    let mut found = HashSet::new();
    loop {
        let answer = server.get_as(token, &format!("{PREFIX}/v1/sync?since={next}&timeout=0")).await;
        found.extend(in_bytes(answer.text.as_bytes()));
        answer.json()["next"].as_str().unwrap().clone_into(&mut next);
        if answer.json()["more"] != true {
            break;
        }
    }
    for path in [
        format!("{PREFIX}/v1/sync"),
        format!("{room}/messages?limit=100"),
        format!("{room}/messages/{edited}"),
        format!("{room}/messages/{edited}/edits"),
        format!("{room}/members"),
    ] {
        found.extend(in_bytes(server.get_as(token, &path).await.text.as_bytes()));
    }
    found
}

/// Bob writes, and is erased by these requests, one after the other.
async fn erase(requests: &[bool]) {
    let server = Server::acme(config()).await;
    let (owner, alice) = (server.owner().await, server.register(PREFIX, "alice").await);
    let since = server.get_as(&alice, &format!("{PREFIX}/v1/sync")).await.json()["next"].as_str().unwrap().to_owned();
    let bob = server.register(PREFIX, "bob").await;
    let bob_id = server.get_as(&bob, &format!("{PREFIX}/v1/me")).await.json()["user_id"].as_str().unwrap().to_owned();
    let room = json!({"name": "Lobby", "kind": "channel", "visibility": "public", "history": "all"});
    let room = server.post_as(&alice, &format!("{PREFIX}/v1/rooms"), &room).await.json();
    let room = format!("{PREFIX}/v1/rooms/{}", room["room_id"].as_str().unwrap());
    assert_eq!(server.post_as(&bob, &format!("{room}/join"), &json!({})).await.status, 201);
    let mut edited = String::new();
    for mark in [1, 2, 3] {
        let said = server.post_as(&bob, &format!("{room}/messages"), &json!({"text": needle(mark)})).await;
        assert_eq!(said.status, 201, "{said:?}");
        said.json()["event_id"].as_str().unwrap().clone_into(&mut edited);
    }
    let edit = json!({"text": needle(4)}).to_string();
    let edit = server.request(Method::PATCH, &format!("{room}/messages/{edited}")).bearer_auth(&bob).body(edit);
    assert_eq!(read(edit).await.status, 200);
    let custom = json!({"type": "x.note", "content": {"note": needle(5)}});
    assert_eq!(server.post_as(&bob, &format!("{room}/events"), &custom).await.status, 201);
    let answer = json!({"text": needle(KEPT), "reply_to": edited});
    assert_eq!(server.post_as(&alice, &format!("{room}/messages"), &answer).await.status, 201);
    let all: HashSet<u64> = (1..=5).chain([KEPT]).collect();
    assert_eq!(shown(&server, &alice, &room, &edited, &since).await, all);
    assert_eq!(in_files(server.data()), all, "the search finds what is there");

    let path = format!("{PREFIX}/v1/admin/users/{bob_id}/erase");
    for messages in requests {
        let body = json!({"messages": messages, "reason": "asked to be forgotten"});
        let erased = server.post_as(&owner, &path, &body).await;
        assert_eq!((erased.status.as_u16(), &erased.json()["state"]), (200, &json!("erased")), "{erased:?}");
        // Their name goes first, and in every case.
        eventually("bob has left the room", async || {
            let members = server.get_as(&alice, &format!("{room}/members")).await.json();
            members["items"].as_array().unwrap().len() == 1
        })
        .await;
        if !messages {
            assert_eq!(shown(&server, &alice, &room, &edited, &since).await, all);
        }
    }
    let kept = HashSet::from([KEPT]);
    eventually("it is in no file", async || in_files(server.data()) == kept).await;
    assert_eq!(shown(&server, &alice, &room, &edited, &since).await, kept);
    let page = server.get_as(&alice, &format!("{room}/messages")).await.json();
    let nobody = json!({"display_name": "", "avatar": null, "kind": "person", "deleted": true});
    assert_eq!(page["users"][&bob_id], nobody);
    let server = server.killed(config()).await;
    assert_eq!(in_files(server.data()), kept);
}

#[tokio::test]
async fn what_they_wrote_is_gone_for_others_and_from_the_files() {
    erase(&[true]).await;
}

#[tokio::test]
async fn and_also_when_it_was_asked_for_later_and_again() {
    erase(&[false, true, true]).await;
}
