//! One-time links: the first owner, and a new way to sign in.

use bartab_auth::{Act, AuthError, Login, NewAccount, RegistrationPolicy};
use bartab_core::store::{AccountChange, AuditActor, AuditFilter, SecondFactorChange, TotpSecret};
use bartab_core::{Scope, TenantRole, Timestamp};
use serde_json::json;

use crate::world::{ISSUER, PASSWORD, World, config};

const NEW: &str = "quite another password";
const NOW: Timestamp = Timestamp::from_secs(1_750_000_000);

fn token(link: &str, path: &str) -> String {
    let token = link.strip_prefix(&format!("{ISSUER}/v1/auth/{path}?token=")).unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    token.to_owned()
}

#[tokio::test]
async fn the_first_owner_comes_by_a_link_whatever_the_policy() {
    let closed = bartab_auth::Config { registration: RegistrationPolicy::Closed, ..config() };
    let world = World::with(closed).await;
    let auth = world.service.auth();
    // Somebody who does not run the tenant is there already.
    auth.create_account(NewAccount::member("alice", PASSWORD)).await.unwrap();
    let setup = token(&auth.setup_link().await.unwrap().unwrap(), "setup");
    // What is wrong with the form does not spend the link.
    for (username, password) in [("root", "short"), ("", PASSWORD), ("root", "password1")] {
        let refused = auth.use_setup(&setup, username, password, None).await;
        assert!(matches!(refused, Err(AuthError::Invalid(_))), "{refused:?}");
    }
    let taken = auth.use_setup(&setup, "alice", PASSWORD, None).await;
    assert!(matches!(taken, Err(AuthError::UsernameTaken)), "{taken:?}");
    let tokens = auth.use_setup(&setup, "root", PASSWORD, Some("The Root")).await.unwrap();
    let actor = auth.verifier().verify(&tokens.access_token).unwrap();
    assert_eq!((actor.tenant_role, &*actor.profile.name), (TenantRole::Owner, "The Root"));
    assert!(actor.scopes.contains(Scope::Admin));
    for again in [&setup, "", "unknown"] {
        let refused = auth.use_setup(again, "eve", PASSWORD, None).await;
        assert!(matches!(refused, Err(AuthError::LinkInvalid)), "{refused:?}");
        assert_eq!(refused.unwrap_err().to_problem().code, "link.invalid");
    }
    assert_eq!(auth.setup_link().await.unwrap(), None);
    let filter = AuditFilter { subject: Some(tokens.user_id.to_string()), ..AuditFilter::default() };
    let trail = world.stores.audit.list(&filter, None, 10).await.unwrap();
    assert_eq!((&*trail[0].action, trail[0].actor), ("account.created", AuditActor::System));
}

