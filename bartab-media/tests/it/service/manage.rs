//! Listing, quarantine and deletion: by whom, and what is left.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bartab_core::store::{AuditActor, ClaimRefusal, Claimed, MediaClaims};
use bartab_core::{Actor, ActorKind, MediaId, RoomId, Scope, Scopes, TenantRole};
use bartab_media::Config;
use http::Method;
use serde_json::{Value, json};

use super::fakes::Tenant;
use super::support::{World, administrator, person};
use crate::pictures::fixtures;

fn path(media: MediaId, act: &str) -> String {
    format!("/v1/media/{media}{act}")
}

#[tokio::test]
async fn an_owner_deletes_a_file_and_its_bytes_are_gone_with_the_answer() {
    let (world, robin) = (World::new(), person(1));
    let file = world.file(&robin, "", "bytes").await;
    let twin = world.file(&robin, "", "bytes").await;
    world.settled(&robin).await;
    let answer = world.call(&robin, Method::DELETE, &path(file, ""), None).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(world.names().await.len(), 1, "the other file has the same bytes");
    assert_eq!(world.call(&robin, Method::DELETE, &path(twin, ""), None).await.status, 204);
    assert_eq!((world.names().await.len(), world.files(&robin).await), (0, 0));
    world.call(&robin, Method::DELETE, &path(twin, ""), None).await.is_problem(404, "media.not_found");
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_a_reader_does_nothing() {
    let (world, robin, stranger) = (World::new(), person(1), person(2));
    let private = world.file(&robin, "", "private").await;
    let public = world.file(&robin, "?public=true", "public").await;
    let acts = [(Method::DELETE, ""), (Method::POST, "/quarantine"), (Method::POST, "/restore")];
    for (method, act) in acts {
        let call = async |media| world.call(&stranger, method.clone(), &path(media, act), None).await;
        let unknown = call(MediaId::from_u128(5)).await;
        unknown.is_problem(404, "media.not_found");
        let foreign = call(private).await;
        let (mut unknown, mut foreign) = (unknown.json(), foreign.json());
        (unknown["instance"], foreign["instance"]) = (Value::Null, Value::Null);
        assert_eq!(unknown, foreign);
        call(public).await.is_problem(403, "media.not_yours");
        let reader = Actor { scopes: Scopes::PERSON.without(Scope::MediaWrite), ..robin.clone() };
        let refused = world.call(&reader, method.clone(), &path(private, act), None).await;
        refused.is_problem(403, "auth.insufficient_scope");
        let nobody = http::Request::builder().method(method).uri(path(public, act)).body("".into()).unwrap();
        world.send(nobody).await.is_problem(401, "auth.required");
    }
    // A role without the scope, and the scope without the role, are both not enough.
    let demoted = Actor { tenant_role: TenantRole::Moderator, ..administrator(3) };
    let unproven = Actor { scopes: Scopes::PERSON, ..administrator(3) };
    for actor in [demoted, unproven] {
        world.call(&actor, Method::DELETE, &path(private, ""), None).await.is_problem(404, "media.not_found");
    }
    assert_eq!(world.files(&robin).await, 2);
}

#[tokio::test]
async fn an_owner_takes_a_file_back_from_everybody_and_lets_it_out_again() {
    let (world, robin) = (World::new(), person(1));
    let file = world.file(&robin, "?filename=plan.txt", "plan").await;
    let held = world.call(&robin, Method::POST, &path(file, "/quarantine"), Some(json!({"reason": "too early"}))).await;
    assert_eq!(held.status, 200, "{held:?}");
    let held = held.json();
    assert_eq!((&held["filename"], &held["size"]), (&"plan.txt".into(), &4.into()));
    assert_eq!(held["quarantine"]["reason"], "too early");
    assert_eq!(held["quarantine"]["by"], robin.user_id.to_string());
    // Asking again changes nothing.
    let again = world.call(&robin, Method::POST, &path(file, "/quarantine"), None).await.json();
    assert_eq!(again, held);
    let refused = world.media().claim(&robin, &[file]).await.unwrap();
    assert_eq!(refused, Claimed::Refused { media_id: file, reason: ClaimRefusal::Quarantined });
    for _ in 0..2 {
        let restored = world.call(&robin, Method::POST, &path(file, "/restore"), None).await;
        assert_eq!((restored.status, &restored.json()["quarantine"]), (200, &Value::Null));
    }
    for reason in [json!(""), json!("a".repeat(501)), json!("bell \u{7}"), json!(7)] {
        let body = Some(json!({ "reason": reason }));
        let answer = world.call(&robin, Method::POST, &path(file, "/quarantine"), body).await;
        answer.is_problem(400, "request.invalid");
    }
    let typo = world.call(&robin, Method::POST, &path(file, "/quarantine"), Some(json!({"raeson": "x"}))).await;
    assert_eq!(typo.json()["errors"][0]["code"], "unknown_field");
}

#[tokio::test]
async fn what_an_administrator_holds_is_kept_from_its_owner_and_written_down() {
    let (world, robin, moderator) = (World::new(), person(1), administrator(2));
    let tenant = Arc::new(Tenant::default());
    world.media().connect(tenant.connections());
    let file = world.file(&robin, "", "stolen").await;
    // An owner's own quarantine is taken over: else they could still destroy it.
    world.media().quarantine(&robin, file, None).await.unwrap();
    let body = Some(json!({"reason": "stolen papers"}));
    let held = world.call(&moderator, Method::POST, &path(file, "/quarantine"), body).await.json();
    assert_eq!(held["quarantine"]["by"], moderator.user_id.to_string());
    world.call(&robin, Method::POST, &path(file, "/restore"), None).await.is_problem(403, "media.held");
    world.call(&robin, Method::DELETE, &path(file, ""), None).await.is_problem(403, "media.held");
    assert_eq!(world.call(&moderator, Method::POST, &path(file, "/restore"), None).await.status, 200);
    assert_eq!(world.call(&moderator, Method::DELETE, &path(file, ""), None).await.status, 204);
    let trail: Vec<_> = tenant.audit.lock().unwrap().clone();
    let actions: Vec<_> = trail.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["media.quarantined", "media.restored", "media.deleted"]);
    assert_eq!(trail[0].actor, AuditActor::User(moderator.user_id));
    assert_eq!((&trail[0].subject, &trail[0].reason), (&Some(file.to_string()), &Some("stolen papers".to_owned())));
    assert_eq!(trail[0].details, Some(json!({ "owner": robin.user_id }).to_string()));
}

