//! `GET /admin/v1/tenants/{tenant}/keys`, `POST …/keys/rotate` and `POST …/keys/{kid}/retire`

use axum::response::Response;
use http::StatusCode;

use super::Named;
use crate::acts::{Act, Authority};
use crate::answer::{self, Failure};
use crate::endpoints::admin::Reason;
use crate::endpoints::admin::key_rotate::RotateKeys;
use crate::endpoints::admin::keys::KeyList;
use crate::extract::{Json, Tenant};

/// Lists the signing keys, oldest first.
pub(super) async fn list(Tenant(auth): Tenant) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &KeyList::from(auth.keys(&Authority::Operator)?))
}

/// Puts other keys in the place of those that sign.
pub(super) async fn rotate(Tenant(auth): Tenant, Json(body): Json<RotateKeys>) -> Result<Response, Failure> {
    let (rotation, reason) = body.into_rotation()?;
    let keys = auth.rotate_keys(&Act::operator(reason), rotation).await?;
    answer::json(StatusCode::OK, &KeyList::from(keys))
}

/// Removes a key at once.
pub(super) async fn retire(
    Tenant(auth): Tenant,
    Named(kid): Named<String>,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let keys = auth.retire_key(&Act::operator(body.reason), &kid).await?;
    answer::json(StatusCode::OK, &KeyList::from(keys))
}
