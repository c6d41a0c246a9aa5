//! What every `AccountStore` guarantees: changes of accounts, and what others hear of them.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::accounts::external;
use super::samples::{account, at, bot, client, hash, record, user};
use super::sessions::session;
use super::tickets::ticket;
use super::{IdentityStores, is_conflict, is_missing, ok};
use crate::actor::{Scope, Scopes, TenantRole};
use crate::id::{BotId, MediaId, UserId};
use crate::store::{
    Account, AccountChange, AccountNews, AccountState, Admission, AuditFilter, ClientKind, OAuthClient, PasswordHash,
    ProfileChange, SecondFactorChange, Session, StoreError, Ticket, TicketPurpose, TotpSecret,
};

async fn create(stores: &IdentityStores, account: &Account) {
    ok(stores.accounts.create(account.clone(), Admission::default()).await);
}

async fn change(stores: &IdentityStores, user: UserId, change: AccountChange) -> Result<Account, StoreError> {
    stores.accounts.change(user, change, at(9), None).await
}

fn secret() -> TotpSecret {
    TotpSecret::new(vec![0, 1, 255])
}

fn use_step(step: u64) -> SecondFactorChange {
    SecondFactorChange::UseStep { secret: secret(), step }
}

fn named(name: &str) -> AccountChange {
    AccountChange::Profile(ProfileChange { display_name: Some(name.to_owned()), avatar: None })
}

/// Every kind of change leaves the account as the pure function does, and the feed and the trail say what they must.
pub async fn a_change_does_what_the_pure_function_does(stores: &IdentityStores) {
    let mut expected = account(1, "alice");
    create(stores, &expected).await;
    let bystander = account(2, "bob");
    create(stores, &bystander).await;
    let factor = AccountChange::SecondFactor;
    let picture = ProfileChange { display_name: None, avatar: Some(Some(MediaId::from_u128(5))) };
    let (old, new) = (PasswordHash::new("old"), PasswordHash::new("new".repeat(99)));
    let changes = [
        named("Al"),
        named("Al"),
        AccountChange::Profile(picture),
        AccountChange::Profile(ProfileChange { display_name: Some("\u{1f37a}".repeat(64)), avatar: Some(None) }),
        AccountChange::Role(TenantRole::Moderator),
        AccountChange::Role(TenantRole::Moderator),
        AccountChange::Suspend,
        AccountChange::Suspend,
        AccountChange::Restore,
        AccountChange::Restore,
        AccountChange::Password(Some(old.clone())),
        AccountChange::Rehash { from: new.clone(), to: PasswordHash::new("lost") },
        AccountChange::Rehash { from: old, to: new },
        AccountChange::Password(None),
        AccountChange::RatePercent(1_000),
        AccountChange::Revoke,
        factor(use_step(4)),
        factor(SecondFactorChange::Begin(secret())),
        factor(SecondFactorChange::Confirm { secret: TotpSecret::new(vec![1]), step: 5, recovery: vec![hash(1)] }),
        factor(SecondFactorChange::Confirm { secret: secret(), step: 5, recovery: vec![hash(1), hash(2)] }),
        factor(SecondFactorChange::Begin(TotpSecret::new(vec![7]))),
        factor(use_step(5)),
        factor(SecondFactorChange::UseStep { secret: TotpSecret::new(vec![7]), step: 6 }),
        factor(use_step(6)),
        factor(SecondFactorChange::UseRecovery(hash(1))),
        factor(SecondFactorChange::UseRecovery(hash(1))),
        factor(SecondFactorChange::ReplaceRecovery(vec![hash(3)])),
        factor(SecondFactorChange::Reseal { from: TotpSecret::new(vec![7]), to: TotpSecret::new(vec![8]) }),
        factor(SecondFactorChange::Reseal { from: secret(), to: TotpSecret::new(vec![8]) }),
        factor(SecondFactorChange::Discard),
        factor(SecondFactorChange::Remove),
        factor(SecondFactorChange::Discard),
        factor(SecondFactorChange::Begin(secret())),
        factor(SecondFactorChange::Discard),
        AccountChange::Password(Some(PasswordHash::new("last"))),
        factor(SecondFactorChange::Begin(TotpSecret::new(vec![9]))),
        AccountChange::Reset,
        AccountChange::Erase { messages: false },
        AccountChange::Restore,
        AccountChange::Erase { messages: false },
        AccountChange::Erase { messages: true },
        AccountChange::Erase { messages: true },
        AccountChange::Erase { messages: false },
        AccountChange::Revoke,
    ];
    let mut news = vec![AccountNews::Created { rooms: Vec::new(), invited_by: None }; 2];
    let (mut millis, mut acts) = (9, Vec::new());
    for change in changes {
        millis += 1;
        let expectation = change.apply(&mut expected, at(millis));
        let audit = Some(record("account.changed", millis));
        let changed = stores.accounts.change(user(1), change.clone(), at(millis), audit).await;
        match (expectation, changed) {
            (Ok(said), Ok(changed)) => {
                assert_eq!(changed, expected, "{change:?}");
                news.extend(said);
                acts.push(at(millis));
            }
            (Err(StoreError::Conflict), Err(StoreError::Conflict)) => {}
            other => assert!(matches!(other, (Err(_), Err(_))), "{change:?}: {other:?}"),
        }
        assert_eq!(ok(stores.accounts.get(user(1)).await), Some(expected.clone()), "{change:?}");
        assert_eq!(ok(stores.feed.after(0, 99).await).into_iter().map(|entry| entry.news).collect::<Vec<_>>(), news);
    }
    assert_eq!(news.len(), 10);
    let trail = ok(stores.audit.list(&AuditFilter::default(), None, 99).await);
    assert_eq!(trail.iter().rev().map(|entry| entry.at).collect::<Vec<_>>(), acts);
    assert_eq!(ok(stores.accounts.get(user(2)).await), Some(bystander));
}

