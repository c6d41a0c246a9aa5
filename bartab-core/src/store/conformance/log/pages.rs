//! What a page of a room's history holds.

use super::{LogFactory, ok};
use crate::event::{EventType, Facts, MemberFacts, NewEvent};
use crate::message::MessageView;
use crate::store::conformance::fixtures::{ChainBuilder, person, room};
use crate::store::{Direction, EventLog, MessageRow, PageQuery};

/// Three rooms, their messages in turn with other events between them; gives the positions of room 1's messages.
async fn interleaved(log: &dyn EventLog) -> Vec<u64> {
    let mut chain = ok(ChainBuilder::on(log, 1).await);
    let mut messages = Vec::new();
    for number in 0..40 {
        let id = chain.say(person(1), room(1), &number.to_string());
        messages.push(id.seq());
        let other = chain.say(person(2), room(2), "elsewhere");
        chain.edit(person(2), room(2), other, "elsewhere, later");
        chain.react(person(2), room(1), id, "🍺", true);
        let joined = NewEvent::in_room(EventType::MemberJoined, room(1), Facts::Member(MemberFacts::default()));
        chain.push(person(number), joined.on(person(number)));
        ok(chain.commit(log).await);
    }
    messages
}

fn seqs(page: &[MessageRow]) -> Vec<u64> {
    page.iter().map(|row| row.record.seq()).collect()
}

fn query(direction: Direction, from: Option<u64>, since: u64, limit: usize) -> PageQuery {
    PageQuery { room: room(1), direction, from, since, limit }
}

/// A page holds the messages of its room and nothing else, newest or oldest first, up to its limit.
pub async fn a_page_holds_the_messages_of_one_room_both_ways(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let messages = interleaved(&*log).await;
    let newest: Vec<u64> = messages.iter().rev().copied().collect();
    for limit in [0, 1, 7, 40, 41, usize::MAX] {
        let taken = limit.min(messages.len());
        let forward = ok(log.room_page(query(Direction::Forward, None, 0, limit)).await);
        assert_eq!(seqs(&forward), messages[..taken]);
        let backward = ok(log.room_page(query(Direction::Backward, None, 0, limit)).await);
        assert_eq!(seqs(&backward), newest[..taken]);
    }
    let elsewhere = PageQuery { room: room(9), ..query(Direction::Backward, None, 0, 10) };
    assert_eq!(ok(log.room_page(elsewhere).await), []);
}

/// `from` is exclusive whether or not a message stands there, `since` is the first position given.
pub async fn a_page_starts_after_from_and_never_before_since(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let messages = interleaved(&*log).await;
    let last = ok(log.head().await).seq;
    for from in (0..=last + 1).step_by(3) {
        for since in [0, 1, messages[5], messages[5] + 1, last] {
            let readable = messages.iter().copied().filter(|seq| *seq >= since);
            let forward: Vec<u64> = readable.clone().filter(|seq| *seq > from).take(6).collect();
            let page = ok(log.room_page(query(Direction::Forward, Some(from), since, 6)).await);
            assert_eq!(seqs(&page), forward, "after {from} since {since}");
            let backward: Vec<u64> = readable.rev().filter(|seq| *seq < from).take(6).collect();
            let page = ok(log.room_page(query(Direction::Backward, Some(from), since, 6)).await);
            assert_eq!(seqs(&page), backward, "before {from} since {since}");
        }
    }
}

/// A message comes with the view that was written last, and without one when there is none, on a page as by its
/// position; what is no message is not found.
pub async fn a_page_carries_the_views_and_messages_are_found_by_position(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 2).await);
    let edited = chain.say(person(1), room(1), "one");
    let plain = chain.say(person(1), room(1), "two");
    let both = chain.say(person(1), room(1), "three");
    ok(chain.commit(&*log).await);
    chain.edit(person(1), room(1), edited, "uno");
    chain.react(person(2), room(1), both, "🍺", true);
    ok(chain.commit(&*log).await);
    let last = chain.edit(person(1), room(1), both, "tre");
    ok(chain.commit(&*log).await);

    let expected: Vec<Option<&MessageView>> = vec![chain.view(1), None, chain.view(3)];
    let read = |row: &MessageRow| row.view.as_ref().and_then(|json| MessageView::from_json(json).ok());
    let page = ok(log.room_page(query(Direction::Forward, None, 0, 10)).await);
    let views: Vec<_> = page.iter().map(read).collect();
    assert_eq!(views.iter().map(Option::as_ref).collect::<Vec<_>>(), expected);
    assert_eq!(views[2].as_ref().map(|view| view.version), Some(last.seq()));

    let found = ok(log.messages(&[last.seq(), both.seq(), plain.seq(), 0, edited.seq(), both.seq(), 99]).await);
    let [a, b, c] = &page[..] else { unreachable!("three messages were written") };
    assert_eq!(found, [None, Some(c.clone()), Some(b.clone()), None, Some(a.clone()), Some(c.clone()), None]);
    assert_eq!(ok(log.messages(&[]).await), []);
}
