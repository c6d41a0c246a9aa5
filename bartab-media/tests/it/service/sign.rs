//! Links work without a token, for a while, for as long as who asked for them may read.

use std::time::Duration;

use bartab_core::http::PublicBase;
use bartab_core::store::MediaStore;
use bartab_core::{Actor, MediaId, Scope, Scopes, Timestamp};
use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};

use super::fakes::message;
use super::reading::tenant;
use super::support::{Answer, World, as_, person};
use crate::pictures::fixtures;

impl World {
    async fn sign(&self, actor: &Actor, body: Value) -> Answer {
        let request =
            as_(actor, Method::POST, "/v1/media/sign").extension(PublicBase("https://chat.example/t/a".into()));
        self.send(request.body(Full::from(body.to_string())).unwrap()).await
    }

    /// The path and query of the link to a file.
    async fn link(&self, actor: &Actor, media: MediaId) -> String {
        let answer = self.sign(actor, json!({"ids": [media]})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        path(answer.json()["items"][0]["url"].as_str().unwrap())
    }
}

/// A URL without its base.
fn path(url: &str) -> String {
    url.strip_prefix("https://chat.example/t/a").unwrap().to_owned()
}

#[tokio::test]
async fn a_link_works_without_a_token_until_its_end() {
    let (world, robin) = (World::new(), person(1));
    let (picture, _) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    let (text, _) = world.placed(&robin, "", "words").await;
    let (public, public_path) = world.placed(&robin, "?public=true", "poster").await;
    let (foreign, _) = world.placed(&person(2), "", "foreign").await;
    let unknown = MediaId::from_u128(42);
    let answer = world.sign(&robin, json!({"ids": [picture, foreign, text, unknown, public, text]})).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let items = answer.json()["items"].as_array().unwrap().clone();
    let ids: Vec<_> = items.iter().map(|item| item["media_id"].clone()).collect();
    assert_eq!(ids, [json!(picture), json!(text), json!(public)], "what is not for the caller is left out");
    assert_eq!((&items[1]["thumbnail_url"], &items[2]["expires_at"]), (&Value::Null, &Value::Null));
    assert_eq!(path(items[2]["url"].as_str().unwrap()), public_path);

    let end: Timestamp = serde_json::from_value(items[0]["expires_at"].clone()).unwrap();
    let lasts = end.since(Timestamp::from_secs(1_800_000_000));
    assert!((Duration::from_mins(15)..=Duration::from_mins(20)).contains(&lasts), "{lasts:?}");
    let (file, thumbnail) = (&items[0]["url"], &items[0]["thumbnail_url"]);
    let (file, thumbnail) = (path(file.as_str().unwrap()), path(thumbnail.as_str().unwrap()));
    let kept = format!("private, max-age={}, immutable", lasts.as_secs());
    for uri in [file.clone(), thumbnail.clone(), format!("{thumbnail}&w=64&h=64&fit=cover")] {
        // Who else is signed in does not matter.
        for actor in [None, Some(&person(3))] {
            for method in [Method::GET, Method::HEAD] {
                let answer = world.ask(method, actor, &uri, &[]).await;
                assert_eq!((answer.status, answer.header("cache-control")), (200, Some(kept.as_str())), "{uri}");
                assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
                assert!(answer.header("vary").is_none_or(|vary| vary == "Accept"));
            }
        }
    }
    world.clock.set(Timestamp::from_millis(end.as_millis() - 1));
    let answer = world.get(None, &file).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("private, max-age=0, immutable")));
    world.clock.set(end);
    let over = world.get(None, &file).await;
    over.is_problem(401, "media.link_expired");
    assert_eq!(over.header("www-authenticate"), Some("Bearer realm=\"bartab\""));
    world.get(None, &thumbnail).await.is_problem(401, "media.link_expired");
}

#[tokio::test]
async fn who_asks_again_soon_gets_the_same_link() {
    let (world, robin) = (World::new(), person(1));
    let (id, _) = world.placed(&robin, "", "words").await;
    let first = world.link(&robin, id).await;
    assert_eq!(world.link(&robin, id).await, first);
    world.clock.advance(Duration::from_mins(6));
    let later = world.link(&robin, id).await;
    assert_ne!(later, first);
    assert_eq!((world.get(None, &first).await.status, world.get(None, &later).await.status), (200, 200));
    // The key is the tenant's, and stays.
    let world = world.again(Default::default()).await;
    assert_eq!(world.get(None, &first).await.status, 200);
    assert_eq!(world.link(&robin, id).await, later);
}

