//! `POST /v1/admin/keys/rotate`

use axum::response::Response;
use bartab_core::Problem;
use bartab_core::store::KeyAlgorithm;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::keys::KeyList;
use crate::KeyRotation;
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, Tenant};

/// Which keys, how soon, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKeys {
    /// `EdDSA`, `ES256` or `RS256`; all that are in use when nothing is said.
    algorithm: Option<String>,
    /// `true`: the new key signs at once, before anybody can know it. For emergencies.
    #[serde(default)]
    now: bool,
    /// Why, for the audit trail: 1 to 500 characters.
    reason: String,
}

impl RotateKeys {
    /// What is wanted, and why.
    pub(crate) fn into_rotation(self) -> Result<(KeyRotation, String), Problem> {
        let named = |name: String| {
            let unknown = || Problem::invalid_field("/algorithm", "unknown", "one of EdDSA, ES256, RS256");
            KeyAlgorithm::from_name(&name).ok_or_else(unknown)
        };
        let algorithm = self.algorithm.map(named).transpose()?;
        Ok((KeyRotation { algorithm, now: self.now }, self.reason))
    }
}

/// Put other keys in the place of those that sign: published now, in use after `publish_ahead_seconds`.
///
/// What they have signed stays good. While a key is waiting to sign, nothing changes.
#[utoipa::path(
    post, path = "/v1/admin/keys/rotate", tag = "admin", operation_id = "rotate_keys", request_body = RotateKeys,
    responses(
        (status = 200, description = "The keys as they are now", body = KeyList),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `keys.manage`, which no app has"),
        (status = 404, description = "`key.not_found`: nothing is signed with this algorithm"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<RotateKeys>,
) -> Result<Response, Failure> {
    let (rotation, reason) = body.into_rotation()?;
    let keys = auth.rotate_keys(&Act::of(actor, reason), rotation).await?;
    answer::json(StatusCode::OK, &KeyList::from(keys))
}
