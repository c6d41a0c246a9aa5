//! Rooms: making, reading, listing, changing, joining, leaving.

use bartab_core::TenantRole;
use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_room_is_as_its_maker_said() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let draft = json!({
        "name": "kitchen", "kind": "channel", "visibility": "private", "history": "joined",
        "topic": "tea", "members": [bob.id(), bob.id(), ann.id()],
    });
    let made = ann.expect(201, "POST", "/v1/rooms", draft).await;
    let path = format!("/v1/rooms/{}", made["room_id"].as_str().unwrap());
    let expected = json!({
        "name": "kitchen", "topic": "tea", "kind": "channel", "visibility": "private", "history": "joined",
        "member_count": 1, "membership": "joined", "role": "owner", "last_number": 0, "read_number": 0, "unread": 0,
        "mentions": 0, "group_id": null, "limits": null, "created_at": "2023-11-14T22:13:20.000Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!(ann.get(&path).await, made, "the answer to the maker is the room as it is read");
    let invited = bob.get(&path).await;
    assert_eq!((&invited["membership"], &invited["role"]), (&json!("invited"), &Value::Null));
    let types: Vec<String> = world.records().await.iter().map(|it| it.envelope.event_type.to_string()).collect();
    assert_eq!(types, ["user.created", "user.created", "room.created", "member.joined", "member.invited"]);
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.expect(201, "POST", "/v1/rooms", json!({"name": "x"})).await;
    assert_eq!((&room["kind"], &room["visibility"]), (&json!("channel"), &json!("private")));
    assert_eq!((&room["history"], &room["topic"]), (&json!("all"), &Value::Null));
    let room = ann.expect(201, "POST", "/v1/rooms", json!({"name": "y", "topic": ""})).await;
    assert_eq!(room["topic"], Value::Null, "an empty topic is none");
}

#[tokio::test]
async fn a_room_that_cannot_be_is_refused_with_the_field() {
    let world = World::new().await;
    let ann = world.person("ann");
    let bob = world.person("bob");
    let long = "x".repeat(101);
    let wide = "\u{1f600}".repeat(100);
    let many: Vec<_> = (0..101).map(|_| bob.id()).collect();
    for (draft, field) in [
        (json!({}), ("/name", "too_short")),
        (json!({"name": "  "}), ("/name", "too_short")),
        (json!({"name": long}), ("/name", "too_long")),
        (json!({"name": "a\nb"}), ("/name", "invalid")),
        (json!({"name": "a\u{0}b"}), ("/name", "invalid")),
        (json!({"name": 7}), ("/name", "invalid")),
        (json!({"name": "x", "topic": "y".repeat(1001)}), ("/topic", "too_long")),
        (json!({"name": "x", "kind": "castle"}), ("/kind", "invalid")),
        (json!({"name": "x", "kind": "ephemeral"}), ("/kind", "unsupported")),
        (json!({"name": "x", "kind": "discussion"}), ("/kind", "unsupported")),
        (json!({"name": "x", "visibility": "secret"}), ("/visibility", "invalid")),
        (json!({"name": "x", "history": "none"}), ("/history", "invalid")),
        (json!({"name": "x", "members": many}), ("/members", "too_long")),
        (json!({"name": "x", "members": ["room_01j9z3k4m5n6p7q8r9s0t1v2w3"]}), ("/members/0", "invalid")),
        (json!({"name": "x", "colour": "red"}), ("/colour", "unknown_field")),
    ] {
        let reply = ann.refused(400, "request.invalid", "POST", "/v1/rooms", draft.clone()).await;
        assert_eq!(reply.field(), field, "{draft}");
    }
    assert_eq!(world.chat.head(), 0, "nothing was written");
    ann.expect(201, "POST", "/v1/rooms", json!({"name": wide})).await;
    ann.refused(404, "user.not_found", "POST", "/v1/rooms", json!({"name": "x", "members": [bob.id()]})).await;
}

#[tokio::test]
async fn a_direct_conversation_has_its_two_people_from_the_start() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    bob.arrive().await;
    cat.arrive().await;
    for draft in [
        json!({"kind": "direct"}),
        json!({"kind": "direct", "members": [ann.id()]}),
        json!({"kind": "direct", "members": [bob.id(), cat.id()]}),
        json!({"kind": "direct", "members": [bob.id()], "visibility": "public"}),
    ] {
        ann.refused(400, "room.direct_is_for_two", "POST", "/v1/rooms", draft).await;
    }
    let room = ann.room(json!({"kind": "direct", "members": [bob.id(), bob.id()]})).await;
    let path = format!("/v1/rooms/{room}");
    assert_eq!(bob.get(&path).await["role"], "owner");
    assert_eq!(bob.get(&path).await["member_count"], 2);
    bob.say(&room, "hello").await;
    let public = json!({"visibility": "public"});
    ann.refused(400, "room.direct_is_for_two", "PATCH", &path, public).await;
    let cat_in = format!("{path}/members/{}", cat.id());
    ann.refused(400, "room.direct_is_for_two", "PUT", &cat_in, json!({"membership": "invited"})).await;
    // A guest is here for one room alone.
    let guest = world.guest("guest", &room);
    guest.arrive().await;
    let draft = json!({"kind": "direct", "members": [guest.id()]});
    ann.refused(403, "actor.kind_not_allowed", "POST", "/v1/rooms", draft).await;
}

