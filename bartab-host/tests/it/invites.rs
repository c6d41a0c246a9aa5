//! Who comes by an invite is in its rooms, without having asked for any.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, config, eventually, read};

const PREFIX: &str = "/t/acme";

async fn room(server: &Server, token: &str, name: &str, visibility: &str) -> String {
    let room = json!({"name": name, "kind": "channel", "visibility": visibility, "history": "all"});
    let made = server.post_as(token, &format!("{PREFIX}/v1/rooms"), &room).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["room_id"].as_str().unwrap().to_owned()
}

/// The rooms that the holder of the token has joined, by name.
async fn joined(server: &Server, token: &str) -> Vec<String> {
    let rooms = server.get_as(token, &format!("{PREFIX}/v1/rooms?joined=true")).await.json();
    let name = |room: &Value| room["name"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = rooms["items"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn rooms_of_an_invite_are_joined_as_far_as_the_inviter_reaches() {
    let server = Server::acme(config()).await;
    let (owner, bob) = (server.owner().await, server.register(PREFIX, "bob").await);
    let lobby = room(&server, &bob, "lobby", "public").await;
    let own = room(&server, &owner, "own", "private").await;
    let left = room(&server, &owner, "left", "private").await;
    let foreign = room(&server, &bob, "foreign", "private").await;
    let gone = "room_00000000000000000000000001";
    let rooms = json!({"rooms": [lobby, own, left, foreign, gone], "max_uses": 1});
    let invite = server.post_as(&owner, &format!("{PREFIX}/v1/invites"), &rooms).await;
    assert_eq!(invite.status, 201, "{invite:?}");
    // The inviter is a member no more when somebody comes.
    let leave = server.post_as(&owner, &format!("{PREFIX}/v1/rooms/{left}/leave"), &json!({})).await;
    assert_eq!(leave.status, 201, "{leave:?}");

    let code = invite.json()["code"].clone();
    let carol = json!({"username": "carol", "password": "open-sesame", "invite": code}).to_string();
    let come = read(server.request(Method::POST, &format!("{PREFIX}/v1/auth/register")).body(carol)).await;
    assert_eq!(come.status, 201, "{come:?}");
    let carol = come.json()["access_token"].as_str().unwrap().to_owned();
    eventually("carol is in the rooms", async || joined(&server, &carol).await.len() == 2).await;
    assert_eq!(joined(&server, &carol).await, ["lobby", "own"]);
    for room in [&left, &foreign] {
        let hidden = server.get_as(&carol, &format!("{PREFIX}/v1/rooms/{room}")).await;
        hidden.is_problem(404, "room.not_found");
    }
    // They are members like others: others see them, and they can speak.
    let members = server.get_as(&owner, &format!("{PREFIX}/v1/rooms/{own}/members")).await.json();
    assert!(members["users"].to_string().contains("carol"), "{members}");
    let path = format!("{PREFIX}/v1/rooms/{own}/messages");
    assert_eq!(server.post_as(&carol, &path, &json!({"text": "Hello"})).await.status, 201);
}
