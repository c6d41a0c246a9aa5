//! Which tenants there are, and which of them are open.
//!
//! A tenant is opened by its first request, once under any concurrency, and closed when nobody has asked or waited for
//! a while. Settings are read once, when the server first hears of a tenant. A tenant that is made while the server
//! runs is found by the next request for its name or host, which looks at the folder when the index does not know it.

mod index;
mod slot;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bartab_core::{Clock, Timestamp};
use tokio::sync::Semaphore;

use crate::config::TenantsConfig;
use crate::folder::{DataFolder, FolderError};
use crate::settings::TenantSettings;
use crate::tenant_name::TenantName;
use index::Index;
use slot::{Entry, Slot};

pub use slot::InUse;
pub(crate) use slot::OpenTenant;

/// Opens and closes a tenant's services; the host's own, or a test's.
pub trait Opener: Send + Sync + 'static {
    /// What an open tenant is.
    type Tenant: Send + Sync + 'static;

    /// Opens the tenant.
    fn open(
        &self,
        name: &TenantName,
        settings: &TenantSettings,
    ) -> impl Future<Output = Result<Self::Tenant, OpenError>> + Send;

    /// Ends what waits in the tenant, which answers with what it has. Requests that are under way go on.
    fn end_waits(&self, tenant: &Self::Tenant) -> impl Future<Output = ()> + Send;

    /// Closes the tenant. Nobody asks or waits any more, except at a shutdown whose time is over.
    fn close(&self, tenant: &Self::Tenant) -> impl Future<Output = ()> + Send;
}

/// Why a tenant did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its folder is gone.
    #[error("the tenant's folder is gone")]
    Gone,
    /// A service or its store failed to open.
    #[error("{part} did not open")]
    Failed {
        /// Which one.
        part: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a request gets no tenant. The log says more; a client is told no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such tenant.
    Unknown,
    /// The operator has suspended it.
    Suspended,
    /// As many tenants are open as may be, and none is idle.
    Full,
    /// It did not open, or not in time.
    Failed,
    /// The server stops.
    Stopping,
}

/// The tenants of one data folder.
pub struct Registry<O: Opener> {
    shared: Arc<Shared<O>>,
}

struct Shared<O: Opener> {
    opener: O,
    config: TenantsConfig,
    clock: Arc<dyn Clock>,
    index: Index<O::Tenant>,
    /// One permit for each tenant that may be open.
    room: Arc<Semaphore>,
    stopping: AtomicBool,
}

impl<O: Opener> Registry<O> {
    /// A registry of the tenants in `folder`, of which `root` answers under every host name that is no tenant's own.
    /// Nothing is read or opened yet.
    pub fn new(
        folder: DataFolder,
        root: Option<TenantName>,
        opener: O,
        config: TenantsConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let room = Arc::new(Semaphore::new(config.max_open.clamp(1, Semaphore::MAX_PERMITS)));
        let index = Index::new(folder, root, Arc::clone(&clock));
        let stopping = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { opener, config, clock, index, room, stopping }) }
    }

    /// How many tenants are open.
    pub fn open_count(&self) -> usize {
        self.shared.index.count(|slot| slot.open().is_some())
    }

    /// Reads the settings of every tenant that the index does not know yet; those that cannot be read are logged and
    /// left out.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub async fn scan(&self) -> Result<(), FolderError> {
        self.shared.index.scan().await
    }

    /// Closes every tenant that nobody has asked or waited for during the idle time; gives their number.
    pub async fn close_idle(&self) -> usize {
        let shared = &self.shared;
        let now = shared.clock.now();
        let idle = |slot: &Slot<O::Tenant>| slot.idle_since().is_some_and(|at| now.since(at) >= shared.config.idle());
        let mut closed = 0;
        for slot in shared.index.collect(idle) {
            closed += usize::from(close(shared, &slot).await);
        }
        closed
    }

    /// Lets nobody in any more, and ends the waits in every open tenant.
    pub async fn end_waits(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let open = self.open();
        futures_util::future::join_all(open.iter().map(|(_, open)| self.shared.opener.end_waits(&open.tenant))).await;
    }

    /// Lets nobody in any more, and closes every open tenant, also those that somebody still uses.
    pub async fn close_all(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let open = self.open();
        futures_util::future::join_all(open.iter().map(|(_, open)| self.shared.opener.close(&open.tenant))).await;
    }

    /// Whether the registry lets nobody in any more.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::SeqCst)
    }

    /// Every tenant that is open now.
    pub(crate) fn open(&self) -> Vec<(TenantName, Arc<OpenTenant<O::Tenant>>)> {
        let open = self.shared.index.collect(|slot| slot.open().is_some());
        open.iter().filter_map(|slot| Some((slot.name.clone(), slot.open()?))).collect()
    }

    /// The tenant of that name, open, for as long as the answer is held.
    pub(crate) async fn by_name(&self, name: &str) -> Result<InUse<O::Tenant>, Refusal> {
        let slot = self.shared.index.by_name(name).await.ok_or(Refusal::Unknown)?;
        self.enter(&slot).await
    }

    /// The tenant that answers under that host name, open, for as long as the answer is held.
    pub(crate) async fn by_host(&self, host: &str) -> Result<InUse<O::Tenant>, Refusal> {
        let slot = self.shared.index.by_host(host).await.ok_or(Refusal::Unknown)?;
        self.enter(&slot).await
    }

    /// The root tenant, open; `None` without one.
    pub(crate) async fn root(&self) -> Option<Result<InUse<O::Tenant>, Refusal>> {
        let slot = self.shared.index.root().await?;
        Some(self.enter(&slot).await)
    }

    async fn enter(&self, slot: &Arc<Slot<O::Tenant>>) -> Result<InUse<O::Tenant>, Refusal> {
        if self.shared.stopping.load(Ordering::SeqCst) {
            return Err(Refusal::Stopping);
        }
        if slot.settings.suspended {
            return Err(Refusal::Suspended);
        }
        match slot.enter(&self.shared.clock) {
            Entry::In(tenant) => Ok(tenant),
            other => self.enter_slowly(slot, other).await,
        }
    }

    /// Opens the tenant or waits until somebody else has; never longer than the configured time.
    async fn enter_slowly(
        &self,
        slot: &Arc<Slot<O::Tenant>>,
        mut entry: Entry<O::Tenant>,
    ) -> Result<InUse<O::Tenant>, Refusal> {
        let entering = async {
            loop {
                match entry {
                    Entry::In(tenant) => return Ok(tenant),
                    Entry::Refused(refusal) => return Err(refusal),
                    Entry::Wait(moved_on) => moved_on.cancelled().await,
                    Entry::Closed => slot.begin_opening(|opening| {
                        // In a task of its own: the client that came first may hang up, the others still wait.
                        tokio::spawn(open(Arc::clone(&self.shared), Arc::clone(slot), opening));
                    }),
                }
                entry = slot.enter(&self.shared.clock);
            }
        };
        tokio::time::timeout(self.shared.config.open_timeout(), entering).await.unwrap_or(Err(Refusal::Failed))
    }
}

