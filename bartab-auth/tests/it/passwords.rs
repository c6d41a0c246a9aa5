//! Passwords: which ones are taken, and hashes that grow stronger with the configuration.

use bartab_auth::{Config, Login, PasswordConfig};
use bartab_core::store::StoreError;
use serde_json::json;

use crate::world::{PASSWORD, World, config, memory};

#[tokio::test]
async fn common_passwords_and_one_s_own_names_are_refused() {
    let world = World::open().await;
    for (password, code) in [
        ("password1", "password.common"),
        ("QwertyUiop", "password.common"),
        ("zzzzzzzzzzzz", "password.common"),
        ("Alice-Doe", "password.name"),
        ("ALICE in wonderland", "password.name"),
    ] {
        let body = json!({"username": "alice-doe", "password": password, "display_name": "Alice in Wonderland"});
        let answer = world.post("/v1/auth/register", "", body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/password".to_owned(), code.to_owned()));
    }
    let new = bartab_auth::NewAccount::member("alice", "iloveyou");
    let refused = world.service.auth().create_account(new).await.unwrap_err().to_problem();
    assert_eq!((refused.status, &*refused.errors[0].code), (400, "password.common"));
}

#[tokio::test]
async fn a_hash_of_before_the_cost_rose_is_replaced_by_the_next_sign_in() {
    let stores = memory();
    let before = World::on(stores.clone(), config(), 1).await;
    let alice = before.person("alice").await;
    let hash = async || stores.accounts.get(alice.user_id).await.unwrap().unwrap().password.unwrap();
    let old = hash().await;
    let raised = PasswordConfig { iterations: 3, ..PasswordConfig::THROW_AWAY };
    let after = World::on(stores.clone(), Config { password: raised, ..config() }, 2).await;
    let login = async |password: &str| {
        after.post("/v1/auth/login", "", json!({"username": "alice", "password": password})).await
    };
    login("wrong password").await.assert_problem(401, "auth.bad_credentials");
    assert_eq!(hash().await, old);
    assert_eq!(login(PASSWORD).await.status, 200);
    let new = hash().await;
    assert!(new.as_str().starts_with("$argon2id$v=19$m=1024,t=3,p=1$"), "{}", new.as_str());
    assert_eq!(login(PASSWORD).await.status, 200);
    assert_eq!(hash().await, new);
    // The cost that is configured falls again: a stronger hash stays.
    assert!(before.service.auth().login(Login::new("alice", PASSWORD)).await.is_ok());
    assert_eq!(hash().await, new);
}

#[tokio::test]
async fn a_hash_that_cannot_be_replaced_keeps_nobody_out() {
    let (world, store) = crate::failures::Faulty::world().await;
    let alice = world.person("alice").await;
    let raised = PasswordConfig { iterations: 2, ..PasswordConfig::THROW_AWAY };
    let again = World::on(world.stores.clone(), Config { password: raised, ..config() }, 2).await;
    store.set(crate::failures::Fault::AccountUnchanged);
    assert!(again.service.auth().login(Login::new("alice", PASSWORD)).await.is_ok());
    let change = bartab_core::store::AccountChange::Password(None);
    let refused = world.stores.accounts.change(alice.user_id, change, bartab_core::Timestamp::from_secs(0), None).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}
