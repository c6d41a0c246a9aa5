//! A file as its owner and administrators see it.

use bartab_core::store::MediaRecord;
use bartab_core::{Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::upload::Stored;
use crate::service::request::Base;

/// A file, with what is known of its life.
#[derive(Serialize, ToSchema)]
pub(in crate::service) struct File {
    #[serde(flatten)]
    stored: Stored,
    /// Who uploaded it.
    #[schema(value_type = String)]
    owner: UserId,
    /// What the uploader called it.
    #[schema(required)]
    filename: Option<String>,
    /// When it was uploaded.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// How many messages and profiles carry it.
    references: u64,
    /// When it goes, unless something carries it then; null: not by time.
    #[schema(required, value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
    /// Why nobody may read it; null: it is not in quarantine.
    #[schema(required)]
    quarantine: Option<Quarantined>,
}

/// That nobody may read a file.
#[derive(Serialize, ToSchema)]
pub(in crate::service) struct Quarantined {
    /// Who said so; anybody but its owner was an administrator, and only an administrator lets it out.
    #[schema(value_type = String)]
    by: UserId,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    /// Why.
    #[schema(required)]
    reason: Option<String>,
}

impl File {
    pub(super) fn new(record: MediaRecord, base: &Base) -> Self {
        let goes = record.references == 0 && record.quarantine.is_none();
        let quarantine = record.quarantine.clone();
        Self {
            owner: record.owner,
            filename: record.filename.clone(),
            created_at: record.created_at,
            references: record.references,
            expires_at: record.kept_until.filter(|_| goes),
            quarantine: quarantine.map(|held| Quarantined { by: held.by, at: held.at, reason: held.reason }),
            stored: Stored::new(record, base),
        }
    }
}