#[tokio::test]
async fn changing_a_room_is_the_owners() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let path = format!("/v1/rooms/{room}");
    bob.refused(403, "room.not_member", "PATCH", &path, json!({"name": "mine"})).await;
    bob.join(&room).await;
    bob.refused(403, "room.role_too_low", "PATCH", &path, json!({"name": "mine"})).await;
    let event = ann.expect(200, "PATCH", &path, json!({"name": "pantry", "topic": "jam"})).await;
    assert_eq!(event["content"], json!({"name": "pantry", "topic": "jam"}));
    let read = bob.get(&path).await;
    assert_eq!((&read["name"], &read["topic"]), (&json!("pantry"), &json!("jam")));
    ann.expect(200, "PATCH", &path, json!({"topic": ""})).await;
    assert_eq!(bob.get(&path).await["topic"], Value::Null);
    let before = world.chat.head();
    assert_eq!(ann.expect(200, "PATCH", &path, json!({})).await, json!({}));
    assert_eq!(ann.expect(200, "PATCH", &path, json!({"visibility": "public", "history": "all"})).await, json!({}));
    assert_eq!(world.chat.head(), before, "what changes nothing appends nothing");
    for (body, field) in [(json!({"name": ""}), "/name"), (json!({"kind": "direct"}), "/kind")] {
        assert_eq!(ann.refused(400, "request.invalid", "PATCH", &path, body).await.field().0, field);
    }
    // An administrator of the tenant decides on public rooms, without being in them.
    let admin = world.official("admin", TenantRole::Administrator);
    admin.expect(200, "PATCH", &path, json!({"visibility": "private"})).await;
    admin.refused(404, "room.not_found", "PATCH", &path, json!({"visibility": "public"})).await;
}

#[tokio::test]
async fn joining_and_leaving() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let (join, leave) = (format!("/v1/rooms/{room}/join"), format!("/v1/rooms/{room}/leave"));
    assert_eq!(bob.expect(200, "POST", &leave, Value::Null).await, json!({}), "one who is not in it cannot leave");
    let event = bob.expect(201, "POST", &join, json!({})).await;
    assert_eq!((&event["type"], &event["content"]["user_id"]), (&json!("member.joined"), &json!(bob.id())));
    assert_eq!(event["content"]["role"], "member");
    assert_eq!(bob.expect(200, "POST", &join, Value::Null).await, json!({}));
    assert_eq!(bob.expect(201, "POST", &leave, Value::Null).await["type"], "member.left");
    bob.refused(403, "room.not_member", "POST", &format!("/v1/rooms/{room}/messages"), json!({"text": "x"})).await;
    let reply = bob.refused(400, "request.invalid", "POST", &join, json!({"nick": "b"})).await;
    assert_eq!(reply.field(), ("/nick", "unknown_field"));

    let private = ann.room(json!({"name": "attic", "members": [bob.id()]})).await;
    let declined = bob.expect(201, "POST", &format!("/v1/rooms/{private}/leave"), Value::Null).await;
    assert_eq!(declined["type"], "member.left", "an invitation can be declined");
    bob.refused(404, "room.not_found", "POST", &format!("/v1/rooms/{private}/join"), Value::Null).await;
}

#[tokio::test]
async fn the_list_shows_what_one_may_see_page_by_page() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let mut seen = Vec::new();
    for index in 0..5 {
        // Rooms are listed in the order of their ids, which is that of their making.
        world.clock.advance(std::time::Duration::from_millis(1));
        let visibility = if index % 2 == 0 { "public" } else { "private" };
        let members = if index == 1 { json!([bob.id()]) } else { json!([]) };
        seen.push(ann.room(json!({"name": "x", "visibility": visibility, "members": members})).await);
    }
    bob.join(&seen[4]).await;
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|room| room["room_id"].as_str().unwrap().to_owned()).collect()
    };
    let listed = |indexes: &[usize]| -> Vec<String> { indexes.iter().map(|index| seen[*index].clone()).collect() };
    assert_eq!(ids(&ann.get("/v1/rooms").await), seen);
    assert_eq!(ids(&bob.get("/v1/rooms").await), listed(&[0, 1, 2, 4]));
    assert_eq!(ids(&bob.get("/v1/rooms?joined=true").await), listed(&[4]));
    assert_eq!(ids(&bob.get("/v1/rooms?joined=false").await), listed(&[0, 1, 2]));
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = bob.get(&format!("/v1/rooms?limit=2{cursor}")).await;
        pages.push(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(pages, [listed(&[0, 1]), listed(&[2, 4])]);
    let guest = world.guest("guest", &seen[0]);
    assert_eq!(guest.get("/v1/rooms").await["items"], json!([]), "public is not for guests");
}
