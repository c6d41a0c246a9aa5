use super::*;
use crate::testing::{open, session_of};
use bartab_core::store::{ClientKind, Grants, KeyAlgorithm};
use bartab_core::{Scope, SeededRandom};

#[test]
fn a_code_is_read_however_it_is_typed() {
    for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b c d f\u{2013}g.h_j\tk"] {
        assert_eq!(normal_user_code(typed).as_deref(), Some("BCDFGHJK"), "{typed}");
    }
    for none in ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ1", "BCDF/GHJK", &" ".repeat(65), "\u{412}CDFGHJK"]
    {
        assert_eq!(normal_user_code(none), None, "{none}");
    }
}

#[test]
fn every_letter_comes_about_as_often() {
    let random = SeededRandom::new(5);
    let codes: String = (0..2_500).map(|_| new_user_code(&random)).collect();
    for letter in LETTERS {
        let count = codes.bytes().filter(|byte| byte == letter).count();
        assert!((900..1_100).contains(&count), "{}: {count}", char::from(*letter));
    }
    assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
}

fn client(id: &str) -> OAuthClient {
    OAuthClient {
        client_id: id.to_owned(),
        kind: ClientKind::App,
        name: id.to_owned(),
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        scopes: Scopes::PERSON,
        grants: Grants::default(),
        id_token_algorithm: KeyAlgorithm::EdDsa,
        created_at: Timestamp::from_secs(0),
        created_by: None,
    }
}

fn yes(user: UserId, allowed: Scopes) -> DeviceDecision<'static> {
    DeviceDecision {
        user,
        allowed: Some(allowed),
        auth_time: Timestamp::from_secs(7),
        methods: "pwd",
        password: [0; 32],
    }
}

#[tokio::test]
async fn a_device_gets_what_was_allowed_and_asked_for_once() {
    let (auth, clock) = open().await;
    let alice = UserId::from_u128(1);
    let asked = Scopes::NONE.with(Scope::ChatRead).with(Scope::ChatWrite);
    let codes = auth.begin_device(&client("tool"), asked, None).await.unwrap();
    assert_eq!((codes.expires_in, codes.interval), (600, 5));
    let poll = async |client: &str| auth.poll_device(&codes.device_code, client).await;
    assert!(matches!(poll("tool").await, Err(DeviceError::Pending)));
    assert!(matches!(poll("tool").await, Err(DeviceError::SlowDown)));
    assert!(matches!(poll("other").await, Err(DeviceError::Invalid)));
    let found = auth.find_device(&codes.user_code.to_lowercase(), alice).await.unwrap();
    assert_eq!(found, Some(WaitingDevice { client_id: "tool".to_owned(), scopes: asked }));

    let allowed = Scopes::NONE.with(Scope::ChatRead).with(Scope::Admin);
    assert!(auth.decide_device(&codes.user_code, yes(alice, allowed)).await.unwrap().is_some());
    // Whoever comes second decides nothing, and finds nothing.
    assert!(auth.decide_device(&codes.user_code, yes(UserId::from_u128(2), asked)).await.unwrap().is_none());
    assert!(matches!(poll("other").await, Err(DeviceError::Invalid)));
    clock.advance(Duration::from_secs(10));
    let grant = poll("tool").await.unwrap();
    assert_eq!((grant.user, grant.scopes), (alice, Scopes::NONE.with(Scope::ChatRead)));
    assert_eq!((grant.auth_time, &*grant.methods), (Timestamp::from_secs(7), "pwd"));
    // The grant was used again before its session was there: that session cannot begin any more.
    assert!(matches!(poll("tool").await, Err(DeviceError::Invalid)));
    let session = session_of(&auth, grant.session_id).await.unwrap();
    assert!(session.ended_at.is_some() && session.user_id == alice);
}

#[tokio::test]
async fn who_tries_many_codes_is_told_to_wait() {
    let (auth, clock) = open().await;
    let (alice, bob) = (UserId::from_u128(1), UserId::from_u128(2));
    let codes = auth.begin_device(&client("tool"), Scopes::PERSON, None).await.unwrap();
    for _ in 0..10 {
        assert_eq!(auth.find_device("BCDF-GHJK", alice).await.unwrap(), None);
    }
    // Also the right one is none any more.
    assert!(matches!(auth.find_device(&codes.user_code, alice).await, Err(AuthError::SlowDown(_))));
    assert!(auth.find_device(&codes.user_code, bob).await.unwrap().is_some());
    clock.advance(Duration::from_secs(599));
    assert!(matches!(auth.find_device("BCDF-GHJK", alice).await, Err(AuthError::SlowDown(_))));
    clock.advance(Duration::from_secs(1));
    assert_eq!(auth.find_device("BCDF-GHJK", alice).await.unwrap(), None);
}
