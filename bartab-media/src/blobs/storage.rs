//! Where the bytes of files are, as it is configured.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use serde::Deserialize;

use super::{BlobError, Blobs};

/// Where the bytes of files are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum StorageConfig {
    /// In files, in the folder of each tenant.
    #[default]
    Local,
    /// In a bucket of S3, or of what speaks like it; each tenant's behind a prefix of its own.
    #[cfg(feature = "s3")]
    S3(super::s3::S3Config),
}

impl StorageConfig {
    /// The most bytes that a file can have there.
    pub fn most_file_bytes(&self) -> u64 {
        match self {
            Self::Local => u64::MAX,
            // A file gets its name by a copy.
            #[cfg(feature = "s3")]
            Self::S3(_) => super::s3::MOST_COPIED,
        }
    }
}

/// Why the storage cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Files may be larger than the storage takes.
    #[error("in this storage a file has at most {limit} bytes, and `file_bytes` is {configured}")]
    FilesTooLarge {
        /// What it takes.
        limit: u64,
        /// What is configured.
        configured: u64,
    },
    /// The settings are not usable.
    #[error("the storage of files is not usable")]
    Settings(#[source] BlobError),
}

/// Storage for the files of all tenants of a host: opened once, since connections are shared.
#[derive(Clone, Debug)]
pub struct BlobStorage {
    /// `None`: local files.
    shared: Option<Arc<dyn ObjectStore>>,
}

impl BlobStorage {
    /// The storage that `config` names, for files of at most `file_bytes`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// The settings are not usable.
    pub fn open(config: &StorageConfig, file_bytes: u64) -> Result<Self, StorageError> {
        let limit = config.most_file_bytes();
        if file_bytes > limit {
            return Err(StorageError::FilesTooLarge { limit, configured: file_bytes });
        }
        let shared = match config {
            StorageConfig::Local => None,
            #[cfg(feature = "s3")]
            StorageConfig::S3(s3) => Some(s3.open().map_err(StorageError::Settings)?),
        };
        Ok(Self { shared })
    }

    /// The bytes of one tenant: in the folder `local`, or behind a prefix with the tenant's name.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn of_tenant(&self, name: &str, local: impl Into<PathBuf>) -> Result<Blobs, BlobError> {
        match &self.shared {
            None => Blobs::local(local),
            Some(store) => Ok(Blobs::behind(store.clone(), &prefix(name))),
        }
    }

    /// Deletes all bytes of a tenant that is gone, where they are not in its folder.
    ///
    /// # Errors
    /// The storage's own; some may be deleted then.
    pub async fn remove_tenant(&self, name: &str) -> Result<(), BlobError> {
        match &self.shared {
            None => Ok(()),
            Some(store) => Blobs::new(store.clone()).delete_all(&Path::from(prefix(name))).await,
        }
    }
}

/// What the names of a tenant's objects begin with.
fn prefix(tenant: &str) -> String {
    format!("tenants/{tenant}")
}
