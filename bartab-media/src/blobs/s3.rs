//! Bytes in a bucket of S3.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use serde::Deserialize;

use super::BlobError;

/// The largest object that S3 copies in one request.
pub(super) const MOST_COPIED: u64 = 5 << 30;

/// How long a connection may take, and how long an answer may stand still. A whole answer may take longer: files are large.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How often, and for how long, a request that failed is sent again. Somebody is waiting meanwhile.
const RETRIES: usize = 2;
const RETRY_FOR: Duration = Duration::from_secs(20);

/// A bucket, and how to get in.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// The bucket; it must be there.
    pub bucket: String,
    /// What the names of our objects begin with, where others use the bucket, too.
    #[serde(default)]
    pub prefix: String,
    /// The region.
    #[serde(default = "region")]
    pub region: String,
    /// The address of the service where it is not Amazon's: `https://s3.example.org`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The id of the key. Without it: the environment's `AWS_*` variables, or what the machine's role gives.
    #[serde(default)]
    pub access_key_id: Option<String>,
    /// The key.
    #[serde(default)]
    pub secret_access_key: Option<String>,
    /// Whether an `endpoint` without TLS may be used: within one machine or a network that nobody else is in.
    #[serde(default)]
    pub allow_http: bool,
    /// Whether the bucket is part of the host name, and not of the path.
    #[serde(default)]
    pub virtual_hosted_style: bool,
}

fn region() -> String {
    "us-east-1".to_owned()
}

impl S3Config {
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>, BlobError> {
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(READ_TIMEOUT);
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(3), ..BackoffConfig::default() };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(self.virtual_hosted_style)
            .with_client_options(options)
            .with_allow_http(self.allow_http)
            .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_FOR });
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(id) = &self.access_key_id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(key) = &self.secret_access_key {
            builder = builder.with_secret_access_key(key);
        }
        let store = builder.build()?;
        Ok(if self.prefix.is_empty() {
            Arc::new(store)
        } else {
            Arc::new(PrefixStore::new(store, self.prefix.as_str()))
        })
    }
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, prefix, region, endpoint, allow_http, .. } = self;
        f.debug_struct("S3Config")
            .field("bucket", bucket)
            .field("prefix", prefix)
            .field("region", region)
            .field("endpoint", endpoint)
            .field("allow_http", allow_http)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::{BlobStorage, StorageConfig, StorageError};

    #[derive(serde::Deserialize)]
    struct Section {
        storage: StorageConfig,
    }

    fn config(more: &str) -> Result<StorageConfig, serde_json::Error> {
        let text = format!(r#"{{"storage": {{"kind": "s3", "bucket": "b"{more}}}}}"#);
        serde_json::from_str::<Section>(&text).map(|section| section.storage)
    }

    #[test]
    fn a_key_is_never_shown_and_an_unknown_setting_refused() {
        let storage = config(r#", "access_key_id": "id", "secret_access_key": "hush""#).unwrap();
        assert!(!format!("{storage:?}").contains("hush"));
        assert!(config(r#", "colour": "red""#).is_err());
    }

    #[test]
    fn files_are_no_larger_than_what_is_copied() {
        let storage = config("").unwrap();
        assert!(BlobStorage::open(&storage, 5 << 30).is_ok());
        assert!(matches!(BlobStorage::open(&storage, (5 << 30) + 1), Err(StorageError::FilesTooLarge { .. })));
    }
}
