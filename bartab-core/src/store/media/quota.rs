//! How much a person and a tenant hold, and how much they may.

/// What is held by a person, or by a tenant as a whole.
///
/// A file counts for each of its records, although its bytes are stored once: otherwise what is left of a quota would
/// tell whether somebody else has the same file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaUsage {
    /// How many files.
    pub files: u64,
    /// The bytes of the files.
    pub bytes: u64,
    /// How many uploads that made no file yet, those whose time is over included until they are removed.
    pub uploads: u64,
    /// The bytes that those uploads announced, or what they sent when they announced nothing.
    pub reserved: u64,
}

impl MediaUsage {
    /// The bytes that count against a quota: those of files and those of uploads.
    pub const fn total(&self) -> u64 {
        self.bytes.saturating_add(self.reserved)
    }
}

/// How much may be held; `None` is any amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaLimits {
    /// Bytes of a person's files and uploads.
    pub person_bytes: Option<u64>,
    /// Uploads of a person that made no file yet.
    pub person_uploads: Option<u64>,
    /// Bytes of everybody's files and uploads.
    pub tenant_bytes: Option<u64>,
}

/// Which limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaQuota {
    /// [`MediaLimits::person_bytes`].
    PersonBytes,
    /// [`MediaLimits::person_uploads`].
    PersonUploads,
    /// [`MediaLimits::tenant_bytes`].
    TenantBytes,
}

/// A limit stood in the way, and nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// Which limit.
    pub quota: MediaQuota,
    /// How much it allows.
    pub limit: u64,
    /// How much was held.
    pub used: u64,
}

impl MediaLimits {
    /// Whether `bytes` and `uploads` more fit beside what `person` and the `tenant` hold.
    ///
    /// Who takes nothing more is never refused, also when a limit was lowered below what is held.
    ///
    /// # Errors
    /// The first limit that stands in the way.
    pub fn admit(
        &self,
        person: &MediaUsage,
        tenant: &MediaUsage,
        bytes: u64,
        uploads: u64,
    ) -> Result<(), QuotaExceeded> {
        let checks = [
            (MediaQuota::PersonUploads, self.person_uploads, person.uploads, uploads),
            (MediaQuota::PersonBytes, self.person_bytes, person.total(), bytes),
            (MediaQuota::TenantBytes, self.tenant_bytes, tenant.total(), bytes),
        ];
        for (quota, limit, used, more) in checks {
            if let Some(limit) = limit
                && more > 0
                && used.saturating_add(more) > limit
            {
                return Err(QuotaExceeded { quota, limit, used });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{MediaLimits, MediaQuota, MediaUsage, QuotaExceeded};

    #[test]
    fn each_limit_is_reached_and_not_passed() {
        let limits = MediaLimits { person_bytes: Some(10), person_uploads: Some(2), tenant_bytes: Some(12) };
        let held = |bytes, reserved, uploads| MediaUsage { files: 1, bytes, uploads, reserved };
        let (person, tenant) = (held(3, 4, 1), held(5, 6, 9));
        assert_eq!(limits.admit(&person, &tenant, 1, 1), Ok(()));
        let exceeded = |quota, limit, used| Err(QuotaExceeded { quota, limit, used });
        assert_eq!(limits.admit(&person, &tenant, 2, 1), exceeded(MediaQuota::TenantBytes, 12, 11));
        assert_eq!(limits.admit(&person, &tenant, 4, 1), exceeded(MediaQuota::PersonBytes, 10, 7));
        assert_eq!(limits.admit(&person, &tenant, u64::MAX, 2), exceeded(MediaQuota::PersonUploads, 2, 1));
        assert_eq!(limits.admit(&held(99, 0, 99), &held(99, 0, 99), 0, 0), Ok(()));
        assert_eq!(MediaLimits::default().admit(&person, &tenant, u64::MAX, u64::MAX), Ok(()));
    }
}
