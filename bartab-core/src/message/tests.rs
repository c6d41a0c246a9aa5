//! The fold: what commutes may come in any order, and what was deleted is not told.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::event::{EditContent, ReactionFacts, ReasonContent};
use crate::id::MediaId;

/// Something that happens to the message.
#[derive(Clone, Debug)]
enum Step {
    React { user: u8, emoji: u8 },
    Edit(String),
    Reply,
    Custom,
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..4_u8, 0..4_u8).prop_map(|(user, emoji)| Step::React { user, emoji }),
        2 => "secret [a-z\u{1f37a}\"\\\\]{0,8}".prop_map(Step::Edit),
        1 => Just(Step::Reply),
        1 => Just(Step::Custom),
        1 => Just(Step::Delete),
    ]
}

/// What has to keep its order: the reactions of one person with one emoji.
type Chain = Option<(u8, u8)>;

fn event(seq: u64, event_type: EventType, facts: Facts, content: Option<Content>) -> Event {
    let envelope = Envelope {
        id: EventId::at(Timestamp::from_millis(1_000 + seq / 2), 0, seq),
        event_type,
        sender: UserId::from_u128(1),
        bot: false,
        room: Some(RoomId::from_u128(2)),
        number: None,
        target: None,
        subject: None,
        on_behalf_of: None,
        cause: None,
        hops: 0,
    };
    Event { envelope, facts, content, erased: false }
}

fn file() -> Attachment {
    Attachment {
        media_id: MediaId::from_u128(8),
        filename: Some("secret.png".to_owned()),
        mime: "image/png".to_owned(),
        size: 1,
        width: Some(2),
        height: Some(3),
        blurhash: Some("secret blur".to_owned()),
    }
}

fn created() -> Event {
    let content = MessageContent {
        text: "secret first".into(),
        format: Format::Markdown,
        mentions: Mentions { users: vec![UserId::from_u128(7)], room: true },
        attachments: vec![file()],
        nonce: Some("n".into()),
    };
    let facts = MessageFacts { reply_to: Some(EventId::from_u128(3)), thread: None };
    let mut event = event(1, EventType::MessageCreated, Facts::Message(facts), Some(Content::Message(content)));
    event.envelope.number = Some(9);
    event
}

/// The events that the steps make of the message at 1: a person who reacts twice takes the reaction away.
fn events(steps: &[Step]) -> Vec<(Chain, Event)> {
    let mut present = BTreeMap::new();
    let target = created().envelope.id;
    let made = steps.iter().zip(2..).map(|(step, seq)| {
        let (chain, mut made) = match step {
            Step::React { user, emoji } => {
                let there = present.entry((*user, *emoji)).or_insert(false);
                *there = !*there;
                let kind = if *there { EventType::ReactionAdded } else { EventType::ReactionRemoved };
                let facts = Facts::Reaction(ReactionFacts { emoji: format!("emoji {emoji}") });
                let mut made = event(seq, kind, facts, None);
                made.envelope.sender = UserId::from_u128(u128::from(*user));
                (Some((*user, *emoji)), made)
            }
            Step::Edit(text) => {
                let content = Content::Edit(EditContent { text: text.clone() });
                (None, event(seq, EventType::MessageEdited, Facts::None, Some(content)))
            }
            Step::Reply => {
                let facts = Facts::Message(MessageFacts { reply_to: None, thread: Some(target) });
                (None, event(seq, EventType::MessageCreated, facts, None))
            }
            Step::Custom => (None, event(seq, EventType::Custom("x.a".parse().unwrap()), Facts::None, None)),
            Step::Delete => {
                let content = Content::Reason(ReasonContent { reason: "secret reason".to_owned() });
                (None, event(seq, EventType::MessageDeleted, Facts::None, Some(content)))
            }
        };
        made.envelope.target = Some(target);
        (chain, made)
    });
    made.collect()
}

fn folded<'a>(events: impl IntoIterator<Item = &'a Event>) -> MessageView {
    let mut view = MessageView::of(&created()).unwrap();
    events.into_iter().for_each(|event| view.fold(event));
    view
}

/// The events in the order of `keys`, but those of one chain in the order they had.
fn shuffled(events: &[(Chain, Event)], keys: &[u32]) -> Vec<Event> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|index| keys[index % keys.len()].wrapping_mul(*index as u32 | 1));
    let mut chains: BTreeMap<(u8, u8), Vec<&Event>> = BTreeMap::new();
    for (chain, event) in events.iter().rev() {
        if let Some(chain) = chain {
            chains.entry(*chain).or_default().push(event);
        }
    }
    let next = |index: usize| match &events[index] {
        (Some(chain), _) => chains.get_mut(chain).and_then(Vec::pop).unwrap().clone(),
        (None, event) => event.clone(),
    };
    order.into_iter().map(next).collect()
}

