//! What media asks chat: who may read what a file is attached to, and who carries what.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bartab_chat::WeakChat;
use bartab_core::store::{Holder, MediaAccess as _, ReferenceChange, ReferenceFeed as _, StoreError};
use bartab_core::{Actor, ActorKind, EventId, MediaId, Profile, Timestamp, UserId};
use serde_json::{Value, json};

use crate::support::{Client, Files, World, person};

/// A message as who carries files.
fn holder(event: &Value) -> Holder {
    Holder::Message(event["event_id"].as_str().unwrap().parse().unwrap())
}

async fn reads(chat: &WeakChat, who: &Client, holders: &[Holder]) -> bool {
    chat.may_read(who.actor.as_ref().unwrap(), holders).await.unwrap()
}

#[tokio::test]
async fn a_message_gives_access_to_those_who_can_read_it() {
    let world = World::new().await;
    let chat = world.chat.downgrade();
    let (ann, bob, eve) = (world.person("ann"), world.person("bob"), world.person("eve"));
    eve.arrive().await;
    for (visibility, history, strangers, late) in
        [("public", "all", true, true), ("public", "joined", false, false), ("private", "all", false, true)]
    {
        let room = ann.room(json!({"name": "x", "visibility": visibility, "history": history})).await;
        let early = [holder(&ann.say(&room, "early").await)];
        let guest = world.guest("gus", &room);
        assert!(reads(&chat, &ann, &early).await);
        assert_eq!(reads(&chat, &eve, &early).await, strangers, "{visibility} {history}");
        assert!(!reads(&chat, &guest, &early).await, "not before joining");
        ann.set(&room, &bob.arrive().await.clone(), json!({"membership": "invited"})).await;
        assert_eq!(reads(&chat, &bob, &early).await, strangers, "an invitation shows no history");
        bob.join(&room).await;
        assert_eq!(reads(&chat, &bob, &early).await, late);
        let new = [holder(&ann.say(&room, "new").await)];
        assert!(reads(&chat, &bob, &new).await);
        // Access is exactly that of the message's own page.
        for (who, held) in [(&ann, &early), (&bob, &early), (&bob, &new), (&eve, &early), (&eve, &new), (&guest, &new)]
        {
            let Holder::Message(id) = held[0] else { unreachable!() };
            let page = who.call("GET", &format!("/v1/rooms/{room}/messages/{id}"), Value::Null).await;
            assert_eq!(reads(&chat, who, held).await, page.status == 200, "{visibility} {history}");
        }
        let path = format!("/v1/rooms/{room}/members/{}", bob.id());
        ann.expect(200, "PUT", &path, json!({"membership": "banned"})).await;
        assert!(!reads(&chat, &bob, &new).await, "who was put out is out");
    }
}

#[tokio::test]
async fn what_was_deleted_and_what_is_no_message_gives_none() {
    let world = World::new().await;
    let chat = world.chat.downgrade();
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let (first, second) = (ann.say(&room, "first").await, ann.say(&room, "second").await);
    let joined = EventId::at(Timestamp::from_secs(1_700_000_000), 0, first["seq"].as_u64().unwrap() - 1);
    assert!(world.records().await.iter().any(|record| record.envelope.id == joined), "an event of the room");
    let first = holder(&first);
    let Holder::Message(id) = first else { unreachable!() };
    let other_time = EventId::at(Timestamp::from_secs(1), 0, id.seq());
    let unknown = EventId::at(Timestamp::from_secs(1_700_000_000), 0, 999);
    for id in [joined, other_time, unknown] {
        assert!(!reads(&chat, &ann, &[Holder::Message(id)]).await);
    }
    assert!(!reads(&chat, &ann, &[]).await);
    assert!(reads(&chat, &ann, &[first]).await);
    ann.expect(200, "DELETE", &format!("/v1/rooms/{room}/messages/{id}"), Value::Null).await;
    assert!(!reads(&chat, &ann, &[first]).await);
    // One that allows is enough, among however many that do not.
    let mut many: Vec<Holder> = (0..300).map(|_| first).collect();
    assert!(!reads(&chat, &ann, &many).await);
    many.insert(3, holder(&second));
    assert!(reads(&chat, &ann, &many).await);
}

#[tokio::test]
async fn a_profile_is_seen_by_people_and_bots_of_the_tenant() {
    let world = World::new().await;
    let chat = world.chat.downgrade();
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let bot = world.bot("bot", &ann);
    let guest = world.guest("gus", &room);
    let service = world.client(Actor { kind: ActorKind::Service, ..person("media") });
    let profile = [Holder::Profile(UserId::from_u128(7))];
    for (who, sees) in [(&ann, true), (&bot, true), (&guest, false), (&service, false)] {
        assert_eq!(reads(&chat, who, &profile).await, sees);
    }
    let mixed = [profile[0], holder(&ann.say(&room, "x").await)];
    assert!(reads(&chat, &ann, &mixed).await);
    assert!(!reads(&chat, &guest, &mixed).await);
}

