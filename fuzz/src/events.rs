//! Events as they are stored, and messages as they are shown.

use bartab_core::event::{ChainVerifier, Content, Digest, Envelope, Event, EventType, Facts, Record};
use bartab_core::{EventId, MessageView, RoomId, Timestamp, UserId};

/// What is read of an event is written as it is read again; sealing, chaining and folding take whatever was read.
///
/// The input is a text of lines: the type, the facts, the content.
pub fn events(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = MessageView::from_json(data).map(|view| view_again(&view));
    let mut lines = text.lines();
    let mut chain = ChainVerifier::new(Digest::default());
    let mut views: Vec<MessageView> = Vec::new();
    while let (Some(kind), Some(facts), Some(content)) = (lines.next(), lines.next(), lines.next()) {
        let Ok(kind) = kind.parse::<EventType>() else { return };
        let (seq, previous) = chain.head();
        let Some(event) = read(&kind, facts, content, seq + 1) else { return };
        let record = Record::seal(&event, previous, [seq as u8; 16]).expect("what was read can be written");
        assert_eq!(record.to_event().expect("what was sealed can be read"), event);
        let mut erased = record.clone();
        erased.erase();
        assert_eq!(erased.digest(), record.digest(), "erasing does not change the digest");
        assert_eq!(erased.to_event().expect("an erased row can be read").content, None);
        chain.check(&record).expect("the chain goes on");

        for view in &mut views {
            // As if the event were about this message.
            let mut about = event.clone();
            about.envelope.target = Some(view.event_id);
            view.fold(&about);
            view_again(view);
            assert!(!view.deleted || view.text.is_empty(), "a deleted message says nothing");
        }
        views.extend(MessageView::of(&event));
    }
}

/// The event that the texts say, when they say one.
fn read(kind: &EventType, facts: &str, content: &str, seq: u64) -> Option<Event> {
    let read = Facts::from_json(kind, facts).ok()?;
    let written = read.to_json().expect("facts are JSON");
    assert_eq!(Facts::from_json(kind, &written).expect("what is written is read"), read);
    let content = if content.is_empty() { None } else { Some(Content::from_json(kind, content).ok()?) };
    if let Some(content) = &content {
        let written = content.to_json().expect("content is JSON");
        assert_eq!(Content::from_json(kind, &written).expect("what is written is read"), *content);
    }
    let envelope = Envelope {
        id: EventId::at(Timestamp::from_millis(seq), 0, seq),
        event_type: kind.clone(),
        sender: UserId::from_u128(1),
        bot: false,
        room: Some(RoomId::from_u128(2)),
        number: Some(seq),
        target: None,
        subject: None,
        on_behalf_of: None,
        cause: None,
        hops: 0,
    };
    Some(Event { envelope, facts: read, content, erased: false })
}

fn view_again(view: &MessageView) {
    let json = view.to_json().expect("a view is JSON");
    assert_eq!(MessageView::from_json(&json).expect("what is written is read"), *view);
}
