//! What was deleted is in no file of the tenant's folder, and nobody is shown it (`docs/rfd/0005`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../needles/mod.rs"]
mod needles;
mod tenant;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bartab_chat::{CustomDraft, IdempotencyKey, MessageDraft};
use bartab_core::event::Mentions;
use bartab_core::store::verify_log;
use bartab_core::{Actor, EventId, MediaId, RoomId};
use futures_util::future::join_all;
use serde_json::value::RawValue;

use needles::{in_bytes, in_files, needle};
use tenant::{Tenant, person};

/// How long files may keep what was deleted after the answer; readers that are at work can hold the old pages.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message and the marks that its content and its edits hold.
#[derive(Clone)]
struct Marked {
    id: EventId,
    marks: Vec<u64>,
}

/// Posts under a key, with marks in text, nonce and, of every third, the name of a file, and edits some; sizes from a line to several pages of the file.
async fn post(tenant: &Tenant, author: &Arc<Actor>, room: RoomId, index: u64) -> Marked {
    let (text, nonce) = (index * 10, index * 10 + 1);
    let filler = ".".repeat([0, 200, 1_500, 7_000][index as usize % 4]);
    let file = index.is_multiple_of(3).then_some(index * 10 + 8);
    let draft = MessageDraft {
        attachments: file.iter().map(|mark| MediaId::from_u128((*mark).into())).collect(),
        nonce: Some(format!("needle-{nonce:016x}")),
        mentions: Mentions { users: vec![author.user_id], room: index.is_multiple_of(5) },
        ..MessageDraft::text(format!("{} {filler}", needle(text)))
    };
    let (key, body) = (format!("key-{index}"), needle(text));
    let key = IdempotencyKey { key: &key, method: "POST", path: "/messages", body: body.as_bytes() };
    let posted = tenant.chat.post_message_once(author, room, draft, Some(key)).await.unwrap();
    let id = posted.event().unwrap().envelope.id;
    let mut marks: Vec<u64> = [text, nonce].into_iter().chain(file).collect();
    for edit in 0..index % 3 {
        let mark = index * 10 + 2 + edit;
        tenant.chat.edit_message(author, room, id, format!("{} edited", needle(mark))).await.unwrap();
        marks.push(mark);
    }
    if index.is_multiple_of(7) {
        tenant.chat.react(author, room, id, "\u{1f37a}".to_owned(), true).await.unwrap();
    }
    Marked { id, marks }
}