/// Erasing can be done again, also to erase then what was written: the feed says each once, the audit trail says all, and
/// what came in between is forgotten, too.
pub async fn erasing_again_adds_what_was_not_erased(stores: &IdentityStores) {
    for account in [account(1, "alice"), bot(2, "helper", user(1))] {
        create(stores, &account).await;
    }
    ok(stores.clients.create(client("app"), None).await);
    let erase = |messages| {
        let audit = Some(record("account.erased", 9));
        async move { ok(stores.accounts.change(user(1), AccountChange::Erase { messages }, at(9), audit).await) }
    };
    let first = erase(false).await;
    assert!(!first.messages_erased);
    // Of two things that happen at a time, one may have looked before.
    ok(stores.clients.allow(user(1), "app", Scopes::PERSON).await);
    ok(stores.tickets.create(vec![Ticket { user: Some(user(1)), ..ticket(1) }]).await);
    assert_eq!(erase(false).await, first);
    assert_eq!(ok(stores.clients.consent(user(1), "app").await), Scopes::NONE);
    assert_eq!(ok(stores.tickets.get(TicketPurpose::SignIn, &hash(1)).await), None);
    let erased: Vec<Account> = join_all((0..4).map(|_| erase(true))).await;
    let whole = Account { messages_erased: true, ..first.clone() };
    assert_eq!(erased, vec![whole.clone(); 4]);
    assert_eq!(erase(false).await, whole);
    assert_eq!(ok(stores.accounts.get(user(1)).await), Some(whole.clone()));
    assert_eq!(ok(stores.accounts.find(&whole.username_key).await), Some(whole));
    assert!(is_conflict(&change(stores, user(1), AccountChange::Restore).await));

    let news = ok(stores.feed.after(2, 9).await).into_iter().map(|entry| entry.news).collect::<Vec<_>>();
    assert_eq!(news, [false, true].map(|messages| AccountNews::Erased { messages }));
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 99).await).len(), 7);
    // Nothing was taken from them a second time.
    assert_eq!(ok(stores.accounts.get(user(2)).await).map(|helper| helper.rights_rev), Some(1));
}

