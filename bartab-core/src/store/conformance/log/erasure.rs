//! What erasure removes, and what it leaves.

use super::{LogFactory, ok};
use crate::event::{Idempotency, KeyHash, Mentions, MessageContent, MessageFacts, Record};
use crate::store::conformance::fixtures::{ChainBuilder, person, room, text};
use crate::store::{Audience, Direction, EventLog, PageQuery, StoreError, verify_log};

const KEY: Idempotency = Idempotency { key: KeyHash([7; 16]), fingerprint: Some([9; 16]), status: 201, count: 1 };

/// An erased row has no content, salt and fingerprint by whichever way it is read; the rest stays, and the chain
/// verifies.
pub async fn erasing_removes_content_wherever_it_is_read(factory: &dyn LogFactory) {
    let mut stores = factory.open("log").await;
    let mut chain = ok(ChainBuilder::on(&*stores.log, 1).await);
    let root = chain.say(person(1), room(1), "the root stays");
    let facts = MessageFacts { thread: Some(root), reply_to: None };
    let secret = chain.message(person(1), room(1), facts, text("a secret"));
    chain.key(KEY);
    let edit = chain.edit(person(1), room(1), secret, "a worse secret");
    let kept = chain.say(person(1), room(1), "kept");
    ok(chain.commit(&*stores.log).await);
    let before = ok(stores.log.scan(0, 10).await);

    chain.delete(person(1), room(1), secret, "said too much");
    ok(chain.commit(&*stores.log).await);
    for _ in 0..2 {
        let log = &*stores.log;
        let mut expected = before.clone();
        for row in &mut expected {
            if [secret.seq(), edit.seq()].contains(&row.seq()) {
                row.erase();
                assert!(row.is_erased());
            }
        }
        let gone = expected[1].clone();
        assert_eq!(gone.idempotency, Some(Idempotency { fingerprint: None, ..KEY }));
        expected.extend(ok(log.get(&[5]).await).into_iter().flatten());
        assert_eq!(ok(log.scan(0, 10).await), expected);
        let found = ok(log.get(&[1, 2, 3, 4, 5]).await).into_iter().flatten();
        assert!(found.eq(expected.iter().cloned()));
        let audience = Audience { rooms: vec![(room(1), 0)], ..Audience::default() };
        assert_eq!(ok(log.read(0, u64::MAX, &audience, 10).await), expected);
        assert_eq!(ok(log.related(root, 0, 10).await), std::slice::from_ref(&gone));
        assert_eq!(ok(log.related(secret, 0, 1).await), [expected[2].clone()]);
        let query = PageQuery { room: room(1), direction: Direction::Forward, from: None, since: 0, limit: 10 };
        let page: Vec<Record> = ok(log.room_page(query).await).into_iter().map(|row| row.record).collect();
        assert_eq!(page, [expected[0].clone(), gone.clone(), expected[3].clone()]);
        let messages = ok(log.messages(&[secret.seq()]).await);
        assert_eq!(messages[0].as_ref().map(|row| &row.record), Some(&gone));
        // The key stays: the request is still answered as it was.
        assert_eq!(ok(log.find_keys(&[KEY.key]).await), [Some(secret.seq())]);
        ok(verify_log(log).await.map_err(StoreError::backend));
        stores = factory.reopen_after_abort("log", stores).await;
    }
    assert_eq!(ok(stores.log.get(&[kept.seq()]).await)[0].as_ref(), before.last());
}

/// The mentions of an erased message are gone, also when it comes and goes in one batch; others stay.
pub async fn erasing_takes_the_mentions_along(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 2).await);
    let call = |chain: &mut ChainBuilder| {
        let mentions = Mentions { users: vec![person(2), person(3)], room: false };
        let content = MessageContent { mentions, ..text("you two") };
        chain.message(person(1), room(1), MessageFacts::default(), content)
    };
    let (first, second) = (call(&mut chain), call(&mut chain));
    ok(chain.commit(&*log).await);
    assert_eq!(counts(&*log).await, (2, 2, 0));

    chain.delete(person(1), room(1), first, "");
    let brief = call(&mut chain);
    chain.delete(person(1), room(1), brief, "");
    ok(chain.commit(&*log).await);
    assert_eq!(counts(&*log).await, (1, 1, 0));
    // An event with no content to remove, one that was erased before, and none at all.
    chain.erase(second.seq());
    chain.erase(first.seq());
    chain.erase(99);
    ok(chain.commit(&*log).await);
    assert_eq!(counts(&*log).await, (0, 0, 0));
    ok(verify_log(&*log).await.map_err(StoreError::backend));
}

async fn counts(log: &dyn EventLog) -> (u64, u64, u64) {
    let mut counts = [0; 3];
    for (count, user) in counts.iter_mut().zip([2, 3, 4]) {
        *count = ok(log.mention_counts(person(user), &[(room(1), 0)]).await)[0];
    }
    counts.into()
}
