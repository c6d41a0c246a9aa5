//! A tenant opens once under any concurrency, is closed only when idle, and the number open stays below the cap.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bartab_core::ManualClock;

use super::*;

#[derive(Clone, Default)]
struct Counting {
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    waits_ended: Arc<AtomicUsize>,
    fail: Arc<AtomicBool>,
    panic: Arc<AtomicBool>,
}

impl Opener for Counting {
    type Tenant = String;

    async fn open(&self, name: &TenantName, _: &TenantSettings) -> Result<String, OpenError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(!self.panic.load(Ordering::SeqCst), "told to");
        if self.fail.load(Ordering::SeqCst) {
            return Err(OpenError::Failed { part: "the store", source: "told to".into() });
        }
        Ok(name.to_string())
    }

    async fn end_waits(&self, _: &String) {
        self.waits_ended.fetch_add(1, Ordering::SeqCst);
    }

    async fn close(&self, _: &String) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

struct Fixture {
    registry: Registry<Counting>,
    counts: Counting,
    clock: Arc<ManualClock>,
    folder: DataFolder,
    _root: tempfile::TempDir,
}

fn fixture(names: &[&str], max_open: usize) -> Fixture {
    fixture_with_root(names, max_open, None)
}

fn fixture_with_root(names: &[&str], max_open: usize, tenant: Option<&str>) -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(root.path()).unwrap();
    for name in names {
        create(&folder, name, &TenantSettings::default());
    }
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let counts = Counting::default();
    let root_tenant = tenant.map(|name| name.parse().unwrap());
    let config = TenantsConfig { max_open, idle_seconds: 60, ..TenantsConfig::default() };
    let registry = Registry::new(folder.clone(), root_tenant, counts.clone(), config, clock.clone());
    Fixture { registry, counts, clock, folder, _root: root }
}

fn create(folder: &DataFolder, name: &str, settings: &TenantSettings) {
    folder.create(&name.parse().unwrap(), settings).unwrap();
}

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_tenant_opens_once_under_any_concurrency() {
    let it = fixture(&["a"], 10);
    let asks = (0..64).map(|_| it.registry.by_name("a"));
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|used| **used == *"a")));
    assert_eq!(count(&it.counts.opened), 1);
}

#[tokio::test]
async fn the_first_to_ask_may_leave_while_others_wait() {
    let it = fixture(&["a"], 10);
    let mut first = Box::pin(it.registry.by_name("a"));
    while count(&it.counts.opened) == 0 {
        assert!(futures_util::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
    }
    drop(first);
    assert!(it.registry.by_name("a").await.is_ok());
    assert_eq!(count(&it.counts.opened), 1);
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait_and_tried_again_later() {
    let it = fixture(&["a"], 10);
    it.counts.fail.store(true, Ordering::SeqCst);
    let answers = futures_util::future::join_all((0..8).map(|_| it.registry.by_name("a"))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(Refusal::Failed))));
    assert_eq!(count(&it.counts.opened), 1);
    it.counts.fail.store(false, Ordering::SeqCst);
    assert!(matches!(it.registry.by_name("a").await, Err(Refusal::Failed)));
    it.clock.advance(Duration::from_secs(1));
    assert!(it.registry.by_name("a").await.is_ok());
}

#[tokio::test]
async fn a_panic_while_opening_leaves_the_tenant_closed() {
    let it = fixture(&["a"], 10);
    it.counts.panic.store(true, Ordering::SeqCst);
    let mut ask = Box::pin(it.registry.by_name("a"));
    while count(&it.counts.opened) < 2 {
        assert!(futures_util::poll!(&mut ask).is_pending());
        tokio::task::yield_now().await;
    }
    it.counts.panic.store(false, Ordering::SeqCst);
    assert!(ask.await.is_ok());
}

#[tokio::test]
async fn only_an_idle_tenant_is_closed_and_it_opens_again() {
    let it = fixture(&["a"], 10);
    let used = it.registry.by_name("a").await.unwrap();
    it.clock.advance(Duration::from_secs(600));
    assert_eq!(it.registry.close_idle().await, 0, "somebody waits");
    drop(used);
    assert_eq!(it.registry.close_idle().await, 0, "used just now");
    it.clock.advance(Duration::from_secs(60));
    assert_eq!(it.registry.close_idle().await, 1);
    assert_eq!((it.registry.open_count(), count(&it.counts.closed)), (0, 1));
    assert!(it.registry.by_name("a").await.is_ok());
    assert_eq!(count(&it.counts.opened), 2);
}

