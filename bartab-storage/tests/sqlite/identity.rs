//! What only a store on disk can get wrong of identity: files of before, and the bytes that erasure leaves.

use std::sync::Arc;

use bartab_core::store::conformance::identity::IdentityStores;
use bartab_core::store::{
    Account, AccountChange, AccountKind, AccountNews, AccountState, Admission, ClientKind, ExternalIdentity,
    KeyAlgorithm, KeyState, OAuthClient, PasswordHash, ProfileChange, SecondFactorChange, Session, SpentToken,
    StoreError, Ticket, TicketPurpose, TokenHash, TotpSecret,
};
use bartab_core::{BotId, Scope, Scopes, SeededRandom, SessionId, TenantRole, Timestamp, UserId};
use bartab_storage::sqlite::SqliteStore;
use rusqlite::Connection;

use crate::folder::Folder;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

async fn open(folder: &Folder, name: &str) -> (SqliteStore, IdentityStores) {
    let store = folder.open(name).await;
    (store.clone(), IdentityStores::of(Arc::new(store)))
}

fn user(number: u128) -> UserId {
    UserId::from_u128(number)
}

fn account(number: u128, name: &str) -> Account {
    Account {
        user_id: user(number),
        username: name.to_owned(),
        username_key: name.to_owned(),
        kind: AccountKind::Person,
        display_name: name.to_owned(),
        avatar: None,
        profile_rev: 1,
        password: None,
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

fn session(number: u128, owner: u128, device: Option<&str>) -> Session {
    Session {
        session_id: SessionId::from_u128(number),
        user_id: user(owner),
        client_id: "bartab".to_owned(),
        device_name: device.map(str::to_owned),
        scopes: Scopes::PERSON,
        family: TokenHash::of(b"family"),
        current: TokenHash::of(b"current"),
        previous: None,
        methods: "pwd".to_owned(),
        granted: false,
        created_at: at(1),
        last_used_at: at(2),
        expires_at: at(1_000),
        ended_at: None,
    }
}

/// A file as the program wrote it before it knew of the account feed.
fn write_old(path: &std::path::Path) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(include_str!("../../src/sqlite/migrations/0001_log.sql")).unwrap();
    conn.execute_batch(include_str!("../../src/sqlite/migrations/0002_identity.sql")).unwrap();
    conn.execute("INSERT INTO meta (name, value) VALUES ('log_id', ?1)", [[7_u8; 16]]).unwrap();
    let mut account = conn.prepare("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").unwrap();
    let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA";
    let long = "\u{1f37a}".repeat(64);
    let none = None::<[u8; 16]>;
    let mut insert =
        |number: u128, name: &str, shown: &str, phc: Option<&str>, owner: Option<[u8; 16]>, created: u64| {
            let (kind, key) = (if owner.is_some() { "bot" } else { "person" }, name.to_lowercase());
            let id = user(number).to_bytes();
            let avatar = (number == 3).then_some([9_u8; 16]);
            account
                .execute((id, name, key, kind, owner, shown, avatar, number as u64, phc, "owner", "active", created))
                .unwrap();
        };
    // The order of ids, of rows and of times differ.
    insert(5, "Alice", "Alice \u{fc}", Some(phc), none, at(20).as_millis());
    insert(3, "bob", &long, None, none, at(30).as_millis());
    insert(4, "helper", "", None, Some(user(5).to_bytes()), at(10).as_millis());
    for n in 10..80_u128 {
        insert(n, &format!("user{n}"), &"x".repeat(n as usize), Some(phc), none, at(40).as_millis());
    }
    let mut session =
        conn.prepare("INSERT INTO sessions VALUES (?, ?, 'bartab', ?, 'chat:read', ?, ?, ?, ?, ?, ?, ?, ?)").unwrap();
    let mut insert = |number: u128, device: Option<&str>, previous: Option<[u8; 32]>, ended: Option<u64>| {
        let spent_at = previous.map(|_| at(4).as_millis());
        let (family, current) = (*TokenHash::of(b"family").as_bytes(), *TokenHash::of(b"current").as_bytes());
        let id = SessionId::from_u128(number).to_bytes();
        let times = (at(1).as_millis(), at(2).as_millis(), at(1_000).as_millis());
        let owner = user(5).to_bytes();
        session
            .execute((id, owner, device, family, current, previous, spent_at, times.0, times.1, times.2, ended))
            .unwrap();
    };
    insert(1, Some("Alice's phone"), None, None);
    insert(2, None, Some([1; 32]), Some(at(5).as_millis()));
    insert(3, Some(""), None, None);
    let key = "INSERT INTO signing_keys VALUES ('kid', 'EdDSA', '{}', ?1, ?2, 'active')";
    conn.execute(key, ([1_u8, 2, 3], at(3).as_millis())).unwrap();
    conn.pragma_update(None, "application_id", 0x4254_4142).unwrap();
    conn.pragma_update(None, "user_version", 2).unwrap();
}

#[tokio::test]
async fn a_file_of_before_the_feed_is_brought_along() {
    let folder = Folder::default();
    write_old(&folder.file("old"));
    let (store, stores) = open(&folder, "old").await;
    let alice = Account {
        username: "Alice".to_owned(),
        username_key: "alice".to_owned(),
        display_name: "Alice \u{fc}".to_owned(),
        password: Some(PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA")),
        profile_rev: 5,
        role: TenantRole::Owner,
        rights_at: at(20),
        created_at: at(20),
        ..account(5, "")
    };
    assert_eq!(stores.accounts.find("alice").await.unwrap(), Some(alice));
    let bob = stores.accounts.get(user(3)).await.unwrap().unwrap();
    assert_eq!((bob.display_name, bob.password, bob.profile_rev), ("\u{1f37a}".repeat(64), None, 3));
    assert_eq!(bob.avatar.map(|avatar| avatar.to_bytes()), Some([9; 16]));
    let helper = stores.accounts.find("helper").await.unwrap().unwrap();
    assert_eq!((helper.kind, &*helper.display_name), (AccountKind::Bot { owner: user(5) }, ""));
    for n in 10..80 {
        let name = format!("user{n}");
        let found = stores.accounts.find(&name).await.unwrap().unwrap();
        assert_eq!((found.user_id, found.display_name), (user(n), "x".repeat(n as usize)));
    }

    let scopes = Scopes::NONE.with(Scope::ChatRead);
    let previous = SpentToken { hash: TokenHash::from_bytes([1; 32]), spent_at: at(4), successor: None };
    let sessions = [
        Session { scopes, ..session(1, 5, Some("Alice's phone")) },
        Session { scopes, previous: Some(previous), ended_at: Some(at(5)), ..session(2, 5, None) },
        Session { scopes, ..session(3, 5, Some("")) },
    ];
    for session in sessions {
        assert_eq!(stores.sessions.get(session.session_id).await.unwrap(), Some(session));
    }
    assert_eq!(stores.sessions.list(user(5), None, at(9), 9).await.unwrap().len(), 2);
    let keys = stores.keys.list().await.unwrap();
    let [key] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!((key.algorithm, key.state, key.created_at), (KeyAlgorithm::EdDsa, KeyState::Active, at(3)));
    assert_eq!((key.private.as_bytes(), key.state_since), (&[1, 2, 3][..], at(3)));

    let entries = stores.feed.after(0, 99).await.unwrap();
    let first: Vec<_> = entries.iter().take(4).map(|entry| (entry.number, entry.user_id, entry.at)).collect();
    assert_eq!(first, [(1, user(4), at(10)), (2, user(5), at(20)), (3, user(3), at(30)), (4, user(10), at(40))]);
    assert_eq!(entries.len(), 73);
    assert!(entries.iter().all(|entry| entry.news == AccountNews::Created { rooms: Vec::new(), invited_by: None }));
    assert_eq!(&*entries[2].profile.name, "\u{1f37a}".repeat(64));
    let taken = stores.accounts.create(account(99, "alice"), Admission::default()).await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
    let erase = AccountChange::Erase { messages: false };
    assert_eq!(stores.accounts.change(user(5), erase, at(50), None).await.unwrap().profile_rev, 6);
    assert_eq!(stores.feed.after(73, 9).await.unwrap()[0].number, 74);
    store.close().await;
    for gone in ["Alice", "alice"] {
        assert!(!folder.holds("old", gone.as_bytes()), "{gone}");
    }
    assert!(folder.holds("old", b"user79"));
}

/// Words that name one person and stand nowhere else: `name-` and a number, in fives.
fn words(number: u128, random: &SeededRandom) -> String {
    format!("name-{number:05}-{}", "x".repeat(random.below(90) as usize))
}

/// Some of everything that can name a person, changed in odd order, so that pages of every table are split and merged.
async fn live(stores: &IdentityStores, number: u128, random: &SeededRandom) {
    let admission = Admission {
        external: (random.below(2) == 0)
            .then(|| ExternalIdentity { issuer: "https://id.example".to_owned(), subject: words(number, random) }),
        ..Admission::default()
    };
    let named = Account { password: Some(PasswordHash::new(words(number, random))), ..account(number, "") };
    // The key begins with chance, so that names meet in the middle of the index.
    let username = format!("{:02}{}", random.below(99), words(number, random));
    let named = Account { username: username.clone(), username_key: username, ..named };
    stores.accounts.create(named, admission).await.unwrap();
    for n in 0..random.below(3) {
        let device = words(number, random);
        stores.sessions.create(session(number * 10 + u128::from(n), number, Some(&device))).await.unwrap();
    }
    let ticket = Ticket {
        secret: TokenHash::of(&number.to_be_bytes()),
        purpose: TicketPurpose::SignIn,
        user: Some(user(number)),
        payload: words(number, random).into_bytes(),
        version: 1,
        expires_at: at(1_000),
        spent_at: None,
    };
    stores.tickets.create(vec![ticket]).await.unwrap();
}

async fn go_on(stores: &IdentityStores, number: u128, random: &SeededRandom) {
    let profile = ProfileChange { display_name: Some(words(number, random)), avatar: None };
    let change = match random.below(4) {
        0 => AccountChange::Password(Some(PasswordHash::new(words(number, random)))),
        1 => {
            AccountChange::SecondFactor(SecondFactorChange::Begin(TotpSecret::new(words(number, random).into_bytes())))
        }
        _ => AccountChange::Profile(profile),
    };
    stores.accounts.change(user(number), change, at(1), None).await.unwrap();
    let session = SessionId::from_u128(number * 10);
    stores.sessions.rename(user(number), session, Some(words(number, random)), at(1)).await.unwrap();
    let (secret, payload) = (TokenHash::of(&number.to_be_bytes()), words(number, random).into_bytes());
    let owner = Some(user(number));
    stores.tickets.replace(TicketPurpose::SignIn, &secret, 1, owner, payload, at(1)).await.unwrap();
}

#[tokio::test]
async fn who_is_erased_is_named_in_no_file() {
    for seed in 0..2 {
        let folder = Folder::default();
        let (store, stores) = open(&folder, "erased").await;
        let random = SeededRandom::new(seed);
        let (mut there, mut erased) = (Vec::new(), Vec::new());
        for number in 1..=200_u128 {
            live(&stores, number, &random).await;
            there.push(number);
            for _ in 0..random.below(5) {
                let place = random.below(there.len() as u64) as usize;
                go_on(&stores, there[place], &random).await;
            }
            if random.below(3) == 0 {
                let number = there.swap_remove(random.below(there.len() as u64) as usize);
                stores
                    .accounts
                    .change(user(number), AccountChange::Erase { messages: true }, at(2), None)
                    .await
                    .unwrap();
                erased.push(number);
            }
        }
        let held = || {
            let found = folder.after("erased", b"name-", 5);
            assert!(there.iter().all(|number| found.contains(&format!("{number:05}"))));
            erased.iter().copied().filter(|number| found.contains(&format!("{number:05}"))).collect::<Vec<u128>>()
        };
        assert_eq!(held(), Vec::<u128>::new(), "of {} erased people these are still named", erased.len());
        store.close().await;
        assert_eq!(held(), Vec::<u128>::new());
    }
}

/// Long names make few cells a page, and pages that are merged often: without the care that is taken, half of these
/// seeds leave a copy.
#[tokio::test]
async fn the_indexes_of_names_keep_no_copies() {
    for seed in 0..6 {
        let folder = Folder::default();
        let (store, stores) = open(&folder, "indexes").await;
        let random = SeededRandom::new(seed);
        let long = |number: u128| {
            format!("{:02}name-{number:05}-{}", random.below(99), "x".repeat(random.below(1_000) as usize))
        };
        for number in 0..200 {
            let external = ExternalIdentity { issuer: String::new(), subject: long(number) };
            let admission = Admission { external: Some(external), ..Admission::default() };
            let account = Account { username_key: long(number), ..account(number, "") };
            stores.accounts.create(account, admission).await.unwrap();
        }
        let erased: Vec<u128> = (0..200).filter(|_| random.below(2) == 0).collect();
        for number in &erased {
            stores.accounts.change(user(*number), AccountChange::Erase { messages: false }, at(2), None).await.unwrap();
        }
        store.close().await;
        let found = folder.after("indexes", b"name-", 5);
        assert_eq!(found.len(), 200 - erased.len());
        assert!(erased.iter().all(|number| !found.contains(&format!("{number:05}"))));
    }
}

#[tokio::test]
async fn an_erased_bot_takes_the_name_of_its_client_along() {
    let folder = Folder::default();
    let (_store, stores) = open(&folder, "bot").await;
    let client = OAuthClient {
        client_id: "bot".to_owned(),
        kind: ClientKind::Bot { bot: BotId::from_u128(1), user: user(2) },
        name: "secret-name".to_owned(),
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        scopes: Scopes::PERSON,
        grants: Default::default(),
        id_token_algorithm: KeyAlgorithm::EdDsa,
        created_at: at(0),
        created_by: None,
    };
    let helper = Account { kind: AccountKind::Bot { owner: user(1) }, ..account(2, "secret-name") };
    let admission = Admission { client: Some(client), ..Admission::default() };
    stores.accounts.create(helper, admission).await.unwrap();
    assert!(folder.holds("bot", b"secret-name"));
    stores.accounts.change(user(2), AccountChange::Erase { messages: false }, at(1), None).await.unwrap();
    assert!(!folder.holds("bot", b"secret-name"));
    assert_eq!(stores.clients.get("bot").await.unwrap(), None);
}

#[tokio::test]
async fn identity_survives_an_abort() {
    let folder = Folder::default();
    let (_store, stores) = open(&folder, "live").await;
    stores.accounts.create(account(1, "alice"), Admission::default()).await.unwrap();
    stores.sessions.create(session(1, 1, Some("phone"))).await.unwrap();
    folder.copy("live", "killed");
    let (_again, again) = open(&folder, "killed").await;
    assert_eq!(again.accounts.find("alice").await.unwrap(), Some(account(1, "alice")));
    assert_eq!(again.sessions.get(SessionId::from_u128(1)).await.unwrap(), Some(session(1, 1, Some("phone"))));
    assert_eq!(again.feed.after(0, 9).await.unwrap(), stores.feed.after(0, 9).await.unwrap());
}
