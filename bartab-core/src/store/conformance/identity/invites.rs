//! What every `InviteStore` guarantees.

use futures_util::future::join_all;

use super::samples::{at, hash, invite, record, rooms, user};
use super::{IdentityStores, is_conflict, ok};
use crate::actor::TenantRole;
use crate::id::InviteId;
use crate::store::{AuditFilter, Invite};

/// An invite comes back as it was stored, whatever its fields hold.
pub async fn an_invite_comes_back_as_it_was_stored(stores: &IdentityStores) {
    let full = Invite {
        invite_id: InviteId::from_u128(u128::MAX),
        created_by: None,
        role: TenantRole::Administrator,
        rooms: rooms(&[2, 1, u128::MAX, 2]),
        max_uses: Some(u32::MAX),
        uses: u32::MAX,
        created_at: at(1),
        expires_at: Some(at(2)),
        revoked_at: Some(at(3)),
        ..invite(2)
    };
    for (invite, audit) in [(invite(1), None), (full, Some(record("invite.created", 1)))] {
        ok(stores.invites.create(invite.clone(), audit).await);
        assert_eq!(ok(stores.invites.find(&invite.code).await), Some(invite));
    }
    assert_eq!(ok(stores.invites.find(&hash(9)).await), None);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await).len(), 1);
}

/// A taken id or code is a conflict, and changes nothing.
pub async fn a_taken_invite_id_or_code_is_a_conflict(stores: &IdentityStores) {
    ok(stores.invites.create(invite(1), None).await);
    for taken in [Invite { code: hash(2), ..invite(1) }, Invite { code: hash(1), ..invite(2) }] {
        let refused = stores.invites.create(taken, Some(record("invite.created", 1))).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    assert_eq!(ok(stores.invites.list(None, None, 9).await), [invite(1)]);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await), []);
}

/// Invites are listed newest id first, in pages; those of one person when that is asked.
pub async fn invites_are_listed_by_falling_id(stores: &IdentityStores) {
    for number in 1..=6 {
        let created_by = (number % 3 > 0).then(|| user(u128::from(number % 3)));
        ok(stores.invites.create(Invite { created_by, ..invite(number) }, None).await);
    }
    let listed = |creator: Option<u128>, before: Option<u64>, limit| async move {
        let before = before.map(|before| invite(before).invite_id);
        let page = ok(stores.invites.list(creator.map(user), before, limit).await);
        page.into_iter().map(|invite| invite.invite_id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, None, 4).await, [6, 5, 4, 3]);
    assert_eq!(listed(None, Some(3), 4).await, [2, 1]);
    assert_eq!(listed(Some(1), None, 9).await, [4, 1]);
    assert_eq!(listed(Some(1), Some(4), 9).await, [1]);
    assert_eq!(listed(Some(2), None, 1).await, [5]);
    assert_eq!(listed(Some(7), None, 9).await, []);
}

/// An invite is taken back once, at the time given, and by who made it or by whoever may take back any.
pub async fn an_invite_is_taken_back_once(stores: &IdentityStores) {
    ok(stores.invites.create(invite(1), None).await);
    ok(stores.invites.create(Invite { created_by: None, ..invite(2) }, None).await);
    let revoke = |number: u64, creator: Option<u128>, millis| {
        let audit = Some(record("invite.revoked", millis));
        stores.invites.revoke(invite(number).invite_id, creator.map(user), at(millis), audit)
    };
    assert!(!ok(revoke(1, Some(2), 1).await) && !ok(revoke(9, None, 1).await) && !ok(revoke(2, Some(1), 1).await));
    assert_eq!(ok(stores.invites.find(&hash(1)).await), Some(invite(1)));
    let revoked = join_all((0..8).map(|_| revoke(1, Some(1), 5))).await;
    assert_eq!(revoked.into_iter().filter(|revoked| matches!(revoked, Ok(true))).count(), 1);
    assert!(!ok(revoke(1, None, 6).await) && ok(revoke(2, None, 7).await));
    assert_eq!(ok(stores.invites.find(&hash(1)).await), Some(Invite { revoked_at: Some(at(5)), ..invite(1) }));
    let trail = ok(stores.audit.list(&AuditFilter::default(), None, 9).await);
    assert_eq!(trail.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(7), at(5)]);
}
