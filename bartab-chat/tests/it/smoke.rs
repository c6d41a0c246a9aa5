//! One conversation from the first room to the last edit.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_conversation_reaches_everyone_and_the_history() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.expect(201, "POST", "/v1/rooms", json!({"name": "kitchen", "visibility": "public"})).await;
    let room = room["room_id"].as_str().unwrap().to_owned();
    let snapshot = bob.get("/v1/sync").await;
    assert_eq!(snapshot["snapshot"]["rooms"], json!([]));
    bob.expect(201, "POST", &format!("/v1/rooms/{room}/join"), Value::Null).await;
    let since = snapshot["next"].as_str().unwrap().to_owned();
    let joined = bob.get(&format!("/v1/sync?since={since}&timeout=0")).await;
    assert_eq!(joined["rooms"][0]["room_id"], json!(room));
    assert_eq!(joined["events"][0]["type"], "member.joined");

    let since = joined["next"].as_str().unwrap().to_owned();
    let waiting = {
        let bob = bob.clone();
        tokio::spawn(async move { bob.get(&format!("/v1/sync?since={since}")).await })
    };
    while world.chat.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let messages = format!("/v1/rooms/{room}/messages");
    let posted = ann.expect(201, "POST", &messages, json!({"text": "tea?", "nonce": "n1"})).await;
    assert_eq!(posted["nonce"], "n1");
    let seen = waiting.await.unwrap();
    assert_eq!(seen["events"], json!([posted]));

    let id = posted["event_id"].as_str().unwrap();
    let emoji = "%F0%9F%91%8D";
    bob.expect(200, "PUT", &format!("{messages}/{id}/reactions/{emoji}"), Value::Null).await;
    ann.expect(200, "PATCH", &format!("{messages}/{id}"), json!({"text": "coffee?"})).await;
    let page = bob.get(&messages).await;
    assert_eq!(page["items"][0]["text"], "coffee?");
    assert_eq!(page["items"][0]["reactions"], json!([{"emoji": "\u{1f44d}", "count": 1, "me": true}]));
    ann.expect(200, "DELETE", &format!("{messages}/{id}"), Value::Null).await;
    let gone = bob.get(&format!("{messages}/{id}")).await;
    assert_eq!((gone["deleted"].clone(), gone["text"].clone()), (json!(true), json!("")));
    assert!(
        !serde_json::to_string(&bob.get(&format!("/v1/sync?since={}", snapshot["next"].as_str().unwrap())).await)
            .unwrap()
            .contains("tea")
    );
}
