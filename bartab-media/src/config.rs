//! What an embedder or an operator can set.

use std::time::Duration;

use bartab_core::store::MediaLimits;
use serde::{Deserialize, Serialize};

use crate::blobs::StorageConfig;
use crate::picture::PictureLimits;
use crate::thumbnail::ThumbnailSizes;

/// Settings of one tenant's media; made to be nested in a stranger's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the bytes are. Whoever opens [`Blobs`](crate::Blobs) by themselves decides by themselves.
    pub storage: StorageConfig,
    /// Bytes that a file may have.
    pub file_bytes: u64,
    /// Bytes that a picture may have; it is held in memory while its metadata is cut out.
    pub picture_bytes: u64,
    /// Bytes that a person's files and uploads may have together; any amount unless configured.
    pub person_bytes: Option<u64>,
    /// Uploads that a person may have under way.
    pub person_uploads: u64,
    /// Bytes that everybody's files and uploads may have together; any amount unless configured.
    pub tenant_bytes: Option<u64>,
    /// Whether pictures keep what they tell of the photographer: EXIF with its place, comments, embedded previews.
    pub keep_metadata: bool,
    /// How large a picture may be that is decoded.
    pub pictures: PictureLimits,
    /// The sizes of thumbnails.
    pub thumbnails: ThumbnailSizes,
    /// Seconds after which a body is given up of which nothing comes any more.
    pub idle_seconds: u64,
    /// Bytes of a resumable upload after which what came is kept for certain, although more is coming.
    pub part_bytes: u64,
    /// Seconds after which an upload that nobody goes on with is given up.
    pub upload_seconds: u64,
    /// Seconds for which a file is kept that was never attached.
    pub unattached_seconds: u64,
    /// Seconds for which a file is kept after the last message that carried it was deleted.
    pub grace_seconds: u64,
    /// Seconds for which a file is kept, once somebody may attach it, until media sees the message.
    pub claim_seconds: u64,
    /// Seconds for which a link works without a token.
    pub link_seconds: u64,
    /// Seconds between two looks for what can go.
    pub sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            storage: StorageConfig::default(),
            file_bytes: 256 << 20,
            picture_bytes: 32 << 20,
            person_bytes: None,
            person_uploads: 32,
            tenant_bytes: None,
            keep_metadata: false,
            pictures: PictureLimits::default(),
            thumbnails: ThumbnailSizes::default(),
            idle_seconds: 60,
            part_bytes: 64 << 20,
            upload_seconds: 24 * 60 * 60,
            unattached_seconds: 24 * 60 * 60,
            grace_seconds: 7 * 24 * 60 * 60,
            claim_seconds: 60 * 60,
            link_seconds: 15 * 60,
            sweep_seconds: 60,
        }
    }
}

impl Config {
    pub(crate) fn limits(&self) -> MediaLimits {
        MediaLimits {
            person_bytes: self.person_bytes,
            person_uploads: Some(self.person_uploads),
            tenant_bytes: self.tenant_bytes,
        }
    }

    /// How long a body may stand still.
    pub const fn idle_time(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) const fn upload_time(&self) -> Duration {
        Duration::from_secs(self.upload_seconds)
    }

    pub(crate) const fn claim_time(&self) -> Duration {
        Duration::from_secs(self.claim_seconds)
    }

    pub(crate) const fn grace_time(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    pub(crate) const fn unattached_time(&self) -> Duration {
        Duration::from_secs(self.unattached_seconds)
    }
}

/// What may be otherwise for one tenant; what is missing is as the host's [`Config`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantConfig {
    /// See [`Config::file_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// See [`Config::person_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_bytes: Option<u64>,
    /// See [`Config::tenant_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_bytes: Option<u64>,
}

impl TenantConfig {
    /// The settings of the tenant.
    #[must_use]
    pub fn over(&self, host: &Config) -> Config {
        Config {
            file_bytes: self.file_bytes.unwrap_or(host.file_bytes).min(host.storage.most_file_bytes()),
            person_bytes: self.person_bytes.or(host.person_bytes),
            tenant_bytes: self.tenant_bytes.or(host.tenant_bytes),
            ..host.clone()
        }
    }
}