#[tokio::test]
async fn no_act_of_an_administrator_is_without_its_entry() {
    let (world, robin, moderator) = (World::new(), person(1), administrator(2));
    let tenant = Arc::new(Tenant::default());
    world.media().connect(tenant.connections());
    let file = world.file(&robin, "", "there").await;
    tenant.is_down.store(true, Ordering::Relaxed);
    world.call(&moderator, Method::DELETE, &path(file, ""), None).await.is_problem(503, "store.unavailable");
    assert!(world.find(file).await.is_some());
    assert_eq!(world.call(&robin, Method::DELETE, &path(file, ""), None).await.status, 204, "one's own is one's own");
}

#[tokio::test]
async fn a_file_is_attached_by_its_owner_and_by_administrators() {
    let (world, robin) = (World::new(), person(1));
    let (one, two) = (world.file(&robin, "?filename=a.txt", "one").await, world.file(&person(2), "", "two").await);
    let claim = async |actor: &Actor, media: &[MediaId]| world.media().claim(actor, media).await.unwrap();
    let refused = |media_id, reason| Claimed::Refused { media_id, reason };
    let Claimed::Granted(granted) = claim(&robin, &[one]).await else { panic!("refused") };
    assert_eq!((granted[0].filename.as_deref(), granted[0].size), (Some("a.txt"), 3));
    assert_eq!(claim(&robin, &[one, two]).await, refused(two, ClaimRefusal::NotYours));
    assert!(
        matches!(claim(&administrator(3), &[two, one]).await, Claimed::Granted(granted) if granted[0].media_id == two)
    );
    let unknown = MediaId::from_u128(7);
    assert_eq!(claim(&administrator(3), &[unknown]).await, refused(unknown, ClaimRefusal::Unknown));
    let guest = Actor { kind: ActorKind::Guest { room: RoomId::from_u128(1) }, ..person(4) };
    assert_eq!(claim(&guest, &[one]).await, refused(one, ClaimRefusal::NotYours));
    let chats_only = Actor { scopes: Scopes::NONE.with(Scope::ChatWrite), ..robin.clone() };
    assert_eq!(claim(&chats_only, &[one]).await, refused(one, ClaimRefusal::NotYours));
    assert_eq!(claim(&chats_only, &[]).await, Claimed::Granted(Vec::new()));
}

