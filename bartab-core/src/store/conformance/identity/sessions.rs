//! What every `SessionStore` guarantees.

#![expect(clippy::expect_used, reason = "a clause fails by panicking, as a test does")]

use std::time::Duration;

use futures_util::future::join_all;

use super::samples::{at, user};
use super::{IdentityStores, ok};
use crate::actor::{Scope, Scopes};
use crate::id::SessionId;
use crate::store::{Rotation, RotationOutcome, Session, SpentToken, StoreError, TokenHash};

fn half(number: u8) -> TokenHash {
    TokenHash::of(&[number])
}

/// A session of `user` with family `half(0)` and current token `half(1)`, from `at(0)` to `at(1000)`.
pub(super) fn session(number: u128, owner: u128) -> Session {
    Session {
        session_id: SessionId::from_u128(number),
        user_id: user(owner),
        client_id: "bartab".to_owned(),
        device_name: None,
        scopes: Scopes::PERSON,
        family: half(0),
        current: half(1),
        previous: None,
        methods: "pwd".to_owned(),
        granted: false,
        created_at: at(0),
        last_used_at: at(0),
        expires_at: at(1000),
        ended_at: None,
    }
}

/// The use of token `presented` of session `number` at `at(now)`; it is replaced by `half(next)`.
pub(super) fn rotation(number: u128, presented: u8, next: u8, now: u64) -> Rotation {
    Rotation {
        session_id: SessionId::from_u128(number),
        family: half(0),
        presented: half(presented),
        next: half(next),
        successor: [next; 32],
        grace: Duration::ZERO,
        now: at(now),
        expires_at: at(now + 1000),
    }
}

async fn stored(stores: &IdentityStores, number: u128) -> Session {
    let session = stores.sessions.get(SessionId::from_u128(number)).await;
    session.expect("the store answers").expect("the session is there")
}

/// A session comes back as it was stored, whatever its fields hold.
pub async fn a_session_comes_back_as_it_was_stored(stores: &IdentityStores) {
    let full = Session {
        device_name: Some("phone '\"\u{1f4f1}".to_owned()),
        scopes: [Scope::ChatRead, Scope::OfflineAccess].into_iter().collect(),
        previous: Some(SpentToken { hash: half(9), spent_at: at(5), successor: Some([7; 32]) }),
        methods: "pwd otp mfa".to_owned(),
        granted: true,
        last_used_at: at(5),
        ended_at: Some(at(6)),
        client_id: "other".to_owned(),
        ..session(u128::MAX, u128::MAX)
    };
    for session in [session(1, 1), full, Session { scopes: Scopes::NONE, ..session(2, 1) }] {
        stores.sessions.create(session.clone()).await.expect("a new session is stored");
        assert_eq!(stores.sessions.get(session.session_id).await.expect("the store answers"), Some(session));
    }
    assert_eq!(stores.sessions.get(SessionId::from_u128(3)).await.expect("the store answers"), None);
}

/// A taken session id is a conflict, and what was there stays as it was.
pub async fn a_taken_session_id_is_a_conflict_and_changes_nothing(stores: &IdentityStores) {
    stores.sessions.create(session(1, 1)).await.expect("a new session is stored");
    let refused = stores.sessions.create(session(1, 2)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(stored(stores, 1).await, session(1, 1));
}

/// Rotation replaces the token, moves the session's end, and remembers the token before.
pub async fn rotation_replaces_the_token_and_remembers_the_one_before(stores: &IdentityStores) {
    stores.sessions.create(session(1, 1)).await.expect("a new session is stored");
    stores.sessions.create(session(2, 1)).await.expect("a new session is stored");
    for now in 1..5 {
        let rotation = rotation(1, now, now + 1, u64::from(now) * 100);
        let outcome = stores.sessions.rotate(rotation).await.expect("the store answers");
        let expected = Session {
            current: half(now + 1),
            previous: Some(SpentToken { hash: half(now), spent_at: rotation.now, successor: Some(rotation.successor) }),
            last_used_at: rotation.now,
            expires_at: rotation.expires_at,
            ..session(1, 1)
        };
        assert_eq!(outcome, RotationOutcome::Rotated(expected.clone()));
        assert_eq!(stored(stores, 1).await, expected);
    }
    assert_eq!(stored(stores, 2).await, session(2, 1));
}

/// Of concurrent rotations with one token one wins; the next one ends the session, and the rest find it ended.
pub async fn of_concurrent_rotations_with_one_token_one_wins(stores: &IdentityStores) {
    stores.sessions.create(session(1, 1)).await.expect("a new session is stored");
    let outcomes = join_all((0..16).map(|n| stores.sessions.rotate(rotation(1, 1, 100 + n, 10)))).await;
    let outcomes: Vec<RotationOutcome> =
        outcomes.into_iter().map(|outcome| outcome.expect("the store answers")).collect();
    let count = |wanted: fn(&RotationOutcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, RotationOutcome::Rotated(_))), 1);
    assert_eq!(count(|outcome| matches!(outcome, RotationOutcome::Reused(_))), 1);
    assert_eq!(count(|outcome| *outcome == RotationOutcome::Refused), 14);
    assert_eq!(stored(stores, 1).await.ended_at, Some(at(10)));
}