/// Opens the tenant of `slot`, whose state says so already, and moves the state on.
async fn open<O: Opener>(shared: Arc<Shared<O>>, slot: Arc<Slot<O::Tenant>>, opening: slot::Transition<O::Tenant>) {
    let Some(permit) = make_room(&shared).await else {
        tracing::warn!(tenant = %slot.name, open = shared.config.max_open, "no tenant is idle, so no other can open");
        return opening.failed(Refusal::Full, shared.clock.now());
    };
    match shared.opener.open(&slot.name, &slot.settings).await {
        Ok(tenant) => {
            tracing::debug!(tenant = %slot.name, "opened");
            opening.opened(tenant, permit, &shared.clock);
        }
        Err(OpenError::Gone) => {
            shared.index.forget(&slot.name);
            opening.failed(Refusal::Unknown, shared.clock.now());
        }
        Err(error) => {
            tracing::error!(tenant = %slot.name, error = %Chain(&error), "a tenant did not open");
            opening.failed(Refusal::Failed, shared.clock.now());
        }
    }
}

/// A place for one more open tenant; for it the one that has been idle the longest is closed.
async fn make_room<O: Opener>(shared: &Arc<Shared<O>>) -> Option<tokio::sync::OwnedSemaphorePermit> {
    loop {
        if let Ok(permit) = Arc::clone(&shared.room).try_acquire_owned() {
            return Some(permit);
        }
        let mut idle: Vec<(Timestamp, Arc<Slot<O::Tenant>>)> = shared
            .index
            .collect(|slot| slot.idle_since().is_some())
            .into_iter()
            .filter_map(|slot| Some((slot.idle_since()?, slot)))
            .collect();
        idle.sort_by_key(|(since, _)| *since);
        let mut closed = false;
        for (_, slot) in idle {
            if close(shared, &slot).await {
                closed = true;
                break;
            }
        }
        if !closed {
            // The last chance: a tenant that was closing while we looked.
            return Arc::clone(&shared.room).try_acquire_owned().ok();
        }
    }
}

/// Closes the tenant of `slot` if nobody asks or waits; says whether it did.
async fn close<O: Opener>(shared: &Arc<Shared<O>>, slot: &Arc<Slot<O::Tenant>>) -> bool {
    let Some((tenant, closing)) = slot.begin_closing() else { return false };
    let shared = Arc::clone(shared);
    // In a task of its own, so that whoever asked for it may go away half-way.
    let task = tokio::spawn(async move {
        shared.opener.close(&tenant.tenant).await;
        drop(tenant);
        closing.closed();
    });
    task.await.is_ok()
}

impl<O: Opener> fmt::Debug for Registry<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("open", &self.open_count()).finish_non_exhaustive()
    }
}

impl<O: Opener> Clone for Registry<O> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// An error with its causes, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
