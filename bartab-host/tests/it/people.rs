//! What identity decides of people and bots, as chat has it: bots are known as such, and whoever is sent away is gone at
//! once, also from where they waited.

use std::time::{Duration, Instant};

use bartab_auth::NewAccount;
use bartab_core::TenantRole;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, config, eventually, read};

const PREFIX: &str = "/t/acme";

impl Server {
    /// A bot of whoever holds the token: its id, its account and an access token.
    async fn bot(&self, token: &str) -> (String, String, String) {
        let made = self.post_as(token, &format!("{PREFIX}/v1/bots"), &json!({"name": "Weather"})).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        let [client, secret] = [text("client_id"), text("client_secret")];
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        let request = self.request(Method::POST, &format!("{PREFIX}/v1/oauth2/token")).body(form);
        let granted = read(request.header("content-type", "application/x-www-form-urlencoded")).await;
        assert_eq!(granted.status, 200, "{granted:?}");
        (text("bot_id"), text("user_id"), granted.json()["access_token"].as_str().unwrap().to_owned())
    }

    /// The owner of the tenant, signed in.
    pub(crate) async fn owner(&self) -> String {
        let tenant = self.running.host().tenant("acme").await.unwrap();
        let new =
            NewAccount { username: "root", password: None, display_name: None, role: TenantRole::Owner, reason: None };
        let owner = tenant.auth().create_account(new).await.unwrap();
        tenant.auth().sign_in(owner.user_id, None).await.unwrap().access_token
    }
}

#[tokio::test]
async fn what_a_bot_says_is_marked_as_a_bot_s() {
    let server = Server::acme(config()).await;
    let alice = server.register(PREFIX, "alice").await;
    let (_, user_id, bot) = server.bot(&alice).await;
    let room = json!({"name": "Rain", "kind": "channel", "visibility": "public", "history": "all"});
    let room = server.post_as(&alice, &format!("{PREFIX}/v1/rooms"), &room).await.json();
    let room = format!("{PREFIX}/v1/rooms/{}", room["room_id"].as_str().unwrap());
    assert_eq!(server.post_as(&bot, &format!("{room}/join"), &json!({})).await.status, 201);
    let said = server.post_as(&bot, &format!("{room}/messages"), &json!({"text": "It rains"})).await;
    assert_eq!((said.status.as_u16(), &said.json()["bot"]), (201, &json!(true)));
    assert_eq!(server.post_as(&alice, &format!("{room}/messages"), &json!({"text": "Oh"})).await.status, 201);
    let page = server.get_as(&alice, &format!("{room}/messages")).await.json();
    let marks: Vec<(&Value, Option<&Value>)> =
        page["items"].as_array().unwrap().iter().map(|item| (&item["text"], item.get("bot"))).collect();
    assert_eq!(marks, [(&json!("Oh"), None), (&json!("It rains"), Some(&json!(true)))]);
    assert_eq!(page["users"][&user_id]["display_name"], "Weather");
}

#[tokio::test]
async fn who_is_sent_away_waits_no_more() {
    let server = Server::acme(config()).await;
    let owner = server.owner().await;
    let [alice, bob] = [server.register(PREFIX, "alice").await, server.register(PREFIX, "bob").await];
    let (bot_id, _, bot) = server.bot(&bob).await;
    let me = server.get_as(&alice, &format!("{PREFIX}/v1/me")).await.json();
    let alice_s = format!("{PREFIX}/v1/admin/users/{}", me["user_id"].as_str().unwrap());
    // Everybody is known before anybody waits, so that nobody is woken by a newcomer.
    for token in [&owner, &alice, &bob, &bot] {
        assert_eq!(server.get_as(token, &format!("{PREFIX}/v1/sync")).await.status, 200);
    }
    let began = Instant::now();
    let polls = [server.waiting_poll(PREFIX, &alice).await, server.waiting_poll(PREFIX, &bot).await];
    let kept = server.waiting_poll(PREFIX, &bob).await;
    eventually("three wait", async || server.waiting("acme").await == 3).await;

    let suspended = server.post_as(&owner, &format!("{alice_s}/suspend"), &json!({"reason": "spam"})).await;
    assert_eq!(suspended.status, 200, "{suspended:?}");
    let deleted = server.request(Method::DELETE, &format!("{PREFIX}/v1/bots/{bot_id}")).bearer_auth(&bob);
    assert_eq!(read(deleted).await.status, 204);
    for poll in polls {
        assert_eq!(poll.await.unwrap().status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(30), "the polls ended by themselves");
    for token in [&alice, &bot] {
        server.get_as(token, &format!("{PREFIX}/v1/rooms")).await.is_problem(401, "auth.invalid_token");
    }
    // Whoever stays is told by an event, never sent away with nothing.
    let told = kept.await.unwrap().json();
    assert!(told["events"][0]["type"] == "user.updated", "{told}");
    let trail = server.get_as(&owner, &format!("{PREFIX}/v1/admin/audit?action=account.suspended")).await.json();
    assert_eq!(trail["items"][0]["reason"], "spam");
}
