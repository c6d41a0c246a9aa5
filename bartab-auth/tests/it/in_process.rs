//! An embedder's way in: people sign up, sign in and look after their sign-in without a word of HTTP.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bartab_auth::{
    Act, Auth, AuthError, Authority, Config, Login, NewInvite, NewRegistration, Permission, RegistrationPolicy, Tokens,
};
use bartab_core::store::{AccountFilter, AuditFilter};
use bartab_core::{Actor, TenantRole};
use http::Method;
use serde_json::json;

use crate::mfa::Device;
use crate::world::{PASSWORD, World, config};

const NEW: &str = "another good passphrase";
const HOME: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

fn actor(auth: &Auth, tokens: &Tokens) -> Actor {
    (*auth.verifier().verify(&tokens.access_token).unwrap()).clone()
}

fn alice() -> Login<'static> {
    Login { address: HOME, ..Login::new("alice", PASSWORD) }
}

/// The field that a refusal names.
#[track_caller]
fn wrong<T: std::fmt::Debug>(result: Result<T, AuthError>) -> String {
    let Err(AuthError::Invalid(fields)) = result else { panic!("{result:?}") };
    fields[0].pointer.clone()
}

#[tokio::test]
async fn somebody_with_a_second_factor_signs_in() {
    let world = World::open().await;
    let auth = world.service.auth();
    let first = auth.register(NewRegistration::new("alice", PASSWORD)).await.unwrap();
    let caller = actor(auth, &first);
    assert_eq!(wrong(auth.begin_totp(&caller, Some("wrong password"), HOME).await), "/password");
    let begun = auth.begin_totp(&caller, Some(PASSWORD), HOME).await.unwrap();
    assert!(begun.otpauth_url().contains(begun.secret()) && !format!("{begun:?}").contains(begun.secret()));
    let device = Device::of(begun.secret());
    let codes = auth.confirm_totp(&caller, &device.code(0), HOME).await.unwrap();
    assert!(matches!(auth.begin_totp(&caller, Some(PASSWORD), HOME).await, Err(AuthError::SecondFactorOn)));

    world.advance(30);
    assert!(matches!(auth.login(alice()).await, Err(AuthError::OtpRequired)));
    let code = device.wrong(30);
    assert!(matches!(auth.login(Login { otp: Some(&code), ..alice() }).await, Err(AuthError::BadCredentials)));
    let code = device.code(30);
    let phone = auth.login(Login { otp: Some(&code), device_name: Some("phone"), ..alice() }).await.unwrap();
    let sessions = auth.sessions(&caller, None, 10).await.unwrap();
    assert!(sessions.iter().any(|s| s.session_id == phone.session_id && s.device_name.as_deref() == Some("phone")));
    assert!(matches!(auth.login(Login { otp: Some(&code), ..alice() }).await, Err(AuthError::BadCredentials)));

    auth.login(Login { otp: Some(&codes[0]), ..alice() }).await.unwrap();
    let replaced = auth.replace_recovery_codes(&caller, &codes[1], HOME).await.unwrap();
    let old = auth.login(Login { otp: Some(&codes[2]), ..alice() }).await;
    assert!(matches!(old, Err(AuthError::BadCredentials)), "{old:?}");
    assert_eq!(wrong(auth.remove_totp(&caller, Some(PASSWORD), None, HOME).await), "/code");
    auth.remove_totp(&caller, Some(PASSWORD), Some(&replaced[0]), HOME).await.unwrap();
    auth.login(alice()).await.unwrap();
}

#[tokio::test]
async fn somebody_changes_their_password_and_other_sessions_end() {
    let world = World::open().await;
    let auth = world.service.auth();
    auth.register(NewRegistration::new("alice", PASSWORD)).await.unwrap();
    let here = auth.login(alice()).await.unwrap();
    let caller = actor(auth, &here);
    assert_eq!(wrong(auth.change_password(&caller, Some(PASSWORD), "short", HOME).await), "/new");
    assert_eq!(wrong(auth.change_password(&caller, Some("wrong password"), NEW, HOME).await), "/current");
    auth.change_password(&caller, Some(PASSWORD), NEW, HOME).await.unwrap();
    let left: Vec<_> = auth.sessions(&caller, None, 10).await.unwrap().iter().map(|s| s.session_id).collect();
    assert_eq!(left, [here.session_id]);
    assert!(matches!(auth.login(alice()).await, Err(AuthError::BadCredentials)));
    let other = auth.login(Login { password: NEW, ..alice() }).await.unwrap();
    assert_eq!(auth.rename_session(&caller, other.session_id, "desk").await.unwrap().device_name.unwrap(), "desk");
    auth.end_session(&caller, other.session_id).await.unwrap();
    assert!(matches!(auth.end_session(&caller, other.session_id).await, Err(AuthError::SessionNotFound)));
    auth.logout(&caller).await.unwrap();
    assert!(auth.verifier().verify(&here.access_token).is_err());
}