proptest! {
    #[test]
    fn events_that_commute_may_come_in_any_order(
        steps in prop::collection::vec(step(), 0..24),
        keys in prop::collection::vec(any::<u32>(), 24),
    ) {
        let events = events(&steps);
        let view = folded(events.iter().map(|(_, event)| event));
        prop_assert_eq!(folded(&shuffled(&events, &keys)), view);
    }

    #[test]
    fn the_version_is_the_last_event_folded_in(steps in prop::collection::vec(step(), 0..24)) {
        let events = events(&steps);
        let last = events.iter().rev().find(|(_, event)| !matches!(event.envelope.event_type, EventType::Custom(_)));
        let last = last.map_or(1, |(_, event)| event.envelope.seq());
        prop_assert_eq!(folded(events.iter().map(|(_, event)| event)).version, last);
    }

    #[test]
    fn reactions_are_counted_by_people_in_the_order_of_first_use(steps in prop::collection::vec(step(), 0..40)) {
        let events = events(&steps);
        let view = folded(events.iter().map(|(_, event)| event));
        let (mut firsts, mut there) = (Vec::new(), BTreeMap::new());
        for (chain, event) in &events {
            if let Some((user, emoji)) = chain {
                let emoji = format!("emoji {emoji}");
                if !firsts.contains(&emoji) {
                    firsts.push(emoji.clone());
                }
                there.insert((emoji, *user), event.envelope.event_type == EventType::ReactionAdded);
            }
        }
        let counted: Vec<_> = view.reactions.iter().map(|one| (one.emoji.clone(), one.count)).collect();
        let people = |emoji: &String| there.iter().filter(|((one, _), there)| one == emoji && **there).count() as u64;
        let expected: Vec<_> = firsts.into_iter().map(|emoji| (emoji.clone(), people(&emoji))).collect();
        prop_assert_eq!(counted, expected);
    }

    #[test]
    fn a_view_reads_back_from_its_json(steps in prop::collection::vec(step(), 0..24)) {
        let view = folded(events(&steps).iter().map(|(_, event)| event));
        prop_assert_eq!(MessageView::from_json(&view.to_json().unwrap()).unwrap(), view);
    }

    #[test]
    fn a_deleted_message_says_nothing(steps in prop::collection::vec(step(), 0..24), at in 0..25_usize) {
        let mut steps = steps;
        steps.insert(at.min(steps.len()), Step::Delete);
        let view = folded(events(&steps).iter().map(|(_, event)| event));
        prop_assert!(view.deleted);
        let json = String::from_utf8(view.to_json().unwrap()).unwrap();
        prop_assert!(!json.contains("secret"), "{}", json);
        prop_assert!(view.mentions.is_empty() && view.attachments.is_empty() && view.format == Format::Plain);
        prop_assert_eq!((view.number, view.reply_to), (9, Some(EventId::from_u128(3))));
    }

    #[test]
    fn the_newest_edit_is_what_is_read(texts in prop::collection::vec("[a-z]{0,8}", 1..6)) {
        let steps: Vec<Step> = texts.iter().cloned().map(Step::Edit).collect();
        let events = events(&steps);
        let view = folded(events.iter().map(|(_, event)| event));
        prop_assert_eq!(Some(&view.text), texts.last());
        prop_assert_eq!(view.edit, events.last().map(|(_, event)| event.envelope.id));
        prop_assert_eq!(view.attachments, [file()]);
    }
}

#[test]
fn what_is_about_another_message_is_passed_over() {
    let before = folded([]);
    let steps = [Step::Delete, Step::Edit("other".to_owned()), Step::React { user: 1, emoji: 1 }, Step::Reply];
    let mut others = events(&steps);
    for (_, event) in &mut others {
        // The same position in a log of another time.
        event.envelope.target = Some(EventId::at(Timestamp::from_millis(5), 0, 1));
    }
    assert_eq!(folded(others.iter().map(|(_, event)| event)), before);
}

#[test]
fn only_a_message_in_a_room_has_a_view() {
    let mut message = created();
    message.envelope.number = None;
    assert_eq!(MessageView::of(&message), None);
    let (_, edit) = &events(&[Step::Edit("a".to_owned())])[0];
    assert_eq!(MessageView::of(edit), None);
}

#[test]
fn an_erased_message_has_a_view_without_words() {
    let mut message = created();
    (message.content, message.erased) = (None, true);
    let view = MessageView::of(&message).unwrap();
    assert_eq!((view.text.as_str(), view.deleted), ("", false));
    assert!(view.mentions.is_empty() && view.attachments.is_empty());
}

#[test]
fn a_view_and_a_content_of_before_attachments_are_still_read() {
    let view = br#"{"event_id":"evt_0000000000000000000000000c","room_id":"room_00000000000000000000000002","number":1,
        "sender":"user_00000000000000000000000001","version":1,"text":"old","format":"plain"}"#;
    let view = MessageView::from_json(view).unwrap();
    assert_eq!((view.text.as_str(), view.attachments.as_slice()), ("old", &[][..]));
    let content: MessageContent<'_> = serde_json::from_str(r#"{"text":"old"}"#).unwrap();
    assert!(content.attachments.is_empty());
    // And what carries none is written as it was before, so that the digests of equal messages stay equal.
    assert_eq!(serde_json::to_string(&content).unwrap(), r#"{"text":"old"}"#);
    assert!(!String::from_utf8(view.to_json().unwrap()).unwrap().contains("attachments"));
}
