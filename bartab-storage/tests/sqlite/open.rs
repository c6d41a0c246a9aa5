//! Who may open a file, and which.

use bartab_core::SystemRandom;
use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};
use bartab_core::store::{EventLog, MarkerStore, StoreError};
use bartab_storage::sqlite::{OpenError, SqliteOptions, SqliteStore};
use rusqlite::Connection;

use crate::folder::Folder;

async fn try_open(folder: &Folder) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(folder.file("a"), SqliteOptions::default(), &SystemRandom).await
}

#[tokio::test]
async fn a_folder_in_use_is_refused_until_it_is_closed() {
    let folder = Folder::default();
    let store = folder.open("a").await;
    assert!(matches!(try_open(&folder).await, Err(OpenError::InUse)));
    let other_handle = store.clone();
    store.close().await;
    let again = try_open(&folder).await.unwrap();
    assert!(matches!(other_handle.head().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(other_handle.advance(&[]).await, Err(StoreError::Unavailable(_))));
    drop(again);
    try_open(&folder).await.unwrap();
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    let folder = Folder::default();
    let store = folder.open("a").await;
    store.close().await;
    store.close().await;
    folder.open("a").await.head().await.unwrap();
}

#[tokio::test]
async fn a_closed_tenant_is_one_file_and_its_lock() {
    let folder = Folder::default();
    let store = folder.open("a").await;
    ChainBuilder::on(&store, 1).await.unwrap().commit(&store).await.unwrap();
    store.close().await;
    assert_eq!(folder.files("a"), ["tenant.db", "tenant.lock"]);
}

#[tokio::test]
async fn a_newer_file_is_refused_with_both_versions() {
    let folder = Folder::default();
    folder.open("a").await.close().await;
    Connection::open(folder.file("a")).unwrap().pragma_update(None, "user_version", 4711).unwrap();
    let refused = try_open(&folder).await.unwrap_err();
    let OpenError::Newer { found: 4711, known } = refused else { panic!("{refused:?}") };
    assert!(refused.to_string().contains("4711") && refused.to_string().contains(&known.to_string()));
}

#[tokio::test]
async fn a_stranger_s_database_is_refused_and_left_alone() {
    let folder = Folder::default();
    Connection::open(folder.file("a")).unwrap().execute_batch("CREATE TABLE theirs (id)").unwrap();
    let before = std::fs::read(folder.file("a")).unwrap();
    assert!(matches!(try_open(&folder).await, Err(OpenError::Foreign)));
    assert_eq!(std::fs::read(folder.file("a")).unwrap(), before);
    let tables = "SELECT group_concat(name) FROM sqlite_schema";
    let tables: String = Connection::open(folder.file("a")).unwrap().query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, "theirs");
}

#[tokio::test]
async fn a_refused_file_s_wal_is_left_alone() {
    let folder = Folder::default();
    let theirs = Connection::open(folder.file("a")).unwrap();
    theirs.execute_batch("PRAGMA journal_mode = WAL; PRAGMA application_id = 7; CREATE TABLE theirs (id)").unwrap();
    let copy = folder.file("b");
    let wal = |file: &std::path::Path| file.with_file_name("tenant.db-wal");
    std::fs::copy(folder.file("a"), &copy).unwrap();
    std::fs::copy(wal(&folder.file("a")), wal(&copy)).unwrap();
    let before = (std::fs::read(&copy).unwrap(), std::fs::read(wal(&copy)).unwrap());
    let refused = SqliteStore::open(&copy, SqliteOptions::default(), &SystemRandom).await;
    assert!(matches!(refused, Err(OpenError::Foreign)));
    assert_eq!((std::fs::read(&copy).unwrap(), std::fs::read(wal(&copy)).unwrap()), before);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = Folder::default();
    std::fs::write(folder.file("a"), "this is no database, however long it may be. ".repeat(1_000)).unwrap();
    assert!(matches!(try_open(&folder).await, Err(OpenError::Damaged(_))));
}

#[tokio::test]
async fn a_missing_folder_is_an_error_of_its_own() {
    let folder = Folder::default();
    let file = folder.file("a").join("nowhere").join("tenant.db");
    let refused = SqliteStore::open(file, SqliteOptions::default(), &SystemRandom).await;
    assert!(matches!(refused, Err(OpenError::Io(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_a_tenant_s_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::default();
    let store = folder.open("a").await;
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    chain.say(person(1), room(1), "private");
    chain.commit(&store).await.unwrap();
    for name in folder.files("a") {
        let mode = std::fs::metadata(folder.file("a").with_file_name(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[tokio::test]
async fn two_tenants_have_each_a_genesis_that_stays() {
    let folder = Folder::default();
    let (a, b) = (folder.open("a").await, folder.open("b").await);
    let genesis = a.genesis().await.unwrap();
    assert_ne!(genesis, b.genesis().await.unwrap());
    a.close().await;
    assert_eq!(folder.open("a").await.genesis().await.unwrap(), genesis);
}
