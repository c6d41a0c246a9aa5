//! Records to store.

use crate::actor::{Scopes, TenantRole};
use crate::id::{InviteId, RoomId, UserId};
use crate::store::{
    Account, AccountKind, AccountState, AuditActor, AuditRecord, ClientKind, ClientSecret, Grant, Invite, KeyAlgorithm,
    OAuthClient, PasswordHash, TokenHash,
};
use crate::time::Timestamp;

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

pub(super) fn user(number: u128) -> UserId {
    UserId::from_u128(number)
}

pub(super) fn hash(number: u64) -> TokenHash {
    TokenHash::of(&number.to_be_bytes())
}

/// A member with a password, made at `at(0)`.
pub(super) fn account(number: u128, username: &str) -> Account {
    Account {
        user_id: user(number),
        username: username.to_owned(),
        username_key: username.to_owned(),
        kind: AccountKind::Person,
        display_name: format!("{username} \u{1f37a}\u{0}'\""),
        avatar: None,
        profile_rev: 1,
        password: Some(PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g")),
        role: TenantRole::Member,
        state: AccountState::Active,
        messages_erased: false,
        second_factor: None,
        rate_percent: 100,
        rights_rev: 0,
        rights_at: at(0),
        created_at: at(0),
    }
}

/// An account of a program that `owner` answers for.
pub(super) fn bot(number: u128, username: &str, owner: UserId) -> Account {
    Account { kind: AccountKind::Bot { owner }, password: None, ..account(number, username) }
}

/// An invite with the code `hash(number)`, for any number of people and time.
pub(super) fn invite(number: u64) -> Invite {
    Invite {
        invite_id: InviteId::from_u128(u128::from(number)),
        code: hash(number),
        created_by: Some(user(1)),
        role: TenantRole::Guest,
        rooms: Vec::new(),
        max_uses: None,
        uses: 0,
        created_at: at(0),
        expires_at: None,
        revoked_at: None,
    }
}

pub(super) fn rooms(numbers: &[u128]) -> Vec<RoomId> {
    numbers.iter().copied().map(RoomId::from_u128).collect()
}

/// A confidential app with the secret `hash(1)`.
pub(super) fn client(client_id: &str) -> OAuthClient {
    OAuthClient {
        client_id: client_id.to_owned(),
        kind: ClientKind::App,
        name: format!("{client_id} \u{1f37a}\u{0}'\""),
        secrets: vec![ClientSecret { hash: hash(1), created_at: at(0), expires_at: None }],
        redirect_uris: vec!["https://app.example/callback".to_owned()],
        scopes: Scopes::PERSON,
        grants: [Grant::AuthorizationCode, Grant::RefreshToken].into_iter().collect(),
        id_token_algorithm: KeyAlgorithm::Rs256,
        created_at: at(0),
        created_by: Some(user(1)),
    }
}

/// What the trail says of an act of `user(1)` at `at(millis)`.
pub(super) fn record(action: &'static str, millis: u64) -> AuditRecord {
    AuditRecord { at: at(millis), actor: AuditActor::User(user(1)), action, subject: None, reason: None, details: None }
}
