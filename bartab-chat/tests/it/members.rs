//! Members: inviting, roles, kicking, banning; and the order of ranks.

use bartab_core::TenantRole;
use serde_json::{Value, json};

use crate::support::{Client, World};

async fn member_of(client: &Client, room: &str, who: &Client) -> Option<Value> {
    let page = client.get(&format!("/v1/rooms/{room}/members")).await;
    page["items"].as_array().unwrap().iter().find(|member| member["user_id"] == json!(who.id())).cloned()
}

#[tokio::test]
async fn an_invitation_opens_a_private_room() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    let room = ann.room(json!({"name": "attic"})).await;
    let member = |who: &Client| format!("/v1/rooms/{room}/members/{}", who.id());
    ann.refused(404, "user.not_found", "PUT", &member(&bob), json!({"membership": "invited"})).await;
    bob.arrive().await;
    cat.arrive().await;
    let event = ann.set(&room, &bob, json!({"membership": "invited", "reason": "tea"})).await;
    assert_eq!(event["type"], "member.invited");
    assert_eq!(event["content"], json!({"user_id": bob.id(), "role": "member", "reason": "tea"}));
    assert_eq!(ann.set(&room, &bob, json!({"membership": "invited"})).await, json!({}), "once is enough");
    bob.refused(403, "room.not_member", "PUT", &member(&cat), json!({"membership": "invited"})).await;
    bob.join(&room).await;
    assert_eq!(ann.set(&room, &bob, json!({"membership": "invited"})).await, json!({}));
    assert_eq!(bob.set(&room, &cat, json!({"membership": "invited"})).await["type"], "member.invited");
    assert_eq!(member_of(&ann, &room, &cat).await.unwrap()["membership"], "invited");
    // With a role to come with, it is the owner's to give.
    let body = json!({"membership": "invited", "role": "moderator"});
    bob.refused(403, "room.role_too_low", "PUT", &member(&cat), body.clone()).await;
    ann.expect(200, "DELETE", &member(&cat), Value::Null).await;
    ann.set(&room, &cat, body).await;
    assert_eq!(cat.join(&room).await["content"]["role"], "moderator");
}

#[tokio::test]
async fn ranks_are_kept() {
    let world = World::new().await;
    let names = ["ann", "bob", "cat", "dan"];
    let [ann, bob, cat, dan] = names.map(|name| world.person(name));
    let room = ann.public_room().await;
    for who in [&bob, &cat, &dan] {
        who.join(&room).await;
    }
    let member = |who: &Client| format!("/v1/rooms/{room}/members/{}", who.id());
    bob.refused(403, "room.role_too_low", "PUT", &member(&cat), json!({"role": "moderator"})).await;
    assert_eq!(ann.set(&room, &bob, json!({"role": "moderator"})).await["type"], "member.updated");
    assert_eq!(ann.set(&room, &bob, json!({"role": "moderator"})).await, json!({}));
    ann.set(&room, &cat, json!({"role": "moderator"})).await;
    bob.refused(403, "room.role_too_low", "PUT", &member(&dan), json!({"role": "moderator"})).await;
    bob.refused(403, "room.role_too_low", "DELETE", &member(&cat), Value::Null).await;
    bob.refused(403, "room.role_too_low", "PUT", &member(&ann), json!({"membership": "banned"})).await;
    bob.refused(403, "room.role_too_low", "PUT", &member(&bob), json!({"membership": "banned"})).await;
    let kicked = bob.expect(200, "DELETE", &format!("{}?reason=noise", member(&dan)), Value::Null).await;
    assert_eq!((&kicked["type"], &kicked["content"]["reason"]), (&json!("member.kicked"), &json!("noise")));
    bob.refused(404, "member.not_found", "DELETE", &member(&dan), Value::Null).await;
    dan.refused(403, "room.not_member", "DELETE", &member(&cat), Value::Null).await;
    // Who puts oneself out leaves.
    assert_eq!(cat.expect(200, "DELETE", &member(&cat), Value::Null).await["type"], "member.left");
    ann.refused(404, "member.not_found", "PUT", &member(&cat), json!({"role": "owner"})).await;
}

#[tokio::test]
async fn a_ban_keeps_out_until_it_is_lifted() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    cat.join(&room).await;
    assert_eq!(ann.set(&room, &bob, json!({"membership": "banned"})).await["type"], "member.banned");
    assert_eq!(ann.set(&room, &bob, json!({"membership": "banned"})).await, json!({}));
    assert!(member_of(&cat, &room, &bob).await.is_none(), "who is kept out is the moderators' business");
    assert_eq!(member_of(&ann, &room, &bob).await.unwrap()["membership"], "banned");
    bob.refused(404, "room.not_found", "POST", &format!("/v1/rooms/{room}/join"), Value::Null).await;
    let path = format!("/v1/rooms/{room}/members/{}", bob.id());
    cat.refused(409, "member.banned", "PUT", &path, json!({"membership": "invited"})).await;
    ann.refused(404, "member.not_found", "PUT", &path, json!({"role": "member"})).await;
    assert_eq!(ann.expect(200, "DELETE", &path, Value::Null).await["type"], "member.unbanned");
    assert_eq!(bob.join(&room).await["content"]["role"], "member");
}