#[tokio::test]
async fn of_many_uses_at_once_one_makes_an_owner() {
    let world = World::open().await;
    let setup = token(&world.service.auth().setup_link().await.unwrap().unwrap(), "setup");
    let uses: Vec<_> = (0..8)
        .map(|n| {
            let (auth, setup) = (world.service.auth().clone(), setup.clone());
            tokio::spawn(async move { auth.use_setup(&setup, &format!("root{n}"), PASSWORD, None).await })
        })
        .collect();
    let mut owners = 0;
    for one in uses {
        match one.await.unwrap() {
            Ok(_) => owners += 1,
            Err(error) => assert!(matches!(error, AuthError::LinkInvalid), "{error}"),
        }
    }
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn a_setup_link_is_over_after_a_day_or_when_there_is_a_newer_one_or_an_administrator() {
    let world = World::open().await;
    let auth = world.service.auth();
    let link = async || token(&auth.setup_link().await.unwrap().unwrap(), "setup");
    let refused = async |token: &str| {
        let refused = auth.use_setup(token, "eve", PASSWORD, None).await;
        assert!(matches!(refused, Err(AuthError::LinkInvalid)), "{refused:?}");
    };
    let (older, newer) = (link().await, link().await);
    refused(&older).await;
    world.advance(24 * 60 * 60);
    refused(&newer).await;
    let newest = link().await;
    let adam = NewAccount { role: TenantRole::Administrator, ..NewAccount::member("adam", PASSWORD) };
    let adam = auth.create_account(adam).await.unwrap();
    refused(&newest).await;
    // One who is suspended may be restored: no stranger takes the place.
    world.stores.accounts.change(adam.user_id, AccountChange::Suspend, NOW, None).await.unwrap();
    refused(&newest).await;
    assert_eq!(auth.setup_link().await.unwrap(), None);
}

#[tokio::test]
async fn a_reset_takes_every_way_to_sign_in_and_the_link_gives_a_new_one() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let auth = world.service.auth();
    for change in [
        SecondFactorChange::Begin(TotpSecret::new(vec![0; 21])),
        SecondFactorChange::Confirm { secret: TotpSecret::new(vec![0; 21]), step: 1, recovery: Vec::new() },
    ] {
        let change = AccountChange::SecondFactor(change);
        world.stores.accounts.change(alice.user_id, change, NOW, None).await.unwrap();
    }
    let link = auth.reset_sign_in(&Act::operator("lost her telephone"), alice.user_id).await.unwrap();
    let reset = token(&link, "reset");
    let stored = auth.account(alice.user_id).await.unwrap();
    assert_eq!((stored.password, stored.second_factor), (None, None));
    let login = async |password: &str| {
        world.post("/v1/auth/login", "", json!({"username": "alice", "password": password})).await
    };
    login(PASSWORD).await.assert_problem(401, "auth.bad_credentials");
    world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    world.refresh(&alice.refresh_token).await.assert_oauth(400, "invalid_grant");
    for bad in ["password", "alice", "x"] {
        let refused = auth.use_reset(&reset, bad).await;
        assert!(matches!(refused, Err(AuthError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(auth.use_reset(&reset, NEW).await.unwrap().user_id, alice.user_id);
    assert_eq!(login(NEW).await.status, 200);
    let again = auth.use_reset(&reset, PASSWORD).await;
    assert!(matches!(again, Err(AuthError::LinkInvalid)), "{again:?}");
    assert_eq!(login(NEW).await.status, 200);
    let filter = AuditFilter { subject: Some(alice.user_id.to_string()), ..AuditFilter::default() };
    let trail = world.stores.audit.list(&filter, None, 10).await.unwrap();
    let acts: Vec<_> = trail.iter().map(|entry| (&*entry.action, entry.actor, entry.reason.as_deref())).collect();
    assert_eq!(
        acts,
        [
            ("account.password_reset", AuditActor::User(alice.user_id), None),
            ("account.reset", AuditActor::Operator, Some("lost her telephone")),
        ]
    );
}

#[tokio::test]
async fn of_many_uses_of_a_reset_link_one_counts() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let link = world.service.auth().reset_sign_in(&Act::operator("lost"), alice.user_id).await.unwrap();
    let reset = token(&link, "reset");
    let uses: Vec<_> = (0..8)
        .map(|n| {
            let (auth, reset) = (world.service.auth().clone(), reset.clone());
            tokio::spawn(async move { auth.use_reset(&reset, &format!("password of {n}")).await.is_ok() })
        })
        .collect();
    let mut counted = Vec::new();
    for (n, one) in uses.into_iter().enumerate() {
        if one.await.unwrap() {
            counted.push(n);
        }
    }
    assert_eq!(counted.len(), 1);
    let password = format!("password of {}", counted[0]);
    assert!(world.service.auth().login(Login::new("alice", &password)).await.is_ok());
}

#[tokio::test]
async fn a_reset_link_is_over_in_time_and_goes_with_the_account() {
    let world = World::open().await;
    let auth = world.service.auth();
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let link = async |user| token(&auth.reset_sign_in(&Act::operator("lost"), user).await.unwrap(), "reset");
    let refused = async |token: &str| {
        let refused = auth.use_reset(token, NEW).await;
        assert!(matches!(refused, Err(AuthError::LinkInvalid)), "{refused:?}");
    };
    let older = link(alice.user_id).await;
    let other = link(bob.user_id).await;
    let newer = link(alice.user_id).await;
    refused(&older).await;
    assert!(auth.use_reset(&other, NEW).await.is_ok(), "another's link is not touched");
    world.advance(24 * 60 * 60);
    refused(&newer).await;
    let newest = link(alice.user_id).await;
    // A setup link is no reset link.
    let refusal = auth.use_setup(&newest, "eve", PASSWORD, None).await;
    assert!(matches!(refusal, Err(AuthError::LinkInvalid)), "{refusal:?}");
    let erase = AccountChange::Erase { messages: false };
    world.stores.accounts.change(alice.user_id, erase, NOW, None).await.unwrap();
    refused(&newest).await;
    let gone = auth.reset_sign_in(&Act::operator("lost"), alice.user_id).await;
    assert!(matches!(gone, Err(AuthError::AccountErased)), "{gone:?}");
    let nobody = auth.reset_sign_in(&Act::operator("lost"), bartab_core::UserId::from_u128(7)).await;
    assert!(matches!(nobody, Err(AuthError::AccountNotFound)), "{nobody:?}");
}

#[tokio::test]
async fn a_suspended_person_gets_a_password_and_stays_out() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    world.stores.accounts.change(alice.user_id, AccountChange::Suspend, NOW, None).await.unwrap();
    let auth = world.service.auth();
    let reset = token(&auth.reset_sign_in(&Act::operator("lost"), alice.user_id).await.unwrap(), "reset");
    auth.use_reset(&reset, NEW).await.unwrap();
    let body = json!({"username": "alice", "password": NEW});
    world.post("/v1/auth/login", "", body).await.assert_problem(403, "account.suspended");
}
