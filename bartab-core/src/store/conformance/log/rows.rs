//! What the rows of the log come back as, and by which ways they are found.

use super::{LogFactory, ok};
use crate::event::{Digest, Envelope, EventType, Idempotency, KeyHash, MessageFacts, Record, RecordContent, Salt};
use crate::id::{EventId, RoomId, UserId};
use crate::store::conformance::fixtures::{ChainBuilder, person, room, text};
use crate::store::{Audience, Batch, Direction, Head, PageQuery, StoreError, verify_log};
use crate::time::Timestamp;

/// Texts that a careless store would change.
const TEXTS: [&str; 8] = [
    "",
    "{}",
    "\"\"",
    "null",
    " {\"b\" : 1,\n\t\"a\" : 1.0, \"a\": 2}\r\n ",
    r#"{"text":"it's \"quoted\" \\ %s ?1 :x $1 -- ;DROP TABLE events;"}"#,
    "{\"text\":\"\u{1f37a}\u{1f469}\u{200d}\u{1f52c} e\u{301} \u{202e}rtl \u{feff} \u{10ffff} \u{7f}\"}",
    r#"{"text":"\u0000\ud83c\udf7a"}"#,
];

/// A plain row after `head`.
fn plain(head: Head, time: Timestamp) -> Record {
    Record {
        version: Record::VERSION,
        envelope: Envelope {
            id: EventId::at(time, 513, head.seq + 1),
            event_type: EventType::MessageEdited,
            sender: person(1),
            bot: false,
            room: None,
            number: None,
            target: None,
            subject: None,
            on_behalf_of: None,
            cause: None,
            hops: 0,
        },
        previous: head.digest,
        facts: "".into(),
        content_digest: None,
        content: None,
        idempotency: None,
    }
}

fn with_content(row: &mut Record, salt: Salt, json: &str) {
    row.content_digest = Some(Digest::of_content(&salt, json));
    row.content = Some(RecordContent { salt, json: json.into() });
}

type Change = Box<dyn Fn(&mut Record) + Send + Sync>;

/// Something odd in every field of a row.
fn oddities() -> Vec<Change> {
    let mut odd: Vec<Change> = vec![
        Box::new(|_| ()),
        Box::new(|row| row.version = u8::MAX),
        Box::new(|row| row.envelope.sender = UserId::from_u128(0)),
        Box::new(|row| row.envelope.sender = UserId::from_u128(u128::MAX)),
        Box::new(|row| row.envelope.bot = true),
        Box::new(|row| row.envelope.room = Some(RoomId::from_u128(0))),
        Box::new(|row| row.envelope.room = Some(RoomId::from_u128(u128::MAX))),
        Box::new(|row| row.envelope.number = Some(0)),
        Box::new(|row| row.envelope.number = Some((1 << 53) - 1)),
        Box::new(|row| row.envelope.target = Some(EventId::from_u128(0))),
        Box::new(|row| row.envelope.target = Some(EventId::from_u128(u128::MAX))),
        Box::new(|row| row.envelope.subject = Some(person(2))),
        Box::new(|row| row.envelope.on_behalf_of = Some(person(3))),
        Box::new(|row| row.envelope.cause = Some(EventId::at(Timestamp::MAX, 7, 9))),
        Box::new(|row| row.envelope.hops = u8::MAX),
        // Erased before it came here, as an import brings it.
        Box::new(|row| row.content_digest = Some(Digest([255; 32]))),
        Box::new(|row| with_content(row, [0; 16], &format!("\"{}\"", "long \u{1f37a} ".repeat(40_000)))),
    ];
    for (fingerprint, status, count) in [(None, 0, 0), (Some([0; 16]), 201, 1), (Some([255; 16]), u16::MAX, u16::MAX)] {
        let key = KeyHash([status as u8; 16]);
        odd.push(Box::new(move |row| row.idempotency = Some(Idempotency { key, fingerprint, status, count })));
    }
    for text in TEXTS {
        odd.push(Box::new(move |row| row.facts = text.into()));
        odd.push(Box::new(move |row| with_content(row, [text.len() as u8; 16], text)));
    }
    let names = EventType::NAMED.into_iter().map(|(kind, _)| kind);
    let custom = ["x.a", "x.game-move.v2_0"].into_iter().filter_map(|name| name.parse().ok());
    for kind in names.chain(custom) {
        odd.push(Box::new(move |row| row.envelope.event_type = kind.clone()));
    }
    odd
}

/// Every field of a row comes back as it was written, to the byte, also after an abort.
pub async fn rows_come_back_byte_for_byte(factory: &dyn LogFactory) {
    let mut stores = factory.open("log").await;
    let mut head = ok(stores.log.head().await);
    let (mut written, oddities) = (Vec::new(), oddities());
    for (number, change) in oddities.iter().enumerate() {
        // Two rows of one millisecond are as good as any.
        let last = number + 1 == oddities.len();
        let mut row = plain(head, if last { Timestamp::MAX } else { Timestamp::from_millis(number as u64 / 2) });
        change(&mut row);
        let expected = head.seq;
        head = Head { seq: row.seq(), digest: row.digest(), time: row.envelope.time() };
        written.push(row.clone());
        ok(stores.log.append(expected, Batch { events: vec![row], ..Batch::default() }).await);
    }
    for _ in 0..2 {
        assert_eq!(ok(stores.log.head().await), head);
        let seqs: Vec<u64> = (1..=head.seq).collect();
        let rows = ok(stores.log.get(&seqs).await);
        for (row, written) in rows.iter().zip(&written) {
            assert_eq!(row.as_ref(), Some(written));
        }
        assert_eq!(ok(stores.log.scan(0, usize::MAX).await), written);
        stores = factory.reopen_after_abort("log", stores).await;
    }
}