/// Nobody's account cannot be changed, and then nothing is written.
pub async fn nobody_s_account_is_not_changed(stores: &IdentityStores) {
    for change in [named("nobody"), AccountChange::Suspend, AccountChange::Erase { messages: false }] {
        let refused = stores.accounts.change(user(9), change, at(1), Some(record("account.changed", 1))).await;
        assert!(is_missing(&refused), "{refused:?}");
    }
    assert_eq!(ok(stores.feed.after(0, 9).await), []);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await), []);
}

/// Concurrent changes are all kept, each with a revision and an entry of its own.
pub async fn concurrent_changes_of_an_account_are_all_kept(stores: &IdentityStores) {
    create(stores, &account(1, "alice")).await;
    let changes = (0..16).map(|n| change(stores, user(1), named(&format!("name {n}"))));
    let revisions: BTreeSet<u64> = join_all(changes).await.into_iter().map(|changed| ok(changed).profile_rev).collect();
    assert_eq!(revisions, (2..18).collect());
    assert_eq!(ok(stores.feed.after(0, 99).await).len(), 17);
    let (begin, code) = (SecondFactorChange::Begin(secret()), hash(1));
    ok(change(stores, user(1), AccountChange::SecondFactor(begin)).await);
    let confirm = SecondFactorChange::Confirm { secret: secret(), step: 1, recovery: vec![code] };
    ok(change(stores, user(1), AccountChange::SecondFactor(confirm)).await);
    for once in [use_step(2), SecondFactorChange::UseRecovery(code)] {
        let uses = join_all((0..8).map(|_| change(stores, user(1), AccountChange::SecondFactor(once.clone())))).await;
        assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1);
        assert_eq!(uses.iter().filter(|used| is_conflict(used)).count(), 7);
    }
}

/// What takes rights from an account takes back its access tokens, and those of its bots, in the same step.
pub async fn rights_that_shrink_are_known_since_a_time(stores: &IdentityStores) {
    for account in [account(1, "alice"), bot(2, "helper", user(1)), bot(3, "other", user(4)), account(4, "bob")] {
        create(stores, &account).await;
    }
    assert_eq!(ok(stores.accounts.rights_changed_since(at(0)).await), []);
    let at_time = |user, change, millis| stores.accounts.change(user, change, at(millis), None);
    ok(at_time(user(1), AccountChange::Suspend, 10).await);
    ok(at_time(user(1), AccountChange::Restore, 11).await);
    ok(at_time(user(2), AccountChange::Revoke, 20).await);
    ok(at_time(user(4), named("Bob B."), 30).await);
    let since = |millis| async move {
        let mut changed = ok(stores.accounts.rights_changed_since(at(millis)).await);
        changed.sort();
        changed
    };
    assert_eq!(since(0).await, [(user(1), 1), (user(2), 2)]);
    assert_eq!(since(10).await, [(user(1), 1), (user(2), 2)]);
    assert_eq!(since(11).await, [(user(2), 2)]);
    assert_eq!(since(21).await, []);
    let helper = ok(stores.accounts.get(user(2)).await).map(|helper| (helper.rights_rev, helper.rights_at));
    assert_eq!(helper, Some((2, at(20))));
}

