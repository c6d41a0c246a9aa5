//! `PATCH /v1/me`

use axum::response::Response;
use bartab_core::MediaId;
use bartab_core::store::ProfileChange;
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::Me;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, Tenant};

/// What to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeChange {
    /// The name that others see, 1 to 64 characters.
    display_name: Option<String>,
    /// The picture, `media_…`; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    avatar: Option<Option<MediaId>>,
}

/// Tells null from what is left out.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<MediaId>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Change one's own profile. The next access token carries it, and with that the others see it.
#[utoipa::path(
    patch, path = "/v1/me", tag = "auth", operation_id = "change_me", request_body = MeChange,
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<MeChange>,
) -> Result<Response, Failure> {
    let change = ProfileChange { display_name: body.display_name, avatar: body.avatar };
    answer::json(StatusCode::OK, &Me::from(auth.change_profile(&actor, change).await?))
}