/// Rows are given in the order asked, twice when asked twice; a scan is in log order, after its start, up to its limit.
pub async fn rows_are_found_in_the_order_asked(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 1).await);
    for number in 1..=30 {
        chain.say(person(number), room(number % 4), &number.to_string());
    }
    ok(chain.commit(&*log).await);

    let rows = ok(log.get(&[30, 1, 31, 7, 7, 0]).await);
    let found: Vec<_> = rows.iter().map(|row| row.as_ref().map(Record::seq)).collect();
    assert_eq!(found, [Some(30), Some(1), None, Some(7), Some(7), None]);
    assert_eq!(ok(log.get(&[]).await), []);
    for (after, limit) in [(0, 30), (0, 7), (13, 5), (25, 100), (30, 5), (29, 1), (3, 0)] {
        let rows = ok(log.scan(after, limit).await);
        assert!(rows.iter().map(Record::seq).eq((after + 1..=30).take(limit)), "{after} {limit}");
    }
    // More positions than one statement of many databases takes parameters.
    let many: Vec<u64> = (0..40_000).map(|number| number % 31).collect();
    let rows = ok(log.get(&many).await);
    assert!(rows.iter().map(|row| row.as_ref().map_or(0, Record::seq)).eq(many));
}

/// What refers to an event is found in log order, page by page, and nothing else is.
pub async fn rows_that_refer_to_an_event_are_found_in_order(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 2).await);
    let one = chain.say(person(1), room(1), "one");
    let two = chain.say(person(1), room(2), "two");
    let (mut of_one, mut of_two) = (Vec::new(), Vec::new());
    for number in 0..25 {
        of_one.push(chain.react(person(number), room(1), one, "👍", true));
        of_two.push(chain.edit(person(1), room(2), two, &number.to_string()));
        let facts = MessageFacts { reply_to: Some(two), thread: Some(one) };
        let content = text("in the thread");
        of_one.push(chain.message(person(1), room(1), facts, content));
        ok(chain.commit(&*log).await);
    }
    for (target, expected) in [(one, of_one), (two, of_two)] {
        let all = ok(log.related(target, 0, usize::MAX).await);
        assert_eq!(all.iter().map(|row| row.envelope.id).collect::<Vec<_>>(), expected);
        let (mut paged, mut after) = (Vec::new(), 0);
        while let [.., last] = &ok(log.related(target, after, 7).await)[..] {
            let page = ok(log.related(target, after, 7).await);
            assert!(page.len() <= 7);
            after = last.seq();
            paged.extend(page);
            assert!(paged.len() <= all.len(), "a page goes back behind the one before");
        }
        assert_eq!(paged, all);
    }
    // The whole id is compared, not the position in it.
    let stranger = EventId::at(Timestamp::from_millis(1), 0, one.seq());
    assert_eq!(ok(log.related(stranger, 0, 10).await), []);
    assert_eq!(ok(log.related(one, 0, 0).await), []);
}

/// Positions and limits that no log reaches, as clients send them, are answered without a failure.
pub async fn positions_outside_the_log_are_empty(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 3).await);
    let id = chain.say(person(1), room(1), "alone");
    ok(chain.commit(&*log).await);
    let audience = Audience { rooms: vec![(room(1), 0)], person: Some(person(1)), tenant: true };
    for far in [2, 1 << 53, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1, u64::MAX] {
        assert_eq!(ok(log.get(&[far]).await), [None]);
        assert_eq!(ok(log.messages(&[far]).await), [None]);
        assert_eq!(ok(log.scan(far, 10).await), []);
        assert_eq!(ok(log.read(far, u64::MAX, &audience, 10).await), []);
        assert_eq!(ok(log.read(0, far, &audience, usize::MAX).await).len(), 1);
        assert_eq!(ok(log.related(id, far, 10).await), []);
        assert_eq!(ok(log.reacted(person(1), &[far]).await), []);
        assert_eq!(ok(log.mention_counts(person(1), &[(room(1), far)]).await), [0]);
        let late = Audience { rooms: vec![(room(1), far)], ..Audience::default() };
        assert_eq!(ok(log.read(0, u64::MAX, &late, 10).await), []);
        let page = |direction, from, since| PageQuery { room: room(1), direction, from, since, limit: usize::MAX };
        for (query, length) in [
            (page(Direction::Backward, Some(far), 0), 1),
            (page(Direction::Forward, Some(far), 0), 0),
            (page(Direction::Backward, None, far), 0),
            (page(Direction::Forward, None, far), 0),
            (page(Direction::Backward, Some(0), 0), 0),
            (page(Direction::Forward, Some(0), 0), 1),
        ] {
            assert_eq!(ok(log.room_page(query).await).len(), length, "{query:?}");
        }
    }
}

/// The chain that was written verifies, over more rows than one step of the verifier reads.
pub async fn the_chain_verifies(factory: &dyn LogFactory) {
    let log = factory.open("log").await.log;
    let mut chain = ok(ChainBuilder::on(&*log, 4).await);
    for number in 0..2_500 {
        chain.say(person(number % 5), room(number % 3), "again");
        if number % 500 == 0 {
            ok(chain.commit(&*log).await);
        }
    }
    ok(chain.commit(&*log).await);
    let head = ok(verify_log(&*log).await.map_err(StoreError::backend));
    assert_eq!(head, chain.head());
}
