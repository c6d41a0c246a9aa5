//! The second factor, and what its endpoints have in common.

pub(crate) mod begin;
pub(crate) mod confirm;
pub(crate) mod recovery_codes;
pub(crate) mod remove;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// What the authenticator shows.
    code: String,
}

/// Codes for the day the authenticator is lost.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Ten codes, each good once; they are shown this once.
    recovery_codes: Vec<String>,
}
