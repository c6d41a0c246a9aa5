//! What every `AccountStore` guarantees: accounts, their names, and what comes with a new one.

use futures_util::future::join_all;

use super::samples::{account, at, bot, client, hash, invite, record, rooms, user};
use super::{IdentityStores, is_conflict, is_missing, ok};
use crate::actor::TenantRole;
use crate::id::{BotId, MediaId};
use crate::store::{
    Account, AccountChange, AccountNews, AccountState, Admission, AuditFilter, ClientKind, ExternalIdentity, Invite,
    OAuthClient, SecondFactor, StoreError, TotpSecret,
};

pub(super) fn external(subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://id.example".to_owned(), subject: subject.to_owned() }
}

async fn create(stores: &IdentityStores, account: Account) -> Result<(), StoreError> {
    stores.accounts.create(account, Admission::default()).await
}

/// An account comes back as it was stored, by id and by name, whatever its fields hold.
pub async fn an_account_comes_back_as_it_was_stored(stores: &IdentityStores) {
    let plain = account(1, "alice");
    let factor = |confirmed, codes: u64| SecondFactor {
        secret: TotpSecret::new((0..=255).chain([0]).collect()),
        confirmed,
        last_step: (1 << 53) - 1,
        recovery: (0..codes).map(hash).collect(),
    };
    let full = Account {
        username: "Helper \u{0}\n".to_owned(),
        avatar: Some(MediaId::from_u128(u128::MAX)),
        profile_rev: (1 << 53) - 1,
        role: TenantRole::Owner,
        state: AccountState::Suspended,
        second_factor: Some(factor(true, 10)),
        rate_percent: u32::MAX,
        rights_rev: (1 << 53) - 1,
        rights_at: at(55),
        created_at: at(123),
        ..bot(u128::MAX, "helper", plain.user_id)
    };
    let empty = Account {
        display_name: String::new(),
        second_factor: Some(factor(false, 0)),
        rate_percent: 0,
        ..account(9, "empty")
    };
    let long = Account { display_name: "\u{1f37a}".repeat(5_000), ..account(10, "long") };
    let roles = [TenantRole::Guest, TenantRole::Moderator, TenantRole::Administrator];
    let others = roles.into_iter().zip(2..).map(|(role, n)| Account { role, ..account(n, &format!("role{n}")) });
    for account in [plain, full, empty, long].into_iter().chain(others) {
        ok(create(stores, account.clone()).await);
        assert_eq!(ok(stores.accounts.get(account.user_id).await).as_ref(), Some(&account));
        assert_eq!(ok(stores.accounts.find(&account.username_key).await).as_ref(), Some(&account));
    }
    assert_eq!(ok(stores.accounts.get(user(99)).await), None);
    assert_eq!(ok(stores.accounts.find("nobody").await), None);
}

