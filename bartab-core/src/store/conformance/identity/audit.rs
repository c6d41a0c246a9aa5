//! What every `AuditStore` guarantees.

use futures_util::future::join_all;

use super::samples::{at, record, user};
use super::{IdentityStores, ok};
use crate::store::{AuditActor, AuditEntry, AuditFilter, AuditRecord};

/// Entries come back as they were written, newest first, numbered without a gap.
pub async fn the_trail_comes_back_newest_first(stores: &IdentityStores) {
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await), []);
    let full = AuditRecord {
        actor: AuditActor::Operator,
        subject: Some("user_1".to_owned()),
        reason: Some("because '\"\u{1f37a}\u{0}\n".to_owned()),
        details: Some("{ \"a\": 1 }".to_owned()),
        ..record("account.suspended", 2)
    };
    let system = AuditRecord { actor: AuditActor::System, ..record("key.rotated", 1) };
    let records = [record("a", 3), full, system];
    let mut expected = Vec::new();
    for (record, number) in records.into_iter().zip(1..) {
        ok(stores.audit.append(record.clone()).await);
        let AuditRecord { at, actor, action, subject, reason, details } = record;
        expected.insert(0, AuditEntry { number, at, actor, action: action.to_owned(), subject, reason, details });
    }
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await), expected);
}

/// A filter leaves out what it does not admit, in pages that leave nothing else out.
pub async fn the_trail_is_filtered_and_paged(stores: &IdentityStores) {
    let actors = [AuditActor::User(user(1)), AuditActor::User(user(2)), AuditActor::Operator, AuditActor::System];
    for number in 0..48_usize {
        let subject = ["user_1", "user_2"].get(number % 3).map(|subject| (*subject).to_owned());
        let action = ["a", "b", "a.b"][number / 3 % 3];
        let actor = actors[number / 9 % 4];
        ok(stores.audit.append(AuditRecord { actor, subject, ..record(action, number as u64) }).await);
    }
    let all = ok(stores.audit.list(&AuditFilter::default(), None, 99).await);
    assert_eq!(all.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=48).rev().collect::<Vec<u64>>());
    for actor in [None, Some(user(1)), Some(user(2)), Some(user(3))] {
        for subject in [None, Some("user_1"), Some("user_2"), Some("user")].map(|text| text.map(str::to_owned)) {
            for action in [None, Some("a"), Some("a.b"), Some("%")].map(|text| text.map(str::to_owned)) {
                let filter = AuditFilter { actor, subject: subject.clone(), action };
                let expected: Vec<_> = all.iter().filter(|entry| filter.admits(entry)).cloned().collect();
                let (mut paged, mut before) = (Vec::new(), None);
                loop {
                    let page = ok(stores.audit.list(&filter, before, 3).await);
                    let Some(last) = page.last() else { break };
                    assert!(page.len() <= 3);
                    before = Some(last.number);
                    paged.extend(page);
                }
                assert_eq!(paged, expected, "{filter:?}");
            }
        }
    }
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), Some(1), 9).await), []);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), Some(u64::MAX), 1).await), all[..1]);
}

/// Concurrent entries are all kept, each with a number of its own.
pub async fn concurrent_entries_are_all_kept(stores: &IdentityStores) {
    let written = join_all((0..32).map(|millis| stores.audit.append(record("a", millis)))).await;
    assert!(written.iter().all(Result::is_ok));
    let entries = ok(stores.audit.list(&AuditFilter::default(), None, 99).await);
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=32).rev().collect::<Vec<u64>>());
    let mut times: Vec<_> = entries.iter().map(|entry| entry.at).collect();
    times.sort();
    assert_eq!(times, (0..32).map(at).collect::<Vec<_>>());
}