/// Erasing forgets all that belongs to the account, and nothing of anybody else.
pub async fn erasing_forgets_all_that_belongs_to_the_account(stores: &IdentityStores) {
    for (number, name) in [(1, "alice"), (2, "bob")] {
        let own = OAuthClient {
            kind: ClientKind::Bot { bot: BotId::from_u128(number), user: user(number) },
            ..client(&format!("own {name}"))
        };
        let admission = Admission { external: Some(external(name)), client: Some(own), ..Admission::default() };
        ok(stores.accounts.create(account(number, name), admission).await);
        let device = Session { device_name: Some(name.to_owned()), ..session(number, number) };
        ok(stores.sessions.create(device).await);
        ok(stores.sessions.create(session(number + 10, number)).await);
        let number = number as u64;
        ok(stores.tickets.create(vec![Ticket { user: Some(user(number.into())), ..ticket(number) }]).await);
    }
    for number in 1..=2 {
        ok(stores.clients.allow(user(number), "own bob", Scopes::PERSON).await);
    }
    ok(stores.clients.create(client("app"), None).await);
    ok(stores.clients.allow(user(1), "app", Scopes::NONE.with(Scope::Openid)).await);
    ok(stores.tickets.create(vec![ticket(3)]).await);
    let erased = ok(change(stores, user(1), AccountChange::Erase { messages: false }).await);
    assert_eq!((erased.state, &*erased.username, &*erased.display_name), (AccountState::Erased, "", ""));

    assert_eq!(ok(stores.accounts.find("alice").await), None);
    assert_eq!(ok(stores.accounts.find(&erased.username_key).await), Some(erased));
    assert_eq!(ok(stores.accounts.find_external(&external("alice")).await), None);
    assert_eq!(ok(stores.accounts.external_identities(user(1)).await), []);
    assert_eq!(ok(stores.clients.get("own alice").await), None);
    assert_eq!(ok(stores.clients.consent(user(1), "app").await), Scopes::NONE);
    assert_eq!(ok(stores.clients.consent(user(1), "own bob").await), Scopes::NONE);
    assert_eq!(ok(stores.tickets.get(TicketPurpose::SignIn, &hash(1)).await), None);
    assert_eq!(ok(stores.sessions.get(session(1, 1).session_id).await), Some(session(1, 1)));

    assert!(ok(stores.accounts.find_external(&external("bob")).await).is_some());
    assert_eq!(ok(stores.accounts.find("bob").await).map(|bob| bob.user_id), Some(user(2)));
    assert!(ok(stores.clients.get("own bob").await).is_some() && ok(stores.clients.get("app").await).is_some());
    assert_eq!(ok(stores.clients.consent(user(2), "own bob").await), Scopes::PERSON);
    for other in [2, 3] {
        assert!(ok(stores.tickets.get(TicketPurpose::SignIn, &hash(other)).await).is_some());
    }
    let device = ok(stores.sessions.get(session(2, 2).session_id).await).and_then(|session| session.device_name);
    assert_eq!(device.as_deref(), Some("bob"));
    // The name is free, and so is the external identity.
    let again = Admission { external: Some(external("alice")), ..Admission::default() };
    ok(stores.accounts.create(account(3, "alice"), again).await);
    assert_eq!(ok(stores.accounts.find("alice").await).map(|alice| alice.user_id), Some(user(3)));
}

/// A reset forgets the identities that were linked, and keeps the one that the account was made with; of nobody else any.
pub async fn a_reset_forgets_the_identities_that_were_linked(stores: &IdentityStores) {
    let made_with = Admission { external: Some(external("own")), ..Admission::default() };
    ok(stores.accounts.create(account(1, "alice"), made_with).await);
    create(stores, &account(2, "bob")).await;
    for (number, subject) in [(1, "own"), (1, "a"), (1, "b"), (2, "bob")] {
        ok(stores.accounts.link(user(number), external(subject), None).await);
    }
    ok(stores.accounts.change(user(1), AccountChange::Reset, at(9), Some(record("account.reset", 9))).await);
    assert_eq!(ok(stores.accounts.external_identities(user(1)).await), [external("own")]);
    assert_eq!(ok(stores.accounts.external_identities(user(2)).await), [external("bob")]);
    ok(stores.accounts.link(user(2), external("a"), None).await);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await).len(), 1);
}