/// A spent token of any age ends the session, and then the newest is no good either.
pub async fn a_spent_token_of_any_age_ends_the_session(stores: &IdentityStores) {
    for (number, spent) in [(1, 1), (2, 2), (3, 3)] {
        stores.sessions.create(session(number, 1)).await.expect("a new session is stored");
        for n in 1..4 {
            let outcome = stores.sessions.rotate(rotation(number, n, n + 1, 10)).await.expect("the store answers");
            assert!(matches!(outcome, RotationOutcome::Rotated(_)), "{outcome:?}");
        }
        let before = stored(stores, number).await;
        let reused = stores.sessions.rotate(rotation(number, spent, 50, 20)).await.expect("the store answers");
        let ended = Session { ended_at: Some(at(20)), ..before };
        assert_eq!(reused, RotationOutcome::Reused(ended.clone()));
        assert_eq!(stored(stores, number).await, ended);
        let newest = stores.sessions.rotate(rotation(number, 4, 5, 21)).await.expect("the store answers");
        assert_eq!(newest, RotationOutcome::Refused);
        assert_eq!(stored(stores, number).await, ended);
    }
}

/// A token of another family, or for a session that is not there, ends nothing.
pub async fn a_token_of_another_family_or_session_ends_nothing(stores: &IdentityStores) {
    stores.sessions.create(session(1, 1)).await.expect("a new session is stored");
    let foreign = [
        Rotation { family: half(8), ..rotation(1, 1, 2, 10) },
        Rotation { family: half(8), ..rotation(1, 7, 2, 10) },
        rotation(2, 1, 2, 10),
    ];
    for rotation in foreign {
        let outcome = stores.sessions.rotate(rotation).await.expect("the store answers");
        assert_eq!(outcome, RotationOutcome::Refused);
    }
    assert_eq!(stored(stores, 1).await, session(1, 1));
}

/// An ended session is not rotated, nor one whose time is up: at `expires_at` it is over.
pub async fn an_ended_or_expired_session_is_not_rotated(stores: &IdentityStores) {
    for number in 1..=3 {
        stores.sessions.create(session(number, 1)).await.expect("a new session is stored");
    }
    assert!(stores.sessions.end(user(1), SessionId::from_u128(1), at(5)).await.expect("the store answers"));
    for refused in [rotation(1, 1, 2, 10), rotation(2, 1, 2, 1000), rotation(2, 7, 2, 1001)] {
        let outcome = stores.sessions.rotate(refused).await.expect("the store answers");
        assert_eq!(outcome, RotationOutcome::Refused);
    }
    assert_eq!(stored(stores, 2).await, session(2, 1));
    let last = stores.sessions.rotate(rotation(3, 1, 2, 999)).await.expect("the store answers");
    assert!(matches!(last, RotationOutcome::Rotated(_)), "{last:?}");
}

/// A session is ended once, at the time given, and by its owner alone.
pub async fn a_session_is_ended_once_and_by_its_owner_alone(stores: &IdentityStores) {
    stores.sessions.create(session(1, 1)).await.expect("a new session is stored");
    let end =
        |owner: u128, session: u128, now: u64| stores.sessions.end(user(owner), SessionId::from_u128(session), at(now));
    assert!(!end(2, 1, 5).await.expect("the store answers"));
    assert!(!end(1, 9, 5).await.expect("the store answers"));
    assert_eq!(stored(stores, 1).await.ended_at, None);
    let ended = join_all((0..8).map(|_| end(1, 1, 6))).await;
    assert_eq!(ended.into_iter().filter(|ended| matches!(ended, Ok(true))).count(), 1);
    assert!(!end(1, 1, 7).await.expect("the store answers"));
    assert_eq!(stored(stores, 1).await, Session { ended_at: Some(at(6)), ..session(1, 1) });
}

