//! What several writers at once can rely on.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::future::join_all;

use super::{LogFactory, ok};
use crate::store::conformance::fixtures::{ChainBuilder, person, room};
use crate::store::{EventLog, StoreError, verify_log};

const WRITERS: u64 = 16;
const EACH: u64 = 12;

/// Of many appends that follow one head exactly one is written, the others are conflicts.
pub async fn of_concurrent_appends_after_one_head_one_wins(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    for round in 1..=5 {
        let head = ok(log.head().await);
        let writers = (0..WRITERS).map(|writer| {
            let mut chain = ChainBuilder::new(head, writer);
            chain.say(person(writer), room(writer), "mine");
            let log = &log;
            async move { chain.commit(&**log).await }
        });
        let answers = join_all(writers).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let conflicts = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Conflict))).count();
        assert_eq!(conflicts as u64, WRITERS - 1, "{answers:?}");
        assert_eq!(ok(log.head().await).seq, round);
    }
    ok(verify_log(&*log).await.map_err(StoreError::backend));
}

/// Writers that try again after a conflict get everything in: once each, without a gap, in one chain.
pub async fn concurrent_appends_leave_no_gap_and_lose_nothing(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    join_all((0..WRITERS).map(|writer| insist(&*log, writer))).await;

    let rows = ok(log.scan(0, usize::MAX).await);
    assert!(rows.iter().map(|row| row.seq()).eq(1..=WRITERS * EACH), "positions have no gap");
    let said: BTreeSet<_> = rows.iter().filter_map(|row| row.content.as_ref().map(|content| &content.json)).collect();
    assert_eq!(said.len() as u64, WRITERS * EACH, "every message is there once");
    ok(verify_log(&*log).await.map_err(StoreError::backend));
}

async fn insist(log: &dyn EventLog, writer: u64) {
    let mut conflicts = 0;
    for number in 0..EACH {
        loop {
            let mut chain = ok(ChainBuilder::on(log, writer).await);
            chain.say(person(writer), room(writer), &format!("{writer}: {number}"));
            step_aside().await;
            match chain.commit(log).await {
                Err(StoreError::Conflict) => conflicts += 1,
                answer => break ok(answer),
            }
            assert!(conflicts < WRITERS * EACH, "each conflict is the success of another writer");
        }
    }
}

/// Lets the other writers look at the head first, so that there are conflicts.
async fn step_aside() {
    let mut been = false;
    poll_fn(|context| {
        if std::mem::replace(&mut been, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