#[tokio::test]
async fn moderators_of_the_tenant_keep_order_in_public_rooms() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let officer = world.official("officer", TenantRole::Moderator);
    officer.arrive().await;
    let room = ann.public_room().await;
    bob.join(&room).await;
    let said = bob.say(&room, "rude").await;
    let message = format!("/v1/rooms/{room}/messages/{}", said["event_id"].as_str().unwrap());
    officer.expect(200, "DELETE", &message, Value::Null).await;
    officer.expect(200, "DELETE", &format!("/v1/rooms/{room}/members/{}", bob.id()), Value::Null).await;
    officer.refused(403, "room.role_too_low", "PATCH", &format!("/v1/rooms/{room}"), json!({"name": "x"})).await;
    officer.refused(403, "room.not_member", "POST", &format!("/v1/rooms/{room}/messages"), json!({"text": "x"})).await;
    let private = ann.room(json!({"name": "attic"})).await;
    officer.refused(404, "room.not_found", "GET", &format!("/v1/rooms/{private}"), Value::Null).await;
}

#[tokio::test]
async fn a_change_of_a_member_says_what_it_wants() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let room = ann.public_room().await;
    let path = format!("/v1/rooms/{room}/members/{}", bob.id());
    for (body, pointer) in [
        (json!({}), ""),
        (json!({"membership": "banned", "role": "owner"}), "/role"),
        (json!({"membership": "joined"}), "/membership"),
        (json!({"role": "king"}), "/role"),
        (json!({"membership": "invited", "reason": "x".repeat(501)}), "/reason"),
        (json!({"membership": "invited", "until": 7}), "/until"),
    ] {
        let reply = ann.refused(400, "request.invalid", "PUT", &path, body.clone()).await;
        assert_eq!(reply.field().0, pointer, "{body}");
    }
    assert!(member_of(&ann, &room, &bob).await.is_none());
}

#[tokio::test]
async fn the_list_of_members_goes_on_page_by_page_with_profiles() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let mut everyone = vec![json!(ann.id())];
    for index in 0..6 {
        let who = world.person(&format!("p{index}"));
        who.join(&room).await;
        everyone.push(json!(who.id()));
    }
    everyone.sort_by_key(|id| id.as_str().unwrap().to_owned());
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ann.get(&format!("/v1/rooms/{room}/members?limit=3{cursor}")).await;
        for member in page["items"].as_array().unwrap() {
            let id = member["user_id"].as_str().unwrap();
            assert!(page["users"][id]["display_name"].is_string());
            seen.push(json!(id));
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, everyone);
}

#[tokio::test]
async fn a_room_says_what_one_may_do_there_and_why() {
    let world = World::new().await;
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| world.person(name));
    let mia = world.official("mia", TenantRole::Moderator);
    let room = ann.public_room().await;
    bob.join(&room).await;
    let path = format!("/v1/rooms/{room}/permissions");
    let told = async |client: &Client, permission: &str| {
        let answer = client.get(&path).await;
        let all = answer["permissions"].as_array().unwrap();
        let one = all.iter().find(|one| one["permission"] == permission).unwrap();
        (answer["role"].clone(), one["allowed"].as_bool().unwrap(), one["why"].as_str().unwrap().to_owned())
    };
    let is = |role: Value, allowed: bool, why: &str| (role, allowed, why.to_owned());
    assert_eq!(told(&ann, "room.update").await, is(json!("owner"), true, "role"));
    assert_eq!(told(&bob, "room.update").await, is(json!("member"), false, "role"));
    assert_eq!(told(&bob, "messages.send").await, is(json!("member"), true, "membership"));
    assert_eq!(told(&cat, "messages.send").await, is(Value::Null, false, "membership"));
    assert_eq!(told(&cat, "messages.read").await, is(Value::Null, true, "visibility"));
    assert_eq!(told(&cat, "room.join").await, is(Value::Null, true, "visibility"));
    assert_eq!(told(&mia, "members.ban").await, is(json!("moderator"), true, "tenant_role"));
    let answer = ann.get(&path).await;
    assert_eq!((&answer["room_id"], &answer["membership"]), (&json!(room), &json!("joined")));
    assert_eq!(answer["permissions"][9]["needs"], json!({"scope": "rooms:manage", "role": "owner"}));
    // A room that is not there for somebody says nothing.
    let hidden = ann.room(json!({"name": "attic"})).await;
    let hidden = format!("/v1/rooms/{hidden}/permissions");
    cat.refused(404, "room.not_found", "GET", &hidden, Value::Null).await;
}