/// Ending the others keeps one, spares other people, and names what it ended.
pub async fn ending_the_others_keeps_one_and_spares_other_people(stores: &IdentityStores) {
    let over = Session { expires_at: at(1), ..session(4, 1) };
    for session in [session(1, 1), session(2, 1), session(3, 1), over.clone(), session(5, 2)] {
        stores.sessions.create(session).await.expect("a new session is stored");
    }
    let others =
        |keep: Option<u128>, now: u64| stores.sessions.end_others(user(1), keep.map(SessionId::from_u128), at(now));
    let mut ended = others(Some(2), 10).await.expect("the store answers");
    ended.sort_unstable();
    assert_eq!(ended, [1, 3].map(SessionId::from_u128));
    assert_eq!(stored(stores, 1).await.ended_at, Some(at(10)));
    for untouched in [session(2, 1), over, session(5, 2)] {
        assert_eq!(stores.sessions.get(untouched.session_id).await.expect("the store answers"), Some(untouched));
    }
    assert_eq!(others(None, 11).await.expect("the store answers"), [SessionId::from_u128(2)]);
    assert_eq!(others(None, 12).await.expect("the store answers"), []);
}

/// Ending the sessions of a client ends everybody's, spares those of other clients, and names what it ended.
pub async fn ending_those_of_a_client_spares_other_clients(stores: &IdentityStores) {
    let of = |number: u128, user: u128, client: &str| Session { client_id: client.to_owned(), ..session(number, user) };
    let over = Session { expires_at: at(1), ..of(4, 1, "wiki") };
    for session in [of(1, 1, "wiki"), of(2, 2, "wiki"), of(3, 1, "wik"), over.clone(), of(5, 2, "WIKI")] {
        stores.sessions.create(session).await.expect("a new session is stored");
    }
    let mut ended = stores.sessions.end_of_client("wiki", at(10)).await.expect("the store answers");
    ended.sort_unstable();
    assert_eq!(ended, [1, 2].map(SessionId::from_u128));
    assert_eq!(stored(stores, 2).await.ended_at, Some(at(10)));
    for untouched in [of(3, 1, "wik"), over, of(5, 2, "WIKI")] {
        assert_eq!(stores.sessions.get(untouched.session_id).await.expect("the store answers"), Some(untouched));
    }
    assert_eq!(stores.sessions.end_of_client("wiki", at(11)).await.expect("the store answers"), []);
}

/// Live sessions are listed by falling id, up to the limit, of one person alone, and from any of them on.
pub async fn live_sessions_are_listed_newest_first_up_to_the_limit(stores: &IdentityStores) {
    for number in 1..=5 {
        let session = Session { created_at: at(100 - number * 10), ..session(u128::from(number), 1) };
        stores.sessions.create(session).await.expect("a new session is stored");
    }
    stores.sessions.create(session(20, 2)).await.expect("a new session is stored");
    stores.sessions.create(Session { expires_at: at(100), ..session(21, 1) }).await.expect("a new session is stored");
    let owner = user(1);
    stores.sessions.end(owner, SessionId::from_u128(2), at(99)).await.expect("the store answers");
    let list = async |before: Option<u128>, now, limit| {
        let before = before.map(SessionId::from_u128);
        let listed = stores.sessions.list(owner, before, at(now), limit).await.expect("the store answers");
        listed.iter().map(|session| session.session_id.as_u128()).collect::<Vec<u128>>()
    };
    assert_eq!(list(None, 100, 3).await, [5, 4, 3]);
    assert_eq!(list(Some(3), 100, 3).await, [1]);
    assert_eq!(list(Some(4), 100, 1).await, [3]);
    assert_eq!(list(Some(1), 100, 3).await, []);
    assert_eq!(list(Some(99), 99, 100).await, [21, 5, 4, 3, 1], "whether or not there is one");
    assert_eq!(list(None, 1000, 100).await, []);
}

/// Sessions that were ended are known since a time, that moment included; those that ran out are not among them.
pub async fn ended_sessions_are_known_since_a_time(stores: &IdentityStores) {
    for number in 1..=4 {
        stores.sessions.create(session(number, number)).await.expect("a new session is stored");
    }
    for (number, now) in [(1, 10), (2, 20), (3, 30)] {
        stores.sessions.end(user(number), SessionId::from_u128(number), at(now)).await.expect("the store answers");
    }
    stores.sessions.rotate(rotation(4, 9, 2, 40)).await.expect("the store answers");
    let mut ended = stores.sessions.ended_since(at(20)).await.expect("the store answers");
    ended.sort_unstable();
    assert_eq!(ended, [2, 3, 4].map(SessionId::from_u128));
    assert_eq!(stores.sessions.ended_since(at(41)).await.expect("the store answers"), []);
}

