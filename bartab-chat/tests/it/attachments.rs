//! Messages carry files, those alone that media grants to their author.

use std::sync::Arc;

use bartab_chat::Config;
use bartab_core::{MediaId, TenantRole, UserId};
use serde_json::{Value, json};

use crate::support::{Client, Files, World, attachment, settle};

/// A world with files, and Ann's room in it, where Bob is.
struct Scene {
    world: World,
    files: Arc<Files>,
    ann: Client,
    bob: Client,
    room: String,
    messages: String,
}

impl Scene {
    async fn new() -> Self {
        Self::of(World::new().await).await
    }

    async fn of(world: World) -> Self {
        let files = Arc::new(Files::default());
        world.chat.use_media(files.clone());
        let (ann, bob) = (world.person("ann"), world.person("bob"));
        let room = ann.public_room().await;
        bob.join(&room).await;
        let messages = format!("/v1/rooms/{room}/messages");
        Self { world, files, ann, bob, room, messages }
    }

    /// Ann posts.
    async fn post(&self, text: &str, media: &[MediaId]) -> Value {
        self.ann.expect(201, "POST", &self.messages, json!({"text": text, "attachments": media})).await
    }

    fn path(&self, event: &Value) -> String {
        format!("{}/{}", self.messages, event["event_id"].as_str().unwrap())
    }
}

#[tokio::test]
async fn a_message_shows_what_it_carries_wherever_it_is_read() {
    let scene = Scene::new().await;
    let mut reader = scene.bob.reader().await;
    let (cat, bare) = (scene.files.upload(&scene.ann, "cat.png"), scene.files.upload_bare(&scene.ann));
    let said = scene.post("look", &[cat, bare]).await;
    let shown = json!([
        attachment(cat, "cat.png"),
        {"media_id": bare, "filename": null, "mime": "image/png", "size": 1_234, "width": null, "height": null,
         "blurhash": null},
    ]);
    assert_eq!(said["content"]["attachments"], shown);
    assert_eq!(reader.events("").await, std::slice::from_ref(&said));
    let bob = &scene.bob;
    assert_eq!(bob.get(&scene.path(&said)).await["attachments"], shown);
    // With and without a view beside the row.
    for _ in 0..2 {
        assert_eq!(bob.get(&scene.messages).await["items"][0]["attachments"], shown);
        assert_eq!(bob.get("/v1/sync").await["snapshot"]["rooms"][0]["timeline"][0]["attachments"], shown);
        bob.expect(200, "PUT", &format!("{}/reactions/%F0%9F%91%8D", scene.path(&said)), Value::Null).await;
    }
    // What is said without any has an empty list.
    assert_eq!(scene.ann.say(&scene.room, "plain").await["content"]["attachments"], json!([]));
    assert_eq!(scene.files.asked(), 1);
}

#[tokio::test]
async fn a_file_needs_no_text_and_nothing_at_all_is_no_message() {
    let scene = Scene::new().await;
    let cat = scene.files.upload(&scene.ann, "cat.png");
    let said = scene.post("", &[cat]).await;
    assert_eq!(said["content"]["text"], "");
    scene.post(" \n", &[cat]).await;
    for body in [json!({"text": ""}), json!({"text": " ", "attachments": []})] {
        let reply = scene.ann.call("POST", &scene.messages, body).await;
        assert_eq!((reply.status, reply.field()), (400, ("/text", "too_short")));
    }
    // An edit keeps the files, and may give them a text or take it away; a message without any keeps a text.
    for text in ["a cat", ""] {
        scene.ann.expect(200, "PATCH", &scene.path(&said), json!({"text": text})).await;
        let message = scene.bob.get(&scene.path(&said)).await;
        assert_eq!((&message["text"], &message["attachments"]), (&json!(text), &json!([attachment(cat, "cat.png")])));
    }
    let plain = scene.ann.say(&scene.room, "plain").await;
    let reply = scene.ann.call("PATCH", &scene.path(&plain), json!({"text": "\n"})).await;
    assert_eq!((reply.status, reply.code(), reply.field()), (400, "request.invalid", ("/text", "too_short")));
    assert_eq!(scene.ann.get(&scene.path(&plain)).await["text"], "plain");
}

