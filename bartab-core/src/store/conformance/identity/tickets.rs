//! What every `TicketStore` guarantees.

use futures_util::future::join_all;

use super::samples::{at, hash, user};
use super::{IdentityStores, is_conflict, ok};
use crate::store::{Spending, Ticket, TicketPurpose};

const PURPOSES: [TicketPurpose; 7] = [
    TicketPurpose::AuthorizationCode,
    TicketPurpose::DeviceCode,
    TicketPurpose::UserCode,
    TicketPurpose::ProviderState,
    TicketPurpose::Setup,
    TicketPurpose::Reset,
    TicketPurpose::SignIn,
];

/// Nobody's ticket of a sign-in with the secret `hash(number)`, good until `at(1000)`.
pub(super) fn ticket(number: u64) -> Ticket {
    Ticket {
        secret: hash(number),
        purpose: TicketPurpose::SignIn,
        user: None,
        payload: b"payload".to_vec(),
        version: 1,
        expires_at: at(1000),
        spent_at: None,
    }
}

async fn get(stores: &IdentityStores, number: u64) -> Option<Ticket> {
    ok(stores.tickets.get(TicketPurpose::SignIn, &hash(number)).await)
}

/// A ticket comes back as it was stored, for its own purpose alone.
pub async fn a_ticket_comes_back_for_its_own_purpose_alone(stores: &IdentityStores) {
    for (purpose, n) in PURPOSES.into_iter().zip(1..) {
        let full = Ticket {
            purpose,
            user: Some(user(u128::MAX)),
            payload: (0..=255).cycle().take(n * 997).collect(),
            version: u32::MAX,
            spent_at: Some(at(5)),
            ..ticket(n as u64)
        };
        let empty = Ticket { payload: Vec::new(), ..ticket(n as u64 + 100) };
        ok(stores.tickets.create(vec![full.clone(), empty.clone()]).await);
        assert_eq!(get(stores, n as u64 + 100).await, Some(empty));
        for asked in PURPOSES {
            let found = ok(stores.tickets.get(asked, &full.secret).await);
            assert_eq!(found, (asked == purpose).then(|| full.clone()), "{asked:?} of {purpose:?}");
            if asked != purpose {
                assert_eq!(ok(stores.tickets.spend(asked, &full.secret, at(6)).await), Spending::Refused);
            }
        }
    }
}

/// All tickets are stored or none: when a secret is taken for the same purpose, also within the batch.
pub async fn tickets_are_stored_all_or_none(stores: &IdentityStores) {
    ok(stores.tickets.create(vec![ticket(1)]).await);
    ok(stores.tickets.create(Vec::new()).await);
    for batch in [vec![ticket(2), ticket(1)], vec![ticket(2), ticket(3), ticket(2)]] {
        let refused = stores.tickets.create(batch).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    assert_eq!((get(stores, 2).await, get(stores, 3).await), (None, None));
    let device = Ticket { purpose: TicketPurpose::DeviceCode, ..ticket(1) };
    ok(stores.tickets.create(vec![device, ticket(2)]).await);
}

/// A ticket is spent once under any concurrency, and whoever comes later is told that it was.
pub async fn a_ticket_is_spent_once(stores: &IdentityStores) {
    ok(stores.tickets.create(vec![ticket(1), ticket(2)]).await);
    let spend = async |number, millis| stores.tickets.spend(TicketPurpose::SignIn, &hash(number), at(millis)).await;
    let spent = Ticket { spent_at: Some(at(5)), ..ticket(1) };
    let outcomes: Vec<Spending> = join_all((0..16).map(|_| spend(1, 5)))
        .await
        .into_iter()
        .map(|outcome| outcome.unwrap_or(Spending::Refused))
        .collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Spending::First(spent.clone())).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Spending::Again(spent.clone())).count(), 15);
    assert_eq!(ok(spend(1, 2000).await), Spending::Again(spent.clone()));
    assert_eq!(get(stores, 1).await, Some(spent));
    assert_eq!(ok(spend(9, 5).await), Spending::Refused);
    assert_eq!(get(stores, 2).await, Some(ticket(2)));
}

