//! The log passes the suite, ends well after a torn write, and forgets what was erased.

use std::fs;

use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};

use super::Folder;

bartab_core::log_conformance!(Folder::new().unwrap());

#[tokio::test]
async fn half_a_line_at_the_end_is_dropped() {
    let folder = Folder::new().unwrap();
    let log = folder.log("log").await;
    let mut chain = ChainBuilder::on(&*log, 1).await.unwrap();
    chain.say(person(1), room(1), "kept");
    chain.commit(&*log).await.unwrap();
    let path = folder.0.path().join("log.json");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"[{\"version\":1,"].concat()).unwrap();

    let log = folder.log("log").await;
    assert_eq!(log.head().await.unwrap(), chain.head());
    chain.say(person(1), room(1), "goes on");
    chain.commit(&*log).await.unwrap();
    assert_eq!(folder.log("log").await.head().await.unwrap(), chain.head());
}

#[tokio::test]
async fn erased_text_is_in_no_file() {
    let folder = Folder::new().unwrap();
    let log = folder.log("log").await;
    let mut chain = ChainBuilder::on(&*log, 1).await.unwrap();
    let id = chain.say(person(1), room(1), "unsayable");
    chain.commit(&*log).await.unwrap();
    chain.delete(person(1), room(1), id, "");
    chain.commit(&*log).await.unwrap();
    for entry in fs::read_dir(folder.0.path()).unwrap() {
        assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains("unsayable"));
    }
}