#[tokio::test]
async fn what_was_not_signed_here_for_this_file_opens_nothing() {
    let (world, robin) = (World::new(), person(1));
    let (id, path) = world.placed(&robin, "", "secret").await;
    let (other, other_path) = world.placed(&robin, "", "other").await;
    let link = world.link(&robin, id).await;
    let signature = link.split_once("?signature=").unwrap().1;
    let mut refused = vec![
        format!("{path}?signature="),
        format!("{path}?signature=%20{signature}"),
        format!("{path}?signature={signature}A"),
        format!("{path}?signature={signature}="),
        format!("{path}?signature={}", "A".repeat(10_000)),
        format!("{other_path}?signature={signature}"),
        format!("{other_path}/thumbnail?signature={signature}"),
        format!("/v1/media/{}?signature={signature}", MediaId::from_u128(42)),
    ];
    for (index, char) in signature.char_indices() {
        let forged = if char == 'A' { "B" } else { "A" };
        refused.push(format!("{path}?signature={}{forged}{}", &signature[..index], &signature[index + 1..]));
        refused.push(format!("{path}?signature={}", &signature[..index]));
    }
    for uri in refused {
        world.get(None, &uri).await.is_problem(401, "media.link_invalid");
    }
    let another = World::new();
    let (foreign, foreign_path) = another.placed(&robin, "", "secret").await;
    assert_eq!(foreign, id, "the same seed");
    let key = another.records.signing_key([9; 32]).await.unwrap();
    assert_eq!(key, [9; 32]);
    another.get(None, &format!("{foreign_path}?signature={signature}")).await.is_problem(401, "media.link_invalid");
    assert_eq!(world.link(&robin, other).await.split_once('?').unwrap().0, other_path);
}

#[tokio::test]
async fn a_link_ends_with_the_access_of_who_asked_for_it() {
    let (world, robin, sam) = (World::new(), person(1), person(2));
    let (id, _) = world.placed(&robin, "", "shown").await;
    let tenant = tenant(&world);
    tenant.carries(message(1), &[id]);
    tenant.may_read(&sam, message(1));
    let (of_sam, of_robin) = (world.link(&sam, id).await, world.link(&robin, id).await);
    assert_ne!(of_sam, of_robin);
    assert_eq!(world.get(None, &of_sam).await.body, "shown");
    tenant.hide(message(1));
    world.get(None, &of_sam).await.is_problem(404, "media.not_found");
    assert_eq!(world.get(None, &of_robin).await.body, "shown");

    tenant.suspend(robin.user_id);
    world.get(None, &of_robin).await.is_problem(404, "media.not_found");
    let robin = person(3);

    let (id, path) = world.placed(&robin, "", "gone").await;
    let link = world.link(&robin, id).await;
    assert_eq!(world.get(None, &link).await.body, "gone");
    assert_eq!(world.ask(Method::DELETE, Some(&robin), &path, &[]).await.status, 204);
    world.get(None, &link).await.is_problem(404, "media.not_found");

    let (id, path) = world.placed(&robin, "", "suspicious").await;
    let link = world.link(&robin, id).await;
    assert_eq!(world.get(None, &link).await.body, "suspicious");
    let quarantine = world.ask(Method::POST, Some(&robin), &format!("{path}/quarantine"), &[]).await;
    assert_eq!(quarantine.status, 200, "{quarantine:?}");
    world.get(None, &link).await.is_problem(410, "media.quarantined");
    assert_eq!(world.sign(&robin, json!({"ids": [id]})).await.json()["items"], json!([]));
}

#[tokio::test]
async fn who_may_not_read_signs_nothing() {
    let (world, robin) = (World::new(), person(1));
    let (id, _) = world.placed(&robin, "", "words").await;
    for body in
        [json!({}), json!({"ids": []}), json!({"ids": vec![id; 101]}), json!({"ids": ["room_1"]}), json!({"id": id})]
    {
        world.sign(&robin, body).await.is_problem(400, "request.invalid");
    }
    let writer = Actor { scopes: Scopes::PERSON.without(Scope::MediaRead), ..robin.clone() };
    world.sign(&writer, json!({"ids": [id]})).await.is_problem(403, "auth.insufficient_scope");
    world.ask(Method::POST, None, "/v1/media/sign", &[]).await.is_problem(401, "auth.required");
    let long = as_(&robin, Method::POST, "/v1/media/sign").body(Full::from(vec![b' '; 70_000])).unwrap();
    world.send(long).await.is_problem(413, "request.too_large");
}
