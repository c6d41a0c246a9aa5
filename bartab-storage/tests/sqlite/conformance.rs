//! The published contract.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bartab_core::store::conformance::identity::IdentityStores;
use bartab_core::store::conformance::log::{LogFactory, LogStores};
use bartab_core::store::conformance::media::{MediaFactory, MediaStores};
use bartab_storage::sqlite::SqliteStore;

use crate::folder::Folder;

#[derive(Default)]
struct OnDisk {
    folder: Folder,
    /// How often each store was opened again: each time from a copy of the last one's files.
    copies: Mutex<HashMap<String, usize>>,
}

fn copy_of(name: &str, copy: usize) -> String {
    format!("{name}-{copy}")
}

impl OnDisk {
    /// Opens a copy of the files that the store `name` has now; returns when nothing uses those any more.
    async fn open_copy<T>(&self, name: &str, stores: T) -> SqliteStore {
        let (last, copy) = {
            let mut copies = self.copies.lock().unwrap();
            let number = copies.entry(name.to_owned()).or_default();
            *number += 1;
            (copy_of(name, *number - 1), copy_of(name, *number))
        };
        self.folder.copy(&last, &copy);
        drop(stores);
        self.folder.open(&copy).await
    }
}

fn log_stores(store: SqliteStore) -> LogStores {
    let store = Arc::new(store);
    LogStores { log: store.clone(), markers: store.clone(), snapshots: store }
}

#[async_trait]
impl LogFactory for OnDisk {
    async fn open(&self, name: &str) -> LogStores {
        log_stores(self.folder.open(&copy_of(name, 0)).await)
    }

    async fn reopen_after_abort(&self, name: &str, stores: LogStores) -> LogStores {
        log_stores(self.open_copy(name, stores).await)
    }
}

#[async_trait]
impl MediaFactory for OnDisk {
    async fn open(&self, name: &str) -> MediaStores {
        MediaStores::of(Arc::new(self.folder.open(&copy_of(name, 0)).await))
    }

    async fn reopen_after_abort(&self, name: &str, stores: MediaStores) -> MediaStores {
        MediaStores::of(Arc::new(self.open_copy(name, stores).await))
    }
}

async fn identity(name: &str) -> (Folder, IdentityStores) {
    let folder = Folder::default();
    let store = Arc::new(folder.open(name).await);
    (folder, IdentityStores::of(store))
}

mod log {
    use super::OnDisk;

    bartab_core::log_conformance!(OnDisk::default());
}

mod media {
    use super::OnDisk;

    bartab_core::media_conformance!(OnDisk::default());
}

mod identity {
    bartab_core::identity_conformance!(super::identity);
}