/// A taken username or id is a conflict, and what was there stays as it was.
pub async fn a_taken_username_or_id_is_a_conflict_and_changes_nothing(stores: &IdentityStores) {
    let first = account(1, "alice");
    ok(create(stores, first.clone()).await);
    for second in [account(2, "alice"), account(1, "bob")] {
        let refused = create(stores, second).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    assert_eq!(ok(stores.accounts.get(first.user_id).await), Some(first));
    assert_eq!(ok(stores.accounts.get(user(2)).await), None);
    assert_eq!(ok(stores.accounts.find("bob").await), None);
    assert_eq!(ok(stores.feed.after(0, 9).await).len(), 1);
}

/// The store compares the key's bytes; folding names is the service's affair.
pub async fn usernames_are_compared_byte_by_byte(stores: &IdentityStores) {
    for (number, name) in ["alice", "Alice", "alice ", "\u{e5}", "a\u{30a}", "%", "_"].into_iter().enumerate() {
        ok(create(stores, account(number as u128, name)).await);
    }
    for (number, name) in [(0, "alice"), (1, "Alice"), (4, "a\u{30a}"), (5, "%"), (6, "_")] {
        assert_eq!(ok(stores.accounts.find(name).await).map(|account| account.user_id), Some(user(number)));
    }
}

/// Of concurrent accounts with one username one is stored; the others conflict.
pub async fn of_concurrent_accounts_with_one_username_one_is_stored(stores: &IdentityStores) {
    let created = join_all((0..16).map(|number| create(stores, account(number, "alice")))).await;
    let winner = created.iter().position(Result::is_ok);
    assert_eq!(created.iter().filter(|created| is_conflict(created)).count(), 15);
    let found = ok(stores.accounts.find("alice").await).map(|account| account.user_id);
    assert_eq!(found, winner.map(|winner| user(winner as u128)));
    for number in 0..16 {
        assert_eq!(ok(stores.accounts.get(user(number)).await).is_some(), found == Some(user(number)));
    }
}

/// A new account comes with its external identity, its client, the use of its invite, its feed entry and its audit
/// entry.
pub async fn a_new_account_comes_with_all_that_belongs_to_it(stores: &IdentityStores) {
    let invite = Invite { rooms: rooms(&[7, 8]), max_uses: Some(2), ..invite(1) };
    ok(stores.invites.create(invite.clone(), None).await);
    let alice = Account { created_at: at(3), ..account(1, "alice") };
    let admission = Admission {
        invite: Some((invite.invite_id, at(3))),
        external: Some(external("a")),
        client: None,
        audit: Some(record("account.created", 3)),
    };
    ok(stores.accounts.create(alice.clone(), admission).await);
    let helper = bot(2, "helper", user(1));
    let own = OAuthClient { kind: ClientKind::Bot { bot: BotId::from_u128(5), user: user(2) }, ..client("bot") };
    let admission = Admission { client: Some(own.clone()), ..Admission::default() };
    ok(stores.accounts.create(helper, admission).await);

    assert_eq!(ok(stores.accounts.find_external(&external("a")).await), Some(alice));
    assert_eq!(ok(stores.accounts.external_identities(user(1)).await), [external("a")]);
    assert_eq!(ok(stores.accounts.external_identities(user(2)).await), []);
    let inviter = invite.created_by;
    assert_eq!(ok(stores.invites.find(&invite.code).await), Some(Invite { uses: 1, ..invite }));
    assert_eq!(ok(stores.clients.get("bot").await), Some(own));
    let news: Vec<_> = ok(stores.feed.after(0, 9).await).into_iter().map(|entry| (entry.at, entry.news)).collect();
    let created = |rooms, invited_by| AccountNews::Created { rooms, invited_by };
    assert_eq!(news, [(at(3), created(rooms(&[7, 8]), inviter)), (at(0), created(Vec::new(), None))]);
    let trail = ok(stores.audit.list(&AuditFilter::default(), None, 9).await);
    assert_eq!(trail.iter().map(|entry| (entry.number, &*entry.action)).collect::<Vec<_>>(), [(1, "account.created")]);
}

/// An account that cannot be stored leaves nothing of what comes with it.
pub async fn a_refused_account_leaves_nothing_of_what_comes_with_it(stores: &IdentityStores) {
    let code = invite(1);
    ok(stores.invites.create(code.clone(), None).await);
    ok(stores.clients.create(client("taken"), None).await);
    let held = Admission { external: Some(external("held")), ..Admission::default() };
    ok(stores.accounts.create(account(1, "alice"), held).await);
    let whole = |number: u64| Admission {
        invite: Some((code.invite_id, at(1))),
        external: Some(external(&format!("new {number}"))),
        client: Some(client(&format!("new {number}"))),
        audit: Some(record("account.created", 1)),
    };
    let conflicts = [
        (account(2, "alice"), whole(1)),
        (account(1, "bob"), whole(2)),
        (account(2, "bob"), Admission { external: Some(external("held")), ..whole(3) }),
        (account(2, "bob"), Admission { client: Some(client("taken")), ..whole(4) }),
    ];
    for (account, admission) in conflicts {
        let refused = stores.accounts.create(account, admission).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    let nowhere = Admission { invite: Some((invite(9).invite_id, at(1))), ..whole(5) };
    let refused = stores.accounts.create(account(2, "bob"), nowhere).await;
    assert!(is_missing(&refused), "{refused:?}");

    assert_eq!(ok(stores.accounts.get(user(2)).await), None);
    assert_eq!(ok(stores.accounts.find("bob").await), None);
    assert_eq!(ok(stores.invites.find(&code.code).await), Some(code.clone()));
    assert_eq!(ok(stores.feed.after(0, 9).await).len(), 1);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await), []);
    for number in 1..=5 {
        let name = format!("new {number}");
        assert_eq!(ok(stores.accounts.find_external(&external(&name)).await), None);
        assert_eq!(ok(stores.clients.get(&name).await), None);
    }
    ok(stores.accounts.create(account(2, "bob"), whole(1)).await);
}

/// Of concurrent uses of an invite no more come in than it allows, and each of them is counted.
pub async fn an_invite_lets_no_more_in_than_it_allows(stores: &IdentityStores) {
    let last = Invite { max_uses: Some(3), uses: 2, ..invite(1) };
    ok(stores.invites.create(last.clone(), None).await);
    let admission = || Admission { invite: Some((last.invite_id, at(1))), ..Admission::default() };
    let created = join_all((0..16).map(|n| stores.accounts.create(account(n, &format!("name{n}")), admission()))).await;
    assert_eq!(created.iter().filter(|created| created.is_ok()).count(), 1);
    assert_eq!(created.iter().filter(|created| is_missing(created)).count(), 15);
    assert_eq!(ok(stores.invites.find(&last.code).await), Some(Invite { uses: 3, ..last }));
    let entries = ok(stores.feed.after(0, 99).await);
    let winner = created.iter().position(Result::is_ok).map(|winner| user(winner as u128));
    assert_eq!(entries.iter().map(|entry| Some(entry.user_id)).collect::<Vec<_>>(), [winner]);
}

