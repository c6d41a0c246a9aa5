//! Client authentication: one way at a time, and an unknown client is told from a wrong secret by nobody.

use bartab_auth::NewClient;
use bartab_core::store::{SecretRotation, TokenHash};
use bartab_core::{Scope, Scopes};

use crate::world::{Answer, World};

const TOKEN: &str = "/v1/oauth2/token";
const FORM: &str = "grant_type=client_credentials";

fn service() -> NewClient {
    NewClient::service("Search", Scopes::NONE.with(Scope::ChatRead))
}

fn refused(answer: &Answer, challenge: &str) {
    answer.assert_oauth(401, "invalid_client");
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn both_ways_of_sending_the_secret_are_taken() {
    let world = World::open().await;
    let client = world.client(service()).await;
    let (id, secret) = (client.client.client_id.clone(), client.client_secret.clone().unwrap());
    assert_eq!(world.form_as(&client, TOKEN, FORM).await.status, 200);
    assert_eq!(world.form_as(&client, TOKEN, &format!("{FORM}&client_id={id}")).await.status, 200);
    assert_eq!(world.form(TOKEN, &format!("{FORM}&client_id={id}&client_secret={secret}")).await.status, 200);
    // Each half of Basic credentials is form-encoded.
    let encoded = format!("{}:{}", id.replace('_', "%5F"), secret.replace('-', "%2d").replace('_', "%5f"));
    assert_eq!(world.form_basic(&encoded, TOKEN, FORM).await.status, 200);
}

#[tokio::test]
async fn an_unknown_client_and_a_wrong_secret_give_one_answer() {
    let world = World::open().await;
    let client = world.client(service()).await;
    let other = world.client(service()).await.client_secret.unwrap();
    let (id, secret) = (client.client.client_id.clone(), client.client_secret.clone().unwrap());
    let long = "x".repeat(40_000);
    let mut bodies = Vec::new();
    for (id, secret) in [
        (&*id, "wrong"),
        (&*id, ""),
        (&*id, &*other),
        (&*id, &secret[1..]),
        (&*id, &long),
        ("client_00000000000000000000000000", &*secret),
        ("", &*secret),
        (&*long, &*secret),
        ("bartab", &*secret),
        ("%00", &*secret),
    ] {
        let answer = world.form_basic(&format!("{id}:{secret}"), TOKEN, FORM).await;
        refused(&answer, "Basic realm=\"bartab\"");
        bodies.push(answer.body);
        if !secret.is_empty() {
            let answer = world.form(TOKEN, &format!("{FORM}&client_id={id}&client_secret={secret}")).await;
            refused(&answer, "Bearer realm=\"bartab\"");
            bodies.push(answer.body);
        }
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert!(!String::from_utf8_lossy(&bodies[0]).contains(&secret));
    // Nor does its name alone do.
    refused(&world.form(TOKEN, &format!("{FORM}&client_id={id}")).await, "Bearer realm=\"bartab\"");
}

#[tokio::test]
async fn two_ways_at_once_are_an_invalid_request() {
    let world = World::open().await;
    let client = world.client(service()).await;
    let secret = client.client_secret.clone().unwrap();
    for extra in [format!("client_secret={secret}"), "client_id=other".to_owned(), "client_assertion=x".to_owned()] {
        world.form_as(&client, TOKEN, &format!("{FORM}&{extra}")).await.assert_oauth(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_public_client_has_nothing_to_authenticate_with() {
    let world = World::open().await;
    let public = NewClient { confidential: false, ..NewClient::app("Tool", &["http://127.0.0.1/cb"]) };
    let client = world.client(public).await;
    assert_eq!(client.client_secret, None);
    let id = client.client.client_id;
    let form = format!("grant_type=refresh_token&refresh_token=x&client_id={id}");
    world.form(TOKEN, &form).await.assert_oauth(400, "invalid_grant");
    refused(&world.form(TOKEN, &format!("{form}&client_secret=x")).await, "Bearer realm=\"bartab\"");
    refused(&world.form_basic(&format!("{id}:"), TOKEN, &form).await, "Basic realm=\"bartab\"");
    world.form(TOKEN, &format!("{FORM}&client_id={id}")).await.assert_oauth(400, "unauthorized_client");
}

#[tokio::test]
async fn a_replaced_secret_is_good_for_as_long_as_was_said() {
    let world = World::open().await;
    let client = world.client(service()).await;
    let id = client.client.client_id.clone();
    let now = client.client.created_at;
    let next = TokenHash::of(b"next");
    let old_until = now.after(std::time::Duration::from_secs(60));
    world.stores.clients.rotate_secret(&id, SecretRotation { next, now, old_until }, None).await.unwrap();
    world.advance(59);
    assert_eq!(world.form_as(&client, TOKEN, FORM).await.status, 200);
    world.advance(1);
    refused(&world.form_as(&client, TOKEN, FORM).await, "Basic realm=\"bartab\"");
    assert_eq!(world.form_basic(&format!("{id}:next"), TOKEN, FORM).await.status, 200);
}

#[tokio::test]
async fn a_client_of_another_tenant_is_unknown() {
    let (here, there) = (World::open().await, World::open().await);
    let client = there.client(service()).await;
    assert_eq!(there.form_as(&client, TOKEN, FORM).await.status, 200);
    refused(&here.form_as(&client, TOKEN, FORM).await, "Basic realm=\"bartab\"");
}