#[tokio::test]
async fn who_guesses_is_slowed_down_by_address_too() {
    let world = World::open().await;
    let auth = world.service.auth();
    auth.register(NewRegistration::new("alice", PASSWORD)).await.unwrap();
    let mut slowed = None;
    for n in 0..1000 {
        let username = format!("user{n}");
        let login = Login { address: HOME, ..Login::new(&username, "wrong password") };
        if let Err(AuthError::SlowDown(slow_down)) = auth.login(login).await {
            slowed = Some(slow_down);
            break;
        }
    }
    assert!(slowed.is_some(), "no account was tried twice, but the address was");
    assert!(matches!(auth.login(alice()).await, Err(AuthError::SlowDown(_))));
    auth.login(Login { address: None, ..alice() }).await.unwrap();
}

#[tokio::test]
async fn who_administers_nothing_reads_nothing_and_is_told_so_before_anything_else() {
    let world = World::open().await;
    let auth = world.service.auth();
    let mona = world.account("mona", TenantRole::Moderator).await;
    let root = world.account("root", TenantRole::Owner).await;
    let by = |tokens: &Tokens| Authority::Caller(Arc::new(actor(auth, tokens)));
    let (accounts, trail) = (AccountFilter::default(), AuditFilter::default());
    let denied = |refused: Option<AuthError>, permission: Permission| {
        assert!(matches!(&refused, Some(AuthError::PermissionDenied(p)) if *p == permission), "{refused:?}");
    };
    let (reader, target) = (by(&mona), root.user_id);
    denied(auth.list_accounts(&reader, &accounts, None, 10).await.err(), Permission::UsersRead);
    denied(auth.account_detail(&reader, target).await.err(), Permission::UsersRead);
    denied(auth.audit_trail(&reader, &trail, None, 10).await.err(), Permission::AuditRead);
    denied(auth.clients(&reader, None, 10).await.err(), Permission::ClientsManage);
    denied(auth.keys(&reader).err(), Permission::KeysManage);
    // The reason is missing, too.
    let act = Act::of(Arc::new(actor(auth, &mona)), "");
    denied(auth.suspend(&act, target).await.err(), Permission::UsersSuspend);
    denied(auth.reset_sign_in(&act, target).await.err(), Permission::UsersReset);
    denied(auth.remove_client(&act, "client_x").await.err(), Permission::ClientsManage);
    denied(auth.retire_key(&act, "x").await.err(), Permission::KeysManage);
    // An act that changes nothing shows the account all the same.
    let path = format!("/v1/admin/users/{target}");
    let empty = world.call(Method::PATCH, &path, &mona.access_token, json!({"reason": "to look"})).await;
    empty.assert_problem(403, "permission.denied");

    for reader in [by(&root), Authority::Operator] {
        assert_eq!(auth.list_accounts(&reader, &accounts, None, 10).await.unwrap().len(), 2);
        assert_eq!(auth.account_detail(&reader, target).await.unwrap().live_sessions, 1);
        assert_eq!(auth.audit_trail(&reader, &trail, None, 10).await.unwrap().len(), 2);
        assert_eq!(auth.clients(&reader, None, 10).await.unwrap().len(), 0);
        assert_eq!(auth.keys(&reader).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_invite_counts_where_one_is_needed() {
    let world = World::with(Config { registration: RegistrationPolicy::Invite, ..config() }).await;
    let auth = world.service.auth();
    let owner = world.account("root", TenantRole::Owner).await;
    let (_, code) =
        auth.create_invite(&Act::of(Arc::new(actor(auth, &owner)), ""), NewInvite::default()).await.unwrap();
    let new = NewRegistration::new("alice", PASSWORD);
    assert!(matches!(auth.register(new).await, Err(AuthError::InviteRequired)));
    let tokens = auth.register(NewRegistration { invite: Some(&code), display_name: Some("Alice"), ..new });
    assert_eq!(auth.account(tokens.await.unwrap().user_id).await.unwrap().display_name, "Alice");
}

#[test]
fn what_is_kept_to_oneself_is_not_shown() {
    let login = Login { otp: Some("123456"), ..Login::new("alice", "hush") };
    let new = NewRegistration { invite: Some("123456"), ..NewRegistration::new("alice", "hush") };
    for shown in [format!("{login:?}"), format!("{new:?}")] {
        assert!(shown.contains("alice") && !shown.contains("hush") && !shown.contains("123456"), "{shown}");
    }
}