/// Waits until none of `marks` is in a file; gives how long that took, nothing when they were gone with the answer.
async fn gone(tenant: &Tenant, marks: &HashSet<u64>) -> Duration {
    let began = Instant::now();
    let mut waited = Duration::ZERO;
    loop {
        let left = in_files(tenant.folder()).intersection(marks).count();
        if left == 0 {
            return waited;
        }
        assert!(began.elapsed() < PATIENCE, "{left} marks are still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
        waited = began.elapsed();
    }
}

/// Everything that is served of the room and the log, as bytes, shows these marks and no other.
async fn shows(tenant: &Tenant, reader: &Arc<Actor>, room: RoomId, all: &[Marked], kept: &HashSet<u64>) {
    let deleted = |marks: HashSet<u64>| marks.into_iter().filter(|mark| !kept.contains(mark)).collect::<Vec<_>>();
    let shown = in_bytes(&tenant.history(reader, room).await);
    assert_eq!(deleted(shown), [0; 0], "history");
    assert_eq!(deleted(in_bytes(&tenant.sync(reader).await)), [0; 0], "a snapshot");
    let since_the_beginning = in_bytes(&tenant.sync_from_the_beginning(reader).await);
    assert!(kept.is_subset(&since_the_beginning), "what was not deleted is there, every version of it");
    assert_eq!(deleted(since_the_beginning), [0; 0], "sync");
    for message in all {
        let edits = tenant.chat.edits(reader, room, message.id).await;
        assert_eq!(deleted(edits.map(|edits| in_bytes(&edits)).unwrap_or_default()), [0; 0], "edits");
    }
    verify_log(&tenant.store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_in_no_file_and_in_no_answer() {
    let mut tenant = Tenant::open().await;
    let (alice, bob) = (person("alice"), person("bob"));
    let room = tenant.room(&alice, &bob).await;
    let own = format!(r#"{{"note":"{}"}}"#, needle(1 << 40));
    let own = CustomDraft { event_type: "x.note".parse().unwrap(), content: RawValue::from_string(own).unwrap() };
    tenant.chat.post_custom(&alice, room, own, None).await.unwrap();
    let posts = (1..=160).map(|index| post(&tenant, if index % 2 == 0 { &alice } else { &bob }, room, index));
    let all: Vec<Marked> = join_all(posts).await;
    let marks = |messages: &[Marked]| messages.iter().flat_map(|message| message.marks.clone()).collect::<HashSet<_>>();
    assert!(marks(&all).is_subset(&in_files(tenant.folder())), "the search finds what is there");

    // Somebody reads all the while, and somebody waits.
    let stop = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let (tenant, bob, stop) = (tenant.clone(), bob.clone(), stop.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                tenant.history(&bob, room).await;
            }
        }
    });
    let (kept, doomed) = all.split_at(80);
    let (one_by_one, at_once) = doomed.split_at(20);
    let mut slowest = Duration::ZERO;
    for (index, message) in one_by_one.iter().enumerate() {
        // Alice owns the room, so she may take back what Bob has written.
        let reason = (index % 2 == 0).then(|| "off topic".to_owned());
        tenant.chat.delete_message(&alice, room, message.id, reason).await.unwrap();
        slowest = slowest.max(gone(&tenant, &message.marks.iter().copied().collect()).await);
    }
    let deletes = at_once.iter().map(|message| tenant.chat.delete_message(&alice, room, message.id, None));
    assert!(join_all(deletes).await.iter().all(Result::is_ok));
    slowest = slowest.max(gone(&tenant, &marks(doomed)).await);
    println!("gone at the latest {slowest:.1?} after the answer");
    stop.store(true, Ordering::Relaxed);
    reading.await.unwrap();

    let kept: HashSet<u64> = marks(kept).into_iter().chain([1 << 40]).collect();
    shows(&tenant, &bob, room, &all, &kept).await;
    let tenant = tenant.reopen().await;
    shows(&tenant, &bob, room, &all, &kept).await;
    let left = in_files(tenant.folder());
    assert!(kept.is_subset(&left), "what was not deleted is still there");
    assert_eq!(left.difference(&kept).count(), 0, "and nothing else is");

    // Rebuilt caches bring nothing back.
    bartab_core::store::EventLog::rebuild_views(&tenant.store).await.unwrap();
    shows(&tenant, &bob, room, &all, &kept).await;
    assert_eq!(in_files(tenant.folder()).difference(&kept).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_while_it_is_written_is_gone_as_well() {
    let mut tenant = Tenant::open().await;
    let (alice, bob) = (person("alice"), person("bob"));
    let room = tenant.room(&alice, &bob).await;
    // Posts and deletions of many callers meet in one batch, and an edit meets the deletion of its message.
    let lives = (1..=60).map(async |index: u64| {
        let message = post(&tenant, &alice, room, index).await;
        let late = tenant.chat.edit_message(&alice, room, message.id, needle(index * 10 + 9));
        let (edited, deleted) = tokio::join!(late, tenant.chat.delete_message(&alice, room, message.id, None));
        deleted.unwrap();
        // Before the deletion, or refused after it.
        drop(edited);
        message
    });
    let all = join_all(lives).await;
    let marks = (0..=610).collect();
    println!("gone {:.1?} after the last answer", gone(&tenant, &marks).await);
    shows(&tenant, &bob, room, &all, &HashSet::new()).await;
    let tenant = tenant.reopen().await;
    shows(&tenant, &bob, room, &all, &HashSet::new()).await;
    assert_eq!(in_files(tenant.folder()), HashSet::new());
}
