//! Finds a tenant by its name or by a host name, and looks at the folder when it does not know it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bartab_core::Clock;

use super::Chain;
use super::slot::Slot;
use crate::folder::{DataFolder, FolderError};
use crate::settings::TenantSettings;
use crate::tenant_name::TenantName;

/// With a root tenant every unknown host name is answered, so the folder is looked at no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Index<T> {
    folder: DataFolder,
    root: Option<TenantName>,
    clock: Arc<dyn Clock>,
    known: RwLock<Known<T>>,
    /// One scan at a time; holds when the folder had last changed as the last scan began.
    scanned: tokio::sync::Mutex<Option<SystemTime>>,
    /// Whether a scan has ended. Before, an unknown host name may be that of a tenant that is not known yet.
    ready: AtomicBool,
    /// Whether the last scan could not read some tenant's settings.
    partial: AtomicBool,
    looked: AtomicU64,
}

struct Known<T> {
    by_name: HashMap<TenantName, Arc<Slot<T>>>,
    by_host: HashMap<String, Arc<Slot<T>>>,
}

impl<T: Send + Sync + 'static> Index<T> {
    pub(super) fn new(folder: DataFolder, root: Option<TenantName>, clock: Arc<dyn Clock>) -> Self {
        let known = RwLock::new(Known { by_name: HashMap::new(), by_host: HashMap::new() });
        Self {
            folder,
            root,
            clock,
            known,
            scanned: tokio::sync::Mutex::new(None),
            ready: AtomicBool::new(false),
            partial: AtomicBool::new(false),
            looked: AtomicU64::new(0),
        }
    }

    pub(super) async fn by_name(&self, name: &str) -> Option<Arc<Slot<T>>> {
        if let Some(slot) = self.read(|known| known.by_name.get(name).cloned()) {
            return Some(slot);
        }
        let name: TenantName = name.parse().ok()?;
        let folder = self.folder.clone();
        let settings = blocking({
            let name = name.clone();
            move || folder.settings(&name)
        });
        match settings.await? {
            Ok(settings) => Some(self.add(name, settings)),
            Err(FolderError::Missing(_)) => None,
            Err(error) => {
                tracing::error!(tenant = %name, error = %Chain(&error), "a tenant's settings cannot be used");
                None
            }
        }
    }

    pub(super) async fn by_host(&self, host: &str) -> Option<Arc<Slot<T>>> {
        let find = |known: &Known<T>| known.by_host.get(host).cloned();
        if let Some(slot) = self.read(find) {
            return Some(slot);
        }
        // Settings that cannot be read are read again, though not for every request.
        let cheap = self.root.is_none() && !self.partial.load(Ordering::Relaxed);
        if !self.ready.load(Ordering::Acquire) || cheap || self.time_to_look() {
            self.scan().await.inspect_err(|error| tracing::error!(%error, "the tenants cannot be listed")).ok()?;
            if let Some(slot) = self.read(find) {
                return Some(slot);
            }
        }
        self.root().await
    }

    pub(super) async fn root(&self) -> Option<Arc<Slot<T>>> {
        self.by_name(self.root.as_ref()?.as_str()).await
    }

    fn time_to_look(&self) -> bool {
        let now = self.clock.now().as_millis();
        let last = self.looked.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= LOOK_EVERY.as_millis() as u64;
        due && self.looked.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Reads the settings of the tenants that are not known yet, if the folder has changed since the last time.
    pub(super) async fn scan(&self) -> Result<(), FolderError> {
        let mut scanned = self.scanned.lock().await;
        let folder = self.folder.clone();
        let before = *scanned;
        let known = self.read(|known| known.by_name.keys().cloned().collect());
        let found = blocking(move || look(&folder, before, &known)).await.unwrap_or(Ok(None))?;
        let Some(Found { changed, settings }) = found else { return Ok(()) };
        let mut partial = false;
        for (name, settings) in settings {
            match settings {
                Ok(settings) => _ = self.add(name, settings),
                Err(FolderError::Missing(_)) => {}
                Err(error) => {
                    partial = true;
                    tracing::error!(tenant = %name, error = %Chain(&error), "a tenant's settings cannot be used");
                }
            }
        }
        self.partial.store(partial, Ordering::Relaxed);
        self.ready.store(true, Ordering::Release);
        // A folder that changed this very moment may change again without its time telling so.
        let now = UNIX_EPOCH + Duration::from_millis(self.clock.now().as_millis());
        let settled = |at: &SystemTime| now.duration_since(*at).is_ok_and(|age| age >= LOOK_EVERY);
        *scanned = changed.filter(settled).filter(|_| !partial);
        Ok(())
    }

    fn add(&self, name: TenantName, settings: TenantSettings) -> Arc<Slot<T>> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.by_name.get(&name) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot::new(name.clone(), settings));
        for host in &slot.settings.hosts {
            if let Some(other) = known.by_host.get(host.as_str()) {
                tracing::error!(tenant = %name, other = %other.name, %host, "two tenants claim one host name");
                continue;
            }
            known.by_host.insert(host.as_str().to_owned(), Arc::clone(&slot));
        }
        known.by_name.insert(name, Arc::clone(&slot));
        slot
    }

    /// Forgets a tenant whose folder is gone.
    pub(super) fn forget(&self, name: &TenantName) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.by_name.remove(name);
        known.by_host.retain(|_, slot| slot.name != *name);
    }

    pub(super) fn collect(&self, which: impl Fn(&Slot<T>) -> bool) -> Vec<Arc<Slot<T>>> {
        self.read(|known| known.by_name.values().filter(|slot| which(slot)).cloned().collect())
    }

    pub(super) fn count(&self, which: impl Fn(&Slot<T>) -> bool) -> usize {
        self.read(|known| known.by_name.values().filter(|slot| which(slot)).count())
    }

    fn read<R>(&self, look: impl FnOnce(&Known<T>) -> R) -> R {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a look at the folder gave.
struct Found {
    /// When the folder had last changed before it was read.
    changed: Option<SystemTime>,
    settings: Vec<(TenantName, Result<TenantSettings, FolderError>)>,
}

/// The settings of the tenants that are not in `known`; `None` when the folder has not changed since `before`.
fn look(
    folder: &DataFolder,
    before: Option<SystemTime>,
    known: &HashSet<TenantName>,
) -> Result<Option<Found>, FolderError> {
    // The time is taken before the names: what is made in between is found again rather than missed.
    let changed = folder.changed().ok();
    if changed.is_some() && changed == before {
        return Ok(None);
    }
    let new = folder.names()?.into_iter().filter(|name| !known.contains(name));
    let settings = new.map(|name| (name.clone(), folder.settings(&name))).collect();
    Ok(Some(Found { changed, settings }))
}

/// Runs `work` where it may wait for the disk; `None` when the runtime is going down or `work` panicked.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    tokio::task::spawn_blocking(work).await.ok()
}
