//! What each role and sort of caller may.

use bartab_core::store::{Account, AccountKind, AccountState};
use bartab_core::{Actor, ActorKind, RoomId, Scope, Scopes, TenantRole, Timestamp, UserId};

use super::*;

const ROLES: [TenantRole; 5] =
    [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Administrator, TenantRole::Owner];

fn actor(role: TenantRole) -> Actor {
    Actor { tenant_role: role, scopes: ceiling(role), ..Actor::person(UserId::from_u128(1), "a") }
}

#[test]
fn every_permission_has_one_rule_and_one_name() {
    for (place, rule) in RULES.iter().enumerate() {
        // The table is in the order of the enum, so none is missing unless the last one is.
        assert_eq!(rule.permission as usize, place);
        assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
        assert_eq!(rule.permission.name(), rule.name);
    }
    assert_eq!(Permission::AuditRead as usize + 1, RULES.len());
}

#[test]
fn a_higher_role_lacks_nothing_that_a_lower_one_has() {
    for pair in ROLES.windows(2) {
        assert!(ceiling(pair[0]).is_subset(ceiling(pair[1])));
    }
    for rule in RULES {
        for role in ROLES {
            // Who has the role can also have the scope, so no rule is empty.
            assert_eq!(rule.lack(&actor(role)).is_none(), role >= rule.role, "{} {role:?}", rule.name);
        }
        assert!(!rule.bots || BOT.contains(rule.scope), "{}", rule.name);
    }
}

#[test]
fn a_scope_a_role_and_a_kind_are_told_apart() {
    let administrator = actor(TenantRole::Administrator);
    let narrow = Actor { scopes: Scopes::PERSON, ..administrator.clone() };
    let missing = require_permission(&narrow, Permission::UsersSuspend);
    assert!(matches!(missing, Err(AuthError::InsufficientScope(Scope::Admin))), "{missing:?}");
    let low = Actor { tenant_role: TenantRole::Moderator, ..administrator.clone() };
    let denied = require_permission(&low, Permission::UsersSuspend);
    assert!(matches!(denied, Err(AuthError::PermissionDenied(Permission::UsersSuspend))), "{denied:?}");
    let owner = UserId::from_u128(2);
    let bot = Actor { kind: ActorKind::Bot { owner }, ..administrator.clone() };
    assert!(require_permission(&bot, Permission::UsersSuspend).is_ok());
    for kind in [ActorKind::Bot { owner }, ActorKind::Guest { room: RoomId::from_u128(1) }, ActorKind::Service] {
        let denied = require_permission(&Actor { kind, ..administrator.clone() }, Permission::BotsCreate);
        assert!(matches!(denied, Err(AuthError::PermissionDenied(Permission::BotsCreate))), "{denied:?}");
    }
}

#[test]
fn a_bot_may_what_both_it_and_its_owner_may() {
    let account = |number: u128, role, kind, state| Account {
        user_id: UserId::from_u128(number),
        username: String::new(),
        username_key: String::new(),
        kind,
        display_name: String::new(),
        avatar: None,
        profile_rev: 1,
        password: None,
        role,
        state,
        messages_erased: false,
        second_factor: None,
        rate_percent: 100,
        rights_rev: 0,
        rights_at: Timestamp::from_secs(0),
        created_at: Timestamp::from_secs(0),
    };
    let bot_of_one = AccountKind::Bot { owner: UserId::from_u128(1) };
    for owner_role in ROLES {
        for bot_role in ROLES {
            let owner = account(1, owner_role, AccountKind::Person, AccountState::Active);
            let bot = account(2, bot_role, bot_of_one, AccountState::Active);
            let rights = Rights::of(&bot, Some(&owner)).unwrap();
            assert_eq!(rights.role, owner_role.min(bot_role).min(TenantRole::Administrator));
            assert!(rights.scopes.is_subset(ceiling(owner_role)) && rights.scopes.is_subset(ceiling(bot_role)));
            for gone in [AccountState::Suspended, AccountState::Erased] {
                let owner_gone = Account { state: gone, ..owner.clone() };
                let bot_gone = Account { state: gone, ..bot.clone() };
                assert_eq!(Rights::of(&bot, Some(&owner_gone)), None);
                assert_eq!(Rights::of(&bot_gone, Some(&owner)), None);
                assert_eq!(Rights::of(&owner_gone, None), None);
            }
            let stranger = Account { user_id: UserId::from_u128(3), ..owner.clone() };
            let other_bot = Account { kind: bot_of_one, ..owner };
            for none in [None, Some(&stranger), Some(&other_bot)] {
                assert_eq!(Rights::of(&bot, none), None);
            }
        }
    }
}