#[tokio::test]
async fn lists_that_make_no_sense_are_refused_before_media_is_asked() {
    let scene = Scene::new().await;
    let ids: Vec<MediaId> = (0..11).map(|_| scene.files.upload(&scene.ann, "x")).collect();
    scene.post("ten", &ids[..10]).await;
    assert_eq!(scene.files.asked(), 1);
    let head = scene.world.chat.head();
    let user = UserId::from_u128(1);
    for (list, field) in [
        (json!(ids), ("/attachments", "too_long")),
        (json!([ids[0], ids[1], ids[0]]), ("/attachments", "duplicate")),
        (json!([ids[0], user]), ("/attachments/1", "invalid")),
        (json!(["media_x"]), ("/attachments/0", "invalid")),
        (json!([{"media_id": ids[0]}]), ("/attachments/0", "invalid")),
        (json!("media"), ("/attachments", "invalid")),
        (Value::Null, ("/attachments", "invalid")),
    ] {
        let reply = scene.ann.call("POST", &scene.messages, json!({"text": "x", "attachments": list})).await;
        assert_eq!((reply.status, reply.field()), (400, field), "{list}");
    }
    let edit = json!({"text": "x", "attachments": []});
    let said = scene.ann.get(&scene.messages).await["items"][0].clone();
    let reply = scene.ann.call("PATCH", &scene.path(&said), edit).await;
    assert_eq!(reply.field(), ("/attachments", "unknown_field"), "files are not exchanged");
    assert_eq!((scene.files.asked(), scene.world.chat.head()), (1, head));
}

#[tokio::test]
async fn only_the_uploader_and_administrators_attach_a_file() {
    let scene = Scene::new().await;
    let (own, other) = (scene.files.upload(&scene.bob, "own"), scene.files.upload(&scene.ann, "other"));
    let unknown = MediaId::from_u128(99);
    let head = scene.world.chat.head();
    let ask = |ids: Value| scene.bob.call("POST", &scene.messages, json!({"text": "x", "attachments": ids}));
    let (theirs, nobodys) = (ask(json!([own, other])).await, ask(json!([own, unknown])).await);
    assert_eq!((theirs.status, theirs.code()), (403, "media.not_yours"));
    assert_eq!(theirs.json, nobodys.json, "nobody learns which files there are");
    scene.files.quarantine(own);
    let reply = ask(json!([own])).await;
    assert_eq!((reply.status, reply.code()), (410, "media.quarantined"));
    assert_eq!(scene.world.chat.head(), head);
    let boss = scene.world.official("boss", TenantRole::Administrator);
    boss.join(&scene.room).await;
    boss.expect(201, "POST", &scene.messages, json!({"text": "x", "attachments": [other]})).await;
}

#[tokio::test]
async fn who_may_not_post_learns_nothing_of_files() {
    let scene = Scene::new().await;
    let private = scene.ann.room(json!({"name": "cellar"})).await;
    let cat = scene.files.upload(&scene.bob, "cat.png");
    let body = json!({"text": "x", "attachments": [cat]});
    let cellar = format!("/v1/rooms/{private}/messages");
    scene.bob.refused(404, "room.not_found", "POST", &cellar, body.clone()).await;
    let eve = scene.world.person("eve");
    eve.refused(403, "room.not_member", "POST", &scene.messages, body.clone()).await;
    let reader = scene.world.limited("bob", "chat:read");
    reader.refused(403, "auth.insufficient_scope", "POST", &scene.messages, body.clone()).await;
    scene.world.stranger().refused(401, "auth.required", "POST", &scene.messages, body.clone()).await;
    assert_eq!(scene.files.asked(), 0);
    // So do those who are in a chat that has no files at all.
    let bare = World::new().await;
    let ann = bare.person("ann");
    let messages = format!("/v1/rooms/{}/messages", ann.public_room().await);
    ann.refused(501, "media.unsupported", "POST", &messages, body.clone()).await;
    bare.person("eve").refused(403, "room.not_member", "POST", &messages, body).await;
}

#[tokio::test]
async fn a_key_gives_the_first_answer_whatever_became_of_the_files() {
    let scene = Scene::new().await;
    let (cat, dog) = (scene.files.upload(&scene.ann, "cat.png"), scene.files.upload(&scene.ann, "dog.png"));
    let body = |media| json!({"text": "x", "attachments": [media]});
    let first = scene.ann.keyed("k", "POST", &scene.messages, body(cat)).await;
    scene.files.quarantine(cat);
    let head = scene.world.chat.head();
    let again = async || {
        let reply = scene.ann.keyed("k", "POST", &scene.messages, body(cat)).await;
        assert_eq!((reply.status, &reply.json), (201, &first.json));
    };
    again().await;
    scene.files.delete(cat);
    again().await;
    scene.files.stall();
    again().await;
    assert_eq!(scene.files.asked(), 1, "the log has the answer");
    let reply = scene.ann.keyed("k", "POST", &scene.messages, body(dog)).await;
    assert_eq!((reply.status, reply.code()), (422, "idempotency.mismatch"));
    // Also to somebody who has left since.
    scene.ann.expect(201, "POST", &format!("/v1/rooms/{}/leave", scene.room), Value::Null).await;
    again().await;
    assert_eq!(scene.world.chat.head(), head + 1);
}

