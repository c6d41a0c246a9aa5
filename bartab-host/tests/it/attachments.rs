//! A private file is read by its owner and by those who can read a message that carries it, and by nobody else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Server, config, read};

const BYTES: &str = "the identity paper";

/// A token of the server as it is now: its address, and so the issuer, is another one after a restart.
async fn sign_in(server: &Server, username: &str) -> String {
    let body = json!({"username": username, "password": "open-sesame"}).to_string();
    let answer = read(server.request(Method::POST, "/t/acme/v1/auth/login").body(body)).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn join(server: &Server, who: &str, room: &str) {
    let answer = server.post_as(who, &format!("/t/acme/v1/rooms/{room}/join"), &json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A room of this person.
async fn room(server: &Server, who: &str, draft: Value) -> String {
    let answer = server.post_as(who, "/t/acme/v1/rooms", &draft).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["room_id"].as_str().unwrap().to_owned()
}

async fn post(server: &Server, who: &str, room: &str, media: &str) -> Answer {
    let message = json!({"text": "", "attachments": [media]});
    server.post_as(who, &format!("/t/acme/v1/rooms/{room}/messages"), &message).await
}

#[tokio::test]
async fn a_private_file_opens_with_its_message_and_closes_with_it() {
    let server = Server::acme(config()).await;
    let [alice, bob, eve] = ["alice", "bob", "eve"].map(|name| server.register("/t/acme", name));
    let (alice, bob, eve) = (alice.await, bob.await, eve.await);
    let request = server.request(Method::POST, "/t/acme/v1/media?filename=paper.txt").bearer_auth(&alice).body(BYTES);
    let media = read(request).await.json();
    let (id, path) =
        (media["media_id"].as_str().unwrap(), format!("/t/acme/v1/media/{}", media["media_id"].as_str().unwrap()));
    server.get_as(&bob, &path).await.is_problem(404, "media.not_found");

    let bobs = server.get_as(&bob, "/t/acme/v1/me").await.json()["user_id"].clone();
    let private = room(&server, &alice, json!({"name": "two of us", "visibility": "private", "members": [bobs]})).await;
    join(&server, &bob, &private).await;
    // Who has not uploaded it cannot attach it, and is not told whether there is such a file.
    let open = room(&server, &eve, json!({"name": "hall", "visibility": "public"})).await;
    post(&server, &eve, &open, id).await.is_problem(403, "media.not_yours");
    post(&server, &bob, &private, id).await.is_problem(403, "media.not_yours");
    post(&server, &eve, &private, id).await.is_problem(404, "room.not_found");

    let said = post(&server, &alice, &private, id).await;
    assert_eq!(said.status, 201, "{said:?}");
    let said = said.json();
    let shown = json!([{"media_id": id, "filename": "paper.txt", "mime": media["mime"], "size": BYTES.len(), "width": null,
        "height": null, "blurhash": null}]);
    assert_eq!(said["content"]["attachments"], shown);
    let messages = format!("/t/acme/v1/rooms/{private}/messages");
    assert_eq!(server.get_as(&bob, &messages).await.json()["items"][0]["attachments"], shown);
    for who in [&alice, &bob] {
        let answer = server.get_as(who, &path).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, BYTES));
    }
    server.get_as(&eve, &path).await.is_problem(404, "media.not_found");
    server.get(&path).await.is_problem(401, "auth.required");

    // What was acknowledged is known after a kill, too, with nobody to tell media of it.
    let server = server.killed(config()).await;
    let (alice, bob) = (sign_in(&server, "alice").await, sign_in(&server, "bob").await);
    assert_eq!(server.get_as(&bob, &path).await.text, BYTES);
    let message = format!("{messages}/{}", said["event_id"].as_str().unwrap());
    assert_eq!(read(server.request(Method::DELETE, &message).bearer_auth(&alice)).await.status, 200);
    server.get_as(&bob, &path).await.is_problem(404, "media.not_found");
    assert_eq!(server.get_as(&alice, &path).await.text, BYTES, "it is still its owner's");
}

#[tokio::test]
async fn a_quarantined_or_deleted_file_is_attached_no_more() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let open = room(&server, &alice, json!({"name": "hall", "visibility": "public"})).await;
    let upload = async || {
        let request = server.request(Method::POST, "/t/acme/v1/media").bearer_auth(&alice).body(BYTES);
        read(request).await.json()["media_id"].as_str().unwrap().to_owned()
    };
    let (hidden, deleted) = (upload().await, upload().await);
    let answer =
        server.post_as(&alice, &format!("/t/acme/v1/media/{hidden}/quarantine"), &json!({"reason": "oops"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    post(&server, &alice, &open, &hidden).await.is_problem(410, "media.quarantined");
    let path = format!("/t/acme/v1/media/{deleted}");
    let answer = read(server.request(Method::DELETE, &path).bearer_auth(&alice)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    post(&server, &alice, &open, &deleted).await.is_problem(403, "media.not_yours");
}
