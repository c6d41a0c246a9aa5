//! Whom the log gives which events.

use super::story::Story;
use super::{LogFactory, ok};
use crate::event::Record;
use crate::random::SeededRandom;
use crate::store::EventLog;

/// A log with a bit of everything, and all its rows.
async fn told(factory: &dyn LogFactory, seed: u64) -> (std::sync::Arc<dyn EventLog>, Vec<Record>) {
    let log = factory.open("log").await.log;
    let mut story = Story::new(ok(log.head().await), seed);
    for _ in 0..40 {
        let (expected, batch) = story.batch();
        ok(log.append(expected, batch).await);
    }
    let rows = ok(log.scan(0, usize::MAX).await);
    (log, rows)
}

/// A reading gives just the rows that [`Audience::admits`](crate::store::Audience::admits), in log order.
pub async fn reading_gives_exactly_what_the_audience_admits(factory: &dyn LogFactory) {
    let (log, rows) = told(factory, 1).await;
    let random = SeededRandom::new(2);
    let last = rows.len() as u64;
    for _ in 0..150 {
        let audience = Story::audience(&random, last);
        let (after, until) = (random.below(last), random.below(2 * last));
        let limit = random.below(2 * last) as usize;
        let expected: Vec<u64> = rows
            .iter()
            .filter(|row| audience.admits(row) && (after + 1..=until).contains(&row.seq()))
            .map(Record::seq)
            .take(limit)
            .collect();
        let given = ok(log.read(after, until, &audience, limit).await);
        let given: Vec<u64> = given.iter().map(Record::seq).collect();
        assert_eq!(given, expected, "after {after} until {until}, at most {limit}, for {audience:?}");
    }
}

/// Read piece by piece with any limits, the rows are those of one reading.
pub async fn a_limit_cuts_a_reading_without_a_gap(factory: &dyn LogFactory) {
    let (log, rows) = told(factory, 3).await;
    let random = SeededRandom::new(4);
    let last = rows.len() as u64;
    for _ in 0..20 {
        let audience = Story::audience(&random, last);
        let whole = ok(log.read(0, last, &audience, usize::MAX).await);
        let (mut pieces, mut after) = (Vec::new(), 0);
        loop {
            let limit = 1 + random.below(20) as usize;
            let piece = ok(log.read(after, last, &audience, limit).await);
            assert!(piece.len() <= limit);
            let Some(end) = piece.last().map(Record::seq) else { break };
            after = end;
            pieces.extend(piece);
            assert!(pieces.len() <= whole.len(), "a piece goes back behind the one before");
        }
        assert_eq!(pieces, whole, "{audience:?}");
    }
}