/// An invite that was taken back, or whose time is over, lets nobody in; at `expires_at` it is over.
pub async fn an_invite_that_is_over_lets_nobody_in(stores: &IdentityStores) {
    let revoked = Invite { revoked_at: Some(at(1)), ..invite(1) };
    let expired = Invite { expires_at: Some(at(10)), ..invite(2) };
    for invite in [&revoked, &expired] {
        ok(stores.invites.create(invite.clone(), None).await);
    }
    let come = |number: u128, invite: &Invite, millis: u64| {
        let admission = Admission { invite: Some((invite.invite_id, at(millis))), ..Admission::default() };
        stores.accounts.create(account(number, &format!("name{number}")), admission)
    };
    assert!(is_missing(&come(1, &revoked, 0).await));
    assert!(is_missing(&come(2, &expired, 10).await));
    ok(come(3, &expired, 9).await);
    assert_eq!(ok(stores.invites.find(&expired.code).await), Some(Invite { uses: 1, ..expired }));
}

/// An external identity belongs to one account for ever; saying so again changes nothing.
pub async fn an_external_identity_belongs_to_one_account(stores: &IdentityStores) {
    for (number, name) in [(1, "alice"), (2, "bob")] {
        ok(create(stores, account(number, name)).await);
    }
    let nobody = stores.accounts.link(user(9), external("a"), None).await;
    assert!(is_missing(&nobody), "{nobody:?}");
    let linked = join_all((0..16).map(|n| stores.accounts.link(user(1 + n % 2), external("a"), None))).await;
    let owner = ok(stores.accounts.find_external(&external("a")).await).map(|account| account.user_id);
    let kept = |n: usize| owner == Some(user(1 + n as u128 % 2));
    assert!(linked.iter().enumerate().all(|(n, linked)| if kept(n) { linked.is_ok() } else { is_conflict(linked) }));
    let elsewhere = ExternalIdentity { issuer: "https://a.example".to_owned(), ..external("a") };
    for identity in [external("b"), elsewhere.clone(), external("b")] {
        ok(stores.accounts.link(user(1), identity, None).await);
    }
    let mut expected = vec![elsewhere, external("b")];
    expected.extend((owner == Some(user(1))).then(|| external("a")));
    expected.sort();
    assert_eq!(ok(stores.accounts.external_identities(user(1)).await), expected);
}

/// A link and what the audit trail says of it are one step; only an active account is linked, and what changes nothing is
/// not told of.
pub async fn a_link_is_told_in_its_own_step(stores: &IdentityStores) {
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        ok(create(stores, account(number, name)).await);
    }
    let link = |number, subject, millis| {
        stores.accounts.link(user(number), external(subject), Some(record("account.linked", millis)))
    };
    ok(link(1, "a", 1).await);
    ok(link(1, "a", 2).await);
    let taken = link(2, "a", 3).await;
    assert!(is_conflict(&taken), "{taken:?}");
    for change in [AccountChange::Suspend, AccountChange::Erase { messages: false }] {
        ok(stores.accounts.change(user(3), change.clone(), at(4), None).await);
        let refused = link(3, "c", 5).await;
        assert!(is_missing(&refused), "{change:?}: {refused:?}");
        assert_eq!(ok(stores.accounts.find_external(&external("c")).await), None);
    }
    let trail = ok(stores.audit.list(&AuditFilter::default(), None, 9).await);
    assert_eq!(trail.iter().map(|entry| (&*entry.action, entry.at)).collect::<Vec<_>>(), [("account.linked", at(1))]);
}

/// Who is unlinked from an issuer is nobody to it any more, whatever they were there, and this is told in the same step; of
/// another issuer and of others nothing goes.
pub async fn who_is_unlinked_is_nobody_to_the_issuer(stores: &IdentityStores) {
    let made_with = Admission { external: Some(external("a")), ..Admission::default() };
    ok(stores.accounts.create(account(1, "alice"), made_with).await);
    ok(create(stores, account(2, "bob")).await);
    let elsewhere = ExternalIdentity { issuer: "https://a.example".to_owned(), ..external("a") };
    for (number, identity) in [(1, external("b")), (1, elsewhere.clone()), (2, external("c"))] {
        ok(stores.accounts.link(user(number), identity, None).await);
    }
    let issuer = external("").issuer;
    let unlink =
        |number, millis| stores.accounts.unlink(user(number), &issuer, Some(record("account.unlinked", millis)));
    assert!(ok(unlink(1, 1).await));
    assert!(!ok(unlink(1, 2).await) && !ok(unlink(9, 3).await));
    assert_eq!(ok(stores.accounts.external_identities(user(1)).await), [elsewhere]);
    for subject in ["a", "b"] {
        assert_eq!(ok(stores.accounts.find_external(&external(subject)).await), None);
    }
    assert_eq!(ok(stores.accounts.external_identities(user(2)).await), [external("c")]);
    let trail = ok(stores.audit.list(&AuditFilter::default(), None, 9).await);
    assert_eq!(trail.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(1)]);
    // It is free for somebody else.
    ok(stores.accounts.link(user(2), external("a"), None).await);
}