/// Pruning removes what ended or ran out before a time, and nothing else, up to the limit.
pub async fn pruning_removes_only_what_is_over_up_to_the_limit(stores: &IdentityStores) {
    for number in 1..=6 {
        stores.sessions.create(session(number, 1)).await.expect("a new session is stored");
    }
    let gone = Session { expires_at: at(50), ..session(7, 1) };
    let last = Session { expires_at: at(100), ..session(8, 1) };
    for session in [gone, last] {
        stores.sessions.create(session).await.expect("a new session is stored");
    }
    for (number, now) in [(1, 10), (2, 20), (3, 100)] {
        stores.sessions.end(user(1), SessionId::from_u128(number), at(now)).await.expect("the store answers");
    }
    assert_eq!(stores.sessions.prune(at(100), 2).await.expect("the store answers"), 2);
    assert_eq!(stores.sessions.prune(at(100), 2).await.expect("the store answers"), 1);
    assert_eq!(stores.sessions.prune(at(100), 2).await.expect("the store answers"), 0);
    for (number, there) in [(1, false), (2, false), (3, true), (4, true), (5, true), (6, true), (7, false), (8, true)] {
        let session = stores.sessions.get(SessionId::from_u128(number)).await.expect("the store answers");
        assert_eq!(session.is_some(), there, "session {number}");
    }
}

/// A session gets another name, or none, from its owner alone and while it is live.
pub async fn a_live_session_is_renamed_by_its_owner_alone(stores: &IdentityStores) {
    ok(stores.sessions.create(session(1, 1)).await);
    ok(stores.sessions.create(session(2, 1)).await);
    ok(stores.sessions.create(Session { ended_at: Some(at(5)), ..session(3, 1) }).await);
    let rename = |number: u128, owner: u128, name: Option<&str>, now: u64| {
        stores.sessions.rename(user(owner), SessionId::from_u128(number), name.map(str::to_owned), at(now))
    };
    let long = "\u{1f4f1}".repeat(900);
    for name in [Some("phone \u{0}'"), Some(&long), Some(&long[4..]), Some(""), None, Some("tablet")] {
        assert!(ok(rename(1, 1, name, 999).await));
        let renamed = Session { device_name: name.map(str::to_owned), ..session(1, 1) };
        assert_eq!(stored(stores, 1).await, renamed);
    }
    for (number, owner, now) in [(1, 2, 10), (1, 1, 1000), (3, 1, 10), (4, 1, 10)] {
        assert!(!ok(rename(number, owner, Some("stolen"), now).await));
    }
    assert_eq!(stored(stores, 1).await.device_name.as_deref(), Some("tablet"));
    assert_eq!(stored(stores, 2).await, session(2, 1));
    assert_eq!(stored(stores, 3).await.device_name, None);
    // Rotation leaves the name alone.
    ok(stores.sessions.rotate(rotation(1, 1, 2, 10)).await);
    assert_eq!(stored(stores, 1).await.device_name.as_deref(), Some("tablet"));
}

/// A token that was spent a moment ago is answered again and nothing changes; after the grace it ends the session.
pub async fn within_its_grace_a_spent_token_is_answered_again(stores: &IdentityStores) {
    let graceful =
        |presented, next, now| Rotation { grace: Duration::from_millis(10), ..rotation(1, presented, next, now) };
    ok(stores.sessions.create(session(1, 1)).await);
    let first = ok(stores.sessions.rotate(graceful(1, 2, 100)).await);
    let rotated = stored(stores, 1).await;
    assert_eq!(first, RotationOutcome::Rotated(rotated.clone()));
    let again = join_all((0..8).map(|n| stores.sessions.rotate(graceful(1, 50 + n, 109)))).await;
    for outcome in again {
        assert_eq!(ok(outcome), RotationOutcome::Repeated(rotated.clone()));
    }
    assert_eq!(stored(stores, 1).await, rotated);
    assert_eq!(rotated.previous.and_then(|spent| spent.successor), Some([2; 32]));
    // The successor is good all the while, and once it is used there is no grace for the one before it.
    let second = ok(stores.sessions.rotate(graceful(2, 3, 105)).await);
    assert!(matches!(second, RotationOutcome::Rotated(_)), "{second:?}");
    let older = ok(stores.sessions.rotate(graceful(1, 60, 106)).await);
    assert!(matches!(older, RotationOutcome::Reused(_)), "{older:?}");
    assert_eq!(stored(stores, 1).await.ended_at, Some(at(106)));

    ok(stores.sessions.create(session(2, 1)).await);
    let late =
        |presented, next, now| Rotation { session_id: SessionId::from_u128(2), ..graceful(presented, next, now) };
    ok(stores.sessions.rotate(late(1, 2, 100)).await);
    let reused = ok(stores.sessions.rotate(late(1, 3, 110)).await);
    assert!(matches!(reused, RotationOutcome::Reused(_)), "{reused:?}");
    assert_eq!(stored(stores, 2).await.ended_at, Some(at(110)));
}