/// A ticket is good until its time is over, that moment not included, and then it is as if there were none.
pub async fn a_ticket_is_good_until_its_time_is_over(stores: &IdentityStores) {
    ok(stores.tickets.create(vec![ticket(1), ticket(2)]).await);
    let spend = async |number, millis| stores.tickets.spend(TicketPurpose::SignIn, &hash(number), at(millis)).await;
    assert_eq!(ok(spend(1, 1000).await), Spending::Refused);
    assert_eq!(get(stores, 1).await, Some(ticket(1)));
    assert!(matches!(ok(spend(2, 999).await), Spending::First(_)));
}

/// A payload is replaced only from the version that it was decided from, and while the ticket is good.
pub async fn a_payload_is_replaced_from_its_version_alone(stores: &IdentityStores) {
    ok(stores.tickets.create(vec![ticket(1), ticket(2), Ticket { spent_at: Some(at(1)), ..ticket(3) }]).await);
    let replace = async |number, version, n: u8, millis| {
        let (secret, payload) = (hash(number), vec![n; 300]);
        stores.tickets.replace(TicketPurpose::SignIn, &secret, version, Some(user(5)), payload, at(millis)).await
    };
    let replaced = join_all((0..8).map(|n| replace(1, 1, n, 5))).await;
    let winner = replaced.iter().position(|replaced| matches!(replaced, Ok(true)));
    assert_eq!(replaced.iter().filter(|replaced| matches!(replaced, Ok(false))).count(), 7);
    let payload = winner.map(|winner| vec![winner as u8; 300]).unwrap_or_default();
    let expected = Ticket { version: 2, user: Some(user(5)), payload, ..ticket(1) };
    assert_eq!(get(stores, 1).await, Some(expected));
    assert!(!ok(replace(1, 1, 9, 5).await) && ok(replace(1, 2, 9, 5).await));
    for (number, millis) in [(2, 1000), (3, 5), (4, 5)] {
        assert!(!ok(replace(number, 1, 9, millis).await));
    }
    assert_eq!(get(stores, 2).await, Some(ticket(2)));
    let nobody = stores.tickets.replace(TicketPurpose::SignIn, &hash(1), 3, None, Vec::new(), at(5)).await;
    assert!(ok(nobody));
    let expected = Ticket { version: 4, payload: Vec::new(), ..ticket(1) };
    assert_eq!(get(stores, 1).await, Some(expected));
}

/// The tickets of one person, or those of nobody, are removed for one purpose.
pub async fn the_tickets_of_one_person_are_removed_for_one_purpose(stores: &IdentityStores) {
    let of = |number: u64, owner: Option<u128>| Ticket { user: owner.map(user), ..ticket(number) };
    let reset = Ticket { purpose: TicketPurpose::Reset, ..of(4, Some(1)) };
    ok(stores.tickets.create(vec![of(1, Some(1)), of(2, Some(2)), of(3, None), reset.clone(), of(5, Some(1))]).await);
    ok(stores.tickets.remove_all(TicketPurpose::SignIn, Some(user(1))).await);
    let there = async || {
        let mut there = Vec::new();
        for number in 1..=5 {
            there.extend(get(stores, number).await.map(|_| number));
        }
        there
    };
    assert_eq!(there().await, [2, 3]);
    assert_eq!(ok(stores.tickets.get(TicketPurpose::Reset, &hash(4)).await), Some(reset));
    ok(stores.tickets.remove_all(TicketPurpose::SignIn, None).await);
    assert_eq!(there().await, [2]);
}

/// Pruning removes what was over before a time, and nothing else, up to the limit.
pub async fn pruning_tickets_removes_what_is_over_up_to_the_limit(stores: &IdentityStores) {
    let until = |number: u64, millis| Ticket { expires_at: at(millis), spent_at: Some(at(1)), ..ticket(number) };
    ok(stores.tickets.create(vec![until(1, 10), until(2, 20), until(3, 30), until(4, 99), until(5, 100)]).await);
    assert_eq!(ok(stores.tickets.prune(at(99), 2).await), 2);
    assert_eq!(ok(stores.tickets.prune(at(99), 2).await), 1);
    assert_eq!(ok(stores.tickets.prune(at(99), 2).await), 0);
    for number in 1..=5 {
        assert_eq!(get(stores, number).await.is_some(), number > 3);
    }
}