#[tokio::test]
async fn one_lists_ones_own_files_page_by_page() {
    let (world, robin) = (World::new(), person(1));
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(world.file(&robin, &format!("?filename={number}.txt"), format!("{number}")).await.to_string());
        world.later(1);
    }
    world.file(&person(2), "", "somebody else's").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.call(&robin, Method::GET, &format!("/v1/media?limit=2{cursor}"), None).await;
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2 && items.iter().all(|item| item["owner"] == robin.user_id.to_string()));
        seen.extend(items.iter().map(|item| item["media_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ids.reverse();
    assert_eq!(seen, ids);
    for bad in ["?limit=0", "?limit=201", "?cursor=user_1", "?colour=red"] {
        let answer = world.call(&robin, Method::GET, &format!("/v1/media{bad}"), None).await;
        answer.is_problem(400, "request.invalid");
    }
    let writer = Actor { scopes: Scopes::NONE.with(Scope::MediaWrite), ..robin };
    world.call(&writer, Method::GET, "/v1/media", None).await.is_problem(403, "auth.insufficient_scope");
}

#[tokio::test]
async fn one_sees_how_much_one_holds_and_administrators_how_much_all_do() {
    let config = Config { person_bytes: Some(1000), ..Config::default() };
    let (world, robin) = (World::with(config), person(1));
    world.file(&robin, "", "four").await;
    world.file(&robin, "", "four").await;
    world.file(&person(2), "", "sixsix").await;
    world.settled(&robin).await;
    world.settled(&person(2)).await;
    let usage = world.call(&robin, Method::GET, "/v1/media/usage", None).await.json();
    assert_eq!(usage, json!({ "files": 2, "bytes": 8, "uploads": 0, "reserved": 0, "limit": 1000 }));
    let usage = world.call(&administrator(3), Method::GET, "/v1/media/usage", None).await.json();
    let all = json!({ "files": 3, "bytes": 14, "uploads": 0, "reserved": 0, "limit": null });
    assert_eq!((&usage["files"], &usage["tenant"]), (&0.into(), &all));
}

#[tokio::test]
async fn what_is_held_back_or_deleted_is_gone_from_memory_with_the_answer() {
    let (world, robin, moderator) = (World::new(), person(1), administrator(2));
    let picture = fixtures::jpeg(40, 30);
    for query in ["", "?public=true"] {
        let file = world.file(&robin, query, picture.clone()).await;
        let reads = async || {
            let whole = world.call(&robin, Method::GET, &path(file, ""), None).await;
            let small = world.call(&robin, Method::GET, &path(file, "/thumbnail?w=64"), None).await;
            let nobody = http::Request::get(path(file, "")).body("".into()).unwrap();
            [whole.status, small.status, world.send(nobody).await.status]
        };
        let stranger = if query.is_empty() { 401 } else { 200 };
        for _ in 0..2 {
            assert_eq!(reads().await, [200, 200, stranger]);
        }
        world.media().quarantine(&moderator, file, None).await.unwrap();
        let stranger = if query.is_empty() { 401 } else { 410 };
        assert_eq!(reads().await, [410, 410, stranger]);
        world.media().restore(&moderator, file).await.unwrap();
        assert_eq!(reads().await[..2], [200, 200]);
        world.media().delete(&moderator, file).await.unwrap();
        assert_eq!(reads().await, [404, 404, 401]);
    }
    world.settled(&robin).await;
    assert_eq!(world.names().await, Vec::<String>::new());
}