#[tokio::test]
async fn at_the_cap_the_longest_idle_makes_room_and_those_in_use_stay() {
    let it = fixture(&["a", "b", "c", "d"], 2);
    let a = it.registry.by_name("a").await.unwrap();
    drop(it.registry.by_name("b").await.unwrap());
    it.clock.advance(Duration::from_secs(1));
    let c = it.registry.by_name("c").await.unwrap();
    let open = |it: &Fixture| it.registry.open().into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    let mut names = open(&it);
    names.sort();
    assert_eq!(names, ["a", "c"]);
    assert!(matches!(it.registry.by_name("d").await, Err(Refusal::Full)));
    drop((a, c));
    it.clock.advance(Duration::from_secs(2));
    assert!(it.registry.by_name("d").await.is_ok());
}

#[tokio::test]
async fn a_tenant_that_is_made_later_is_found_by_name_and_by_host() {
    let it = fixture(&["a"], 10);
    it.registry.scan().await.unwrap();
    assert!(matches!(it.registry.by_name("b").await, Err(Refusal::Unknown)));
    assert!(matches!(it.registry.by_host("b.example").await, Err(Refusal::Unknown)));
    let hosts = vec!["b.example".parse().unwrap()];
    create(&it.folder, "b", &TenantSettings { hosts, ..TenantSettings::default() });
    assert_eq!(it.registry.by_host("b.example").await.unwrap().as_str(), "b");
    create(&it.folder, "c", &TenantSettings::default());
    assert_eq!(it.registry.by_name("c").await.unwrap().as_str(), "c");
}

#[tokio::test]
async fn requests_that_come_before_the_first_scan_wait_for_it() {
    let it = fixture_with_root(&["root"], 10, Some("root"));
    let hosts = vec!["b.example".parse().unwrap()];
    create(&it.folder, "b", &TenantSettings { hosts, ..TenantSettings::default() });
    let answers = futures_util::future::join_all((0..8).map(|_| it.registry.by_host("b.example"))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|used| **used == *"b")));
    assert_eq!(it.registry.by_host("other.example").await.unwrap().as_str(), "root");
}

#[tokio::test]
async fn settings_that_could_not_be_read_are_read_again() {
    let it = fixture(&[], 10);
    create(&it.folder, "b", &TenantSettings::default());
    let settings = it.folder.tenant(&"b".parse().unwrap()).join("tenant.toml");
    std::fs::write(&settings, "hosts = 3").unwrap();
    assert!(matches!(it.registry.by_host("b.example").await, Err(Refusal::Unknown)));
    std::fs::write(&settings, "hosts = ['b.example']").unwrap();
    it.clock.advance(Duration::from_secs(1));
    assert_eq!(it.registry.by_host("b.example").await.unwrap().as_str(), "b");
}

#[tokio::test]
async fn suspended_tenants_and_hostile_names_are_refused() {
    let it = fixture(&[], 10);
    create(&it.folder, "s", &TenantSettings { suspended: true, ..TenantSettings::default() });
    assert!(matches!(it.registry.by_name("s").await, Err(Refusal::Suspended)));
    for name in ["", ".", "..", "../s", "S", "s/../s", "s\0"] {
        assert!(matches!(it.registry.by_name(name).await, Err(Refusal::Unknown)), "{name:?}");
    }
    assert_eq!(count(&it.counts.opened), 0);
}

#[tokio::test]
async fn a_stopping_registry_closes_what_is_open_and_lets_nobody_in() {
    let it = fixture(&["a", "b"], 10);
    let _waiting = it.registry.by_name("a").await.unwrap();
    it.registry.end_waits().await;
    assert_eq!((count(&it.counts.waits_ended), count(&it.counts.closed)), (1, 0));
    it.registry.close_all().await;
    assert_eq!(count(&it.counts.closed), 1);
    assert!(matches!(it.registry.by_name("a").await, Err(Refusal::Stopping)));
    assert!(matches!(it.registry.by_name("b").await, Err(Refusal::Stopping)));
}
