//! What an append writes, and when.

use std::future::poll_fn;
use std::task::Poll;

use super::{LogFactory, ok};
use crate::event::{Mentions, MessageContent, MessageFacts};
use crate::id::EventId;
use crate::store::conformance::fixtures::{ChainBuilder, person, room, text};
use crate::store::{Audience, Batch, Direction, EventLog, Head, PageQuery, StoreError, verify_log};
use crate::time::Timestamp;

/// A new log is empty, and its head is its genesis.
pub async fn a_new_log_is_empty_and_ends_at_its_genesis(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let (head, genesis) = (ok(log.head().await), ok(log.genesis().await));
    assert_eq!((head.seq, head.digest, head.time), (0, genesis, Timestamp::default()));
    assert_eq!(genesis, ok(log.genesis().await), "the genesis never changes");
    assert_eq!(ok(log.scan(0, 10).await), []);
    let everything = Audience { rooms: vec![(room(1), 0)], person: Some(person(1)), tenant: true };
    assert_eq!(ok(log.read(0, u64::MAX, &everything, 10).await), []);
    let page = PageQuery { room: room(1), direction: Direction::Backward, from: None, since: 0, limit: 10 };
    assert_eq!(ok(log.room_page(page).await), []);
}

/// After an append the head is its last event: position, digest and time.
pub async fn an_append_moves_the_head_to_its_last_event(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 1).await);
    for size in [1, 3, 50] {
        for _ in 0..size {
            chain.say(person(1), room(1), "hello");
        }
        ok(chain.commit(&*log).await);
        assert_eq!(ok(log.head().await), chain.head());
    }
    assert_eq!(chain.head().seq, 54);
    assert_eq!(ok(log.scan(0, 100).await).len(), 54);
}

/// A batch without events writes its views and erasures, and leaves the head where it is.
pub async fn an_append_without_events_changes_what_it_names(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 2).await);
    chain.say(person(1), room(1), "hello");
    ok(chain.commit(&*log).await);
    ok(log.append(1, Batch::default()).await);
    chain.erase(1);
    ok(chain.commit(&*log).await);
    assert_eq!(ok(log.head().await), chain.head());
    assert!(ok(log.scan(0, 1).await)[0].is_erased());
    let late = log.append(0, Batch { erase: vec![1], ..Batch::default() }).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
}

/// A batch that follows another head than the log's is a conflict, and nothing of it is there afterwards.
pub async fn a_batch_that_does_not_follow_the_head_writes_nothing(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 3).await);
    let kept = chain.say(person(1), room(1), "kept");
    ok(chain.commit(&*log).await);
    let before = ok(log.head().await);

    let mut ahead = ChainBuilder::new(before, 4);
    ahead.say(person(2), room(1), "taken and lost");
    ahead.take();
    refused(&*log, &mut ahead, kept).await;
    let mut behind = ChainBuilder::new(Head { seq: 0, digest: ok(log.genesis().await), ..before }, 5);
    refused(&*log, &mut behind, kept).await;
    assert_eq!(ok(log.head().await), before);

    chain.say(person(1), room(1), "goes on");
    ok(chain.commit(&*log).await);
    ok(verify_log(&*log).await.map_err(StoreError::backend));
}

/// A batch whose events do not follow one another is refused, and nothing of it is there afterwards.
pub async fn a_batch_with_a_hole_is_refused_whole(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 6).await);
    let kept = chain.say(person(1), room(1), "kept");
    ok(chain.commit(&*log).await);

    let mut holed = ChainBuilder::new(chain.head(), 7);
    holed.say(person(2), room(1), "before the hole");
    let (_, before) = holed.take();
    holed.say(person(2), room(1), "in the hole");
    holed.take();
    holed.say(person(2), room(1), "after the hole");
    let (_, mut batch) = holed.take();
    batch.events.splice(0..0, before.events);
    batch.erase.push(kept.seq());
    let answer = log.append(1, batch).await;
    assert!(answer.is_err(), "a hole is no chain");
    nothing_of_it(&*log, kept).await;
}

/// What was acknowledged is there after an abort, and the log goes on from there.
pub async fn what_was_acknowledged_survives_an_abort(factory: &dyn LogFactory) {
    let mut stores = factory.open("log").await;
    let genesis = ok(stores.log.genesis().await);
    let mut chain = ok(ChainBuilder::on(&*stores.log, 8).await);
    for round in 0..3 {
        for number in 0..20 {
            let id = chain.say(person(number), room(number % 3), &format!("{round} {number}"));
            chain.react(person(1), room(number % 3), id, "👍", true);
            ok(chain.commit(&*stores.log).await);
        }
        let before = ok(stores.log.scan(0, 1_000).await);
        stores = factory.reopen_after_abort("log", stores).await;
        assert_eq!(ok(stores.log.head().await), chain.head());
        assert_eq!(ok(stores.log.scan(0, 1_000).await), before);
        assert_eq!(ok(stores.log.genesis().await), genesis);
        ok(verify_log(&*stores.log).await.map_err(StoreError::backend));
    }
}

/// Whoever watches is told of no position that the log has not come to, and the watching never ends.
pub async fn the_watch_never_runs_ahead_and_never_ends(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut heads = log.watch();
    let mut chain = ok(ChainBuilder::on(&*log, 9).await);
    for _ in 0..5 {
        chain.say(person(1), room(1), "hello");
        ok(chain.commit(&*log).await);
        let told = poll_fn(|context| match heads.as_mut().poll_next(context) {
            Poll::Ready(head) => Poll::Ready(Some(head)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(head) = told.await {
            assert!(head.is_some_and(|head| head <= chain.head().seq), "{head:?}");
        }
    }
}

/// Tries a batch with something of everything, which the log has to refuse.
async fn refused(log: &dyn EventLog, chain: &mut ChainBuilder, kept: EventId) {
    let content = MessageContent { mentions: Mentions { users: vec![person(3)], room: true }, ..text("lost") };
    let lost = chain.message(person(2), room(1), MessageFacts::default(), content);
    chain.react(person(2), room(1), lost, "👎", true);
    chain.erase(kept.seq());
    let answer = chain.commit(log).await;
    assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
    nothing_of_it(log, kept).await;
}

/// The log holds one message, as it was written, and nothing beside it.
async fn nothing_of_it(log: &dyn EventLog, kept: EventId) {
    let rows = ok(log.scan(0, 10).await);
    assert_eq!(rows.iter().map(|row| row.envelope.id).collect::<Vec<_>>(), [kept]);
    assert!(!rows[0].is_erased(), "the erasure belongs to the batch");
    assert_eq!(ok(log.head().await).seq, 1);
    assert_eq!(ok(log.get(&[2, 3, 4]).await), [None, None, None]);
    let page = PageQuery { room: room(1), direction: Direction::Forward, from: None, since: 0, limit: 10 };
    let page = ok(log.room_page(page).await);
    assert_eq!(
        page.iter().map(|row| (row.record.envelope.id, row.view.is_some())).collect::<Vec<_>>(),
        [(kept, false)]
    );
    assert_eq!(ok(log.reacted(person(2), &[1, 2, 3, 4]).await), []);
    assert_eq!(ok(log.mention_counts(person(3), &[(room(1), 0)]).await), [0]);
}
