//! Waiting for what comes: who is woken, and when a wait ends. Time stands still but for the waits.

use std::time::Duration;

use bartab_core::{Actor, Clock as _, SessionId};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Client, Reader, World, person};

/// Polls in the background, and gives the answer with how long it took.
fn waiting(reader: &Reader, query: &str) -> JoinHandle<(Value, Duration)> {
    let (client, path) = (reader.client.clone(), format!("/v1/sync?since={}{query}", reader.next));
    tokio::spawn(async move {
        let start = Instant::now();
        (client.get(&path).await, start.elapsed())
    })
}

fn is_empty(answer: &Value, reader: &Reader) {
    assert_eq!(*answer, json!({"next": reader.next, "events": []}));
}

async fn room_of_two(world: &World) -> (Client, Client, String) {
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    (ann, bob, room)
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_event() {
    let world = World::new().await;
    let (ann, bob, room) = room_of_two(&world).await;
    let stranger = world.person("eve").reader().await;
    let (at_ann, at_bob) = (ann.reader().await, bob.reader().await);
    let polls = [waiting(&at_ann, ""), waiting(&at_bob, ""), waiting(&at_bob, "&types=x.never")];
    let not_hers = waiting(&stranger, "");
    world.until_waiting(4).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let said = ann.say(&room, "hi").await;
    let [first, second, filtered] = polls;
    for poll in [first, second] {
        let (answer, took) = poll.await.unwrap();
        assert_eq!(answer["events"], json!([said]));
        assert_eq!(took, Duration::from_secs(7));
    }
    let (answer, took) = filtered.await.unwrap();
    assert_eq!((&answer["events"], took), (&json!([]), Duration::from_secs(30)), "the default");
    let next = super::oracle::position(answer["next"].as_str().unwrap());
    assert_eq!(next, said["seq"].as_u64().unwrap(), "what a filter leaves out counts as read");
    let (answer, took) = not_hers.await.unwrap();
    is_empty(&answer, &stranger);
    assert_eq!(took, Duration::from_secs(30), "what one may not see wakes nobody");
    assert_eq!(world.chat.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_its_timeout() {
    let world = World::new().await;
    let (_, bob, _) = room_of_two(&world).await;
    let reader = bob.reader().await;
    for (timeout, seconds) in [("", 30.0), ("&timeout=55000", 55.0), ("&timeout=1500", 1.5), ("&timeout=0", 0.0)] {
        let (answer, took) = waiting(&reader, timeout).await.unwrap();
        is_empty(&answer, &reader);
        assert_eq!(took, Duration::from_secs_f64(seconds), "{timeout}");
    }
    // A snapshot does not wait.
    let start = Instant::now();
    bob.get("/v1/sync?timeout=55000").await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_credentials_do() {
    let world = World::new().await;
    let (_, bob, _) = room_of_two(&world).await;
    let expires_at = Some(world.clock.now().after(Duration::from_secs(9)));
    let mut reader = bob.reader().await;
    reader.client = world.client(Actor { expires_at, ..person("bob") });
    let (answer, took) = waiting(&reader, "").await.unwrap();
    is_empty(&answer, &reader);
    assert_eq!(took, Duration::from_secs(9));
    world.clock.advance(Duration::from_secs(20));
    let (answer, took) = waiting(&reader, "").await.unwrap();
    is_empty(&answer, &reader);
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_session_and_no_other() {
    let world = World::new().await;
    let (_, bob, _) = room_of_two(&world).await;
    let reader = bob.reader().await;
    let session = |number: u128| {
        let actor = Actor { session_id: Some(SessionId::from_u128(number)), ..person("bob") };
        Reader { client: world.client(actor), ..reader.clone() }
    };
    let (ended, kept, none) = (waiting(&session(1), ""), waiting(&session(2), ""), waiting(&reader, ""));
    world.until_waiting(3).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.chat.end_session(SessionId::from_u128(1));
    let (answer, took) = ended.await.unwrap();
    is_empty(&answer, &reader);
    assert_eq!(took, Duration::from_secs(1));
    world.until_waiting(2).await;
    for poll in [kept, none] {
        assert_eq!(poll.await.unwrap().1, Duration::from_secs(30));
    }
    // A request that was let in just before the session ended waits no more than one that waited already.
    let (late, took) = waiting(&session(1), "").await.unwrap();
    is_empty(&late, &reader);
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_tokens_of_its_person_are_taken_back() {
    let world = World::new().await;
    let (alice, bob, _) = room_of_two(&world).await;
    let [reader, other] = [bob.reader().await, alice.reader().await];
    let (ended, kept) = (waiting(&reader, ""), waiting(&other, ""));
    world.until_waiting(2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.chat.end_user(person("bob").user_id);
    let (answer, took) = ended.await.unwrap();
    is_empty(&answer, &reader);
    assert_eq!(took, Duration::from_secs(1));
    // Who was let in just before does not wait, and who comes with new tokens does.
    assert_eq!(waiting(&reader, "").await.unwrap().1, Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(waiting(&reader, "&timeout=5000").await.unwrap().1, Duration::from_secs(5));
    assert_eq!(kept.await.unwrap().1, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn closing_lets_everyone_go_and_nobody_waits_after() {
    let world = World::new().await;
    let (_, bob, _) = room_of_two(&world).await;
    let reader = bob.reader().await;
    let polls = [waiting(&reader, ""), waiting(&reader, "&timeout=55000")];
    world.until_waiting(2).await;
    world.chat.end_waits();
    for poll in polls {
        let (answer, took) = poll.await.unwrap();
        is_empty(&answer, &reader);
        assert_eq!(took, Duration::ZERO);
    }
    let (answer, took) = waiting(&reader, "").await.unwrap();
    is_empty(&answer, &reader);
    assert_eq!(took, Duration::ZERO, "what is closing does not make anyone wait");
    world.chat.close().await;
    assert_eq!(waiting(&reader, "").await.unwrap().1, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_ones_own_kick() {
    let world = World::new().await;
    let (ann, bob, room) = room_of_two(&world).await;
    // With more people waiting than the room has, and it among them.
    let crowd: Vec<Client> = (0..8).map(|index| world.person(&format!("p{index}"))).collect();
    for who in &crowd {
        who.arrive().await;
    }
    let reader = bob.reader().await;
    let at_others = crowd.into_iter().map(|client| Reader { client, ..reader.clone() });
    let crowd: Vec<_> = at_others.map(|reader| waiting(&reader, "&timeout=1000")).collect();
    let poll = waiting(&reader, "");
    world.until_waiting(9).await;
    ann.expect(200, "DELETE", &format!("/v1/rooms/{room}/members/{}", bob.id()), Value::Null).await;
    let (answer, took) = poll.await.unwrap();
    assert_eq!((&answer["events"][0]["type"], took), (&json!("member.kicked"), Duration::ZERO));
    for poll in crowd {
        poll.await.unwrap();
    }
    // What happens there later wakes nobody outside.
    let mut reader = reader;
    reader.answer("").await;
    let poll = waiting(&reader, "&timeout=10000");
    world.until_waiting(1).await;
    ann.say(&room, "about bob").await;
    let (answer, took) = poll.await.unwrap();
    assert_eq!((&answer["events"], took), (&json!([]), Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_waits_no_more() {
    let world = World::new().await;
    let (ann, bob, room) = room_of_two(&world).await;
    let reader = bob.reader().await;
    let polls: Vec<_> = (0..20).map(|_| waiting(&reader, "")).collect();
    world.until_waiting(20).await;
    polls.iter().for_each(JoinHandle::abort);
    world.until_waiting(0).await;
    ann.say(&room, "hello?").await;
    assert_eq!(reader.clone().events("").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_event_falls_between_two_polls() {
    let world = World::new().await;
    let (ann, bob, room) = room_of_two(&world).await;
    let mut followers = Vec::new();
    for _ in 0..5 {
        let mut reader = bob.reader().await;
        followers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 100 {
                let (answer, took) = waiting(&reader, "").await.unwrap();
                assert!(took < Duration::from_secs(30), "woken for nothing, or not woken: {seen:?}");
                reader.next = answer["next"].as_str().unwrap().to_owned();
                seen.extend(answer["events"].as_array().unwrap().iter().map(|event| event["number"].as_u64().unwrap()));
            }
            seen
        }));
    }
    for index in 0..100 {
        ann.say(&room, "x").await;
        // Now and then everyone is waiting, now and then nobody is.
        for _ in 0..index % 7 {
            tokio::task::yield_now().await;
        }
    }
    for follower in followers {
        assert_eq!(follower.await.unwrap(), (1..=100).collect::<Vec<u64>>());
    }
}