#[tokio::test]
async fn a_duplicate_in_flight_waits_for_the_first_also_when_it_would_be_refused() {
    let (world, log) = World::faulty(Config::default()).await;
    let scene = Scene::of(world).await;
    let cat = scene.files.upload(&scene.ann, "cat.png");
    let body = json!({"text": "x", "attachments": [cat]});
    log.hold(true);
    let ask = || {
        let (ann, messages, body) = (scene.ann.clone(), scene.messages.clone(), body.clone());
        tokio::spawn(async move { ann.keyed("k", "POST", &messages, body).await })
    };
    let first = ask();
    settle().await;
    scene.files.quarantine(cat);
    let second = ask();
    settle().await;
    assert_eq!(scene.files.asked(), 2);
    log.hold(false);
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.status, second.status), (201, 201), "{}", second.json);
    assert_eq!(first.json, second.json);
    // A key of its own finds no such answer, and is free for another try.
    for _ in 0..2 {
        let reply = scene.ann.keyed("other", "POST", &scene.messages, body.clone()).await;
        assert_eq!((reply.status, reply.code()), (410, "media.quarantined"));
    }
    let reply = scene.ann.keyed("other", "POST", &scene.messages, json!({"text": "x"})).await;
    assert_eq!(reply.status, 201);
}

#[tokio::test(start_paused = true)]
async fn media_that_fails_stalls_or_errs_costs_one_message_and_no_more() {
    let scene = Scene::new().await;
    let ids = [scene.files.upload(&scene.ann, "a"), scene.files.upload(&scene.ann, "b")];
    let body = json!({"text": "x", "attachments": ids});
    for mood in [Files::fail, Files::confuse, Files::stall] {
        mood(&scene.files);
        let (head, before) = (scene.world.chat.head(), tokio::time::Instant::now());
        let reply = scene.ann.refused(503, "media.unavailable", "POST", &scene.messages, body.clone()).await;
        assert!(reply.headers.contains_key("retry-after"));
        assert!(before.elapsed() <= std::time::Duration::from_secs(6));
        assert_eq!(scene.world.chat.head(), head);
        scene.ann.say(&scene.room, "still here").await;
    }
}

#[tokio::test]
async fn what_a_deleted_message_carried_is_nowhere() {
    let scene = Scene::new().await;
    let cat = scene.files.upload(&scene.ann, "zanzibar.png");
    let token = scene.bob.reader().await.next;
    let said = scene.post("x", &[cat]).await;
    scene.ann.expect(200, "PATCH", &scene.path(&said), json!({"text": "y"})).await;
    assert!(scene.bob.get(&scene.messages).await.to_string().contains("zanzibar"));
    scene.ann.expect(200, "DELETE", &scene.path(&said), Value::Null).await;
    for path in [scene.path(&said), scene.messages.clone(), "/v1/sync".to_owned(), format!("/v1/sync?since={token}")] {
        let shown = scene.bob.get(&path).await.to_string();
        assert!(!shown.contains("zanzibar") && !shown.contains(&cat.to_string()), "{path}: {shown}");
    }
    assert_eq!(scene.bob.get(&scene.path(&said)).await["attachments"], json!([]));
}

#[tokio::test]
async fn views_that_are_made_again_carry_the_same() {
    let scene = Scene::new().await;
    let cat = scene.files.upload(&scene.ann, "cat.png");
    let said = scene.post("x", &[cat]).await;
    scene.ann.expect(200, "PATCH", &scene.path(&said), json!({"text": "y"})).await;
    let before = scene.bob.get(&scene.messages).await;
    scene.world.stores.log.rebuild_views().await.unwrap();
    assert_eq!(scene.bob.get(&scene.messages).await, before);
    assert_eq!(before["items"][0]["attachments"], json!([attachment(cat, "cat.png")]));
}