#[tokio::test]
async fn the_feed_tells_who_carries_what_in_the_order_of_the_log() {
    let world = World::new().await;
    let chat = world.chat.downgrade();
    let files = Arc::new(Files::default());
    world.chat.use_media(files.clone());
    // Of pictures in profiles the account feed tells.
    let profile = Profile { avatar: Some(MediaId::from_u128(77)), rev: 1, name: "ann".into() };
    let ann = world.client(Actor { profile: Arc::new(profile), ..person("ann") });
    let room = ann.public_room().await;
    let messages = format!("/v1/rooms/{room}/messages");
    let (cat, dog) = (files.upload(&ann, "cat"), files.upload(&ann, "dog"));
    let both = ann.expect(201, "POST", &messages, json!({"text": "", "attachments": [dog, cat]})).await;
    // What only looks like a list of files is none.
    let text = r#"{"attachments":[{"media_id":"media_0"}]} "attachments":[1]"#;
    let plain = ann.expect(201, "POST", &messages, json!({"text": text, "nonce": "\"attachments\":["})).await;
    let erased = ann.expect(201, "POST", &messages, json!({"text": "", "attachments": [cat]})).await;
    for event in [&both, &plain, &erased] {
        let path = format!("{messages}/{}", event["event_id"].as_str().unwrap());
        ann.expect(200, "PATCH", &path, json!({"text": "edited"})).await;
    }
    let path = format!("{messages}/{}", erased["event_id"].as_str().unwrap());
    ann.expect(200, "DELETE", &path, Value::Null).await;
    let of = |holder, media: &[MediaId]| ReferenceChange { holder, media: media.to_vec() };
    let expected = [
        of(holder(&both), &[dog, cat]),
        // The message that carried the cat says nothing any more; its deletion does.
        of(holder(&erased), &[]),
    ];
    for limit in [1, 2, 3, 1_000] {
        let (mut position, mut changes) = (0, Vec::new());
        loop {
            let page = chat.after(position, limit).await.unwrap();
            assert!(page.changes.len() <= limit && page.position <= position + limit as u64);
            changes.extend(page.changes);
            if page.position == position {
                break;
            }
            position = page.position;
        }
        assert_eq!((position, changes.as_slice()), (world.chat.head(), &expected[..]), "{limit} at a time");
    }
    let nothing = chat.after(3, 0).await.unwrap();
    assert_eq!((nothing.position, nothing.changes.len()), (3, 0));
}

#[tokio::test]
async fn long_stretches_without_files_are_passed_over_in_one_page() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    for _ in 0..600 {
        ann.say(&room, "plain").await;
    }
    let page = world.chat.downgrade().after(0, 600).await.unwrap();
    assert_eq!((page.position, page.changes.len()), (600, 0));
}

#[tokio::test]
async fn who_follows_is_nudged_when_there_is_something_to_learn() {
    let world = World::new().await;
    let files = Arc::new(Files::default());
    world.chat.use_media(files.clone());
    let nudges = Arc::new(AtomicUsize::new(0));
    let (counted, chat) = (Arc::clone(&nudges), world.chat.downgrade());
    world.chat.on_references_changed(move || {
        // What the nudge is about can be read by then.
        assert!(chat.upgrade().is_some_and(|chat| chat.head() > 0));
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let so_far = || nudges.swap(0, Ordering::SeqCst);
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let messages = format!("/v1/rooms/{room}/messages");
    ann.say(&room, "plain").await;
    assert_eq!(so_far(), 0);
    let cat = files.upload(&ann, "cat");
    let said = ann.expect(201, "POST", &messages, json!({"text": "", "attachments": [cat]})).await;
    assert_eq!(so_far(), 1);
    let path = format!("{messages}/{}", said["event_id"].as_str().unwrap());
    ann.expect(200, "PATCH", &path, json!({"text": "edited"})).await;
    assert_eq!(so_far(), 0);
    ann.expect(200, "DELETE", &path, Value::Null).await;
    assert_eq!(so_far(), 1);
}

#[tokio::test]
async fn the_handle_of_media_does_not_keep_a_chat() {
    let world = World::new().await;
    let chat = world.chat.downgrade();
    let actor = person("ann");
    world.chat.close().await;
    assert!(!chat.may_read(&actor, &[]).await.unwrap(), "as long as somebody holds it");
    drop(world);
    assert!(chat.upgrade().is_none());
    assert!(matches!(chat.may_read(&actor, &[]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(chat.after(0, 1).await, Err(StoreError::Unavailable(_))));
}
