//! What the rows beside the log answer, and that they can be made again.

use super::compare::{Probe, assert_alike};
use super::story::Story;
use super::{LogFactory, ok};
use crate::event::{Mentions, MessageContent, MessageFacts};
use crate::store::conformance::fixtures::{ChainBuilder, person, room, text};
use crate::store::{EventLog, MemoryLog};

/// Reactions are those of the person asked about, on the messages asked about, after all that came and went.
pub async fn reactions_are_known_by_person(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 1).await);
    let (one, two) = (chain.say(person(1), room(1), "one"), chain.say(person(1), room(2), "two"));
    for (user, target, emoji) in
        [(1, one, "🍺"), (1, one, "👩\u{200d}🔬"), (1, two, "🍺"), (2, one, "🍺"), (2, one, "it's")]
    {
        chain.react(person(user), room(1), target, emoji, true);
    }
    ok(chain.commit(&*log).await);
    assert_eq!(reacted(&*log, 1, &[1, 2]).await, [(1, "🍺"), (1, "👩\u{200d}🔬"), (2, "🍺")].map(owned));
    assert_eq!(reacted(&*log, 1, &[2, 9]).await, [(2, "🍺")].map(owned));
    assert_eq!(reacted(&*log, 2, &[2, 1]).await, [(1, "it's"), (1, "🍺")].map(owned));
    assert_eq!(reacted(&*log, 3, &[1, 2]).await, []);
    assert_eq!(reacted(&*log, 1, &[]).await, []);

    chain.react(person(1), room(1), one, "🍺", false);
    chain.react(person(2), room(1), one, "🍺", false);
    chain.react(person(2), room(1), one, "🍺", true);
    ok(chain.commit(&*log).await);
    assert_eq!(reacted(&*log, 1, &[1]).await, [(1, "👩\u{200d}🔬")].map(owned));
    assert_eq!(reacted(&*log, 2, &[1]).await, [(1, "it's"), (1, "🍺")].map(owned));
}

fn owned((seq, emoji): (u64, &str)) -> (u64, String) {
    (seq, emoji.to_owned())
}

async fn reacted(log: &dyn EventLog, user: u64, targets: &[u64]) -> Vec<(u64, String)> {
    let mut reacted = ok(log.reacted(person(user), targets).await);
    reacted.sort();
    reacted
}

/// Mentions count after the number given, once a message, those of the whole room for everybody.
pub async fn mentions_of_a_person_and_of_the_whole_room_are_counted_once(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 2).await);
    let calls: [(u64, &[u64], bool); 6] = [
        (1, &[2], false),
        (1, &[2, 3, 2], false),
        (2, &[2], false),
        (1, &[], true),
        (1, &[2, 3], true),
        (1, &[], false),
    ];
    for (at, users, whole) in calls {
        let users = users.iter().map(|number| person(*number)).collect();
        let content = MessageContent { mentions: Mentions { users, room: whole }, ..text("you") };
        chain.message(person(1), room(at), MessageFacts::default(), content);
        ok(chain.commit(&*log).await);
    }
    for (user, asked, expected) in [
        (2, vec![(1, 0), (2, 0)], vec![4, 1]),
        (3, vec![(2, 0), (1, 0), (3, 0)], vec![0, 3, 0]),
        (4, vec![(1, 0), (2, 0)], vec![2, 0]),
        (2, vec![(1, 1), (1, 2), (1, 4), (1, 5)], vec![3, 2, 0, 0]),
        (2, vec![], vec![]),
    ] {
        let asked: Vec<_> = asked.into_iter().map(|(at, number)| (room(at), number)).collect();
        assert_eq!(ok(log.mention_counts(person(user), &asked).await), expected, "{user}: {asked:?}");
    }
}

/// Rebuilding gives the views, reactions and mentions that the appends wrote, after erasures too.
pub async fn rebuilding_gives_what_was_written(factory: &dyn LogFactory) {
    let mut stores = factory.open("log").await;
    let reference = MemoryLog::new(b"reference");
    let mut story = Story::new(ok(stores.log.head().await), 3);
    for _ in 0..40 {
        let (expected, batch) = story.batch();
        ok(reference.append(expected, batch.clone()).await);
        ok(stores.log.append(expected, batch).await);
    }
    let probe = Probe::of(&story);
    ok(stores.log.rebuild_views().await);
    assert_alike(&*stores.log, &reference, &probe).await;
    stores = factory.reopen_after_abort("log", stores).await;
    assert_alike(&*stores.log, &reference, &probe).await;

    let (expected, batch) = story.batch();
    ok(reference.append(expected, batch.clone()).await);
    ok(stores.log.append(expected, batch).await);
    assert_alike(&*stores.log, &reference, &Probe::of(&story)).await;
}
