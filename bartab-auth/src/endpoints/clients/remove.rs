//! `DELETE /v1/admin/clients/{client_id}`

use axum::response::Response;
use http::StatusCode;

use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::clients::ClientName;
use crate::endpoints::admin::ReasonOrQuery;
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::query::Query;

/// Remove an OAuth client, and what people allowed it: its tokens are refused from now on.
#[utoipa::path(
    delete, path = "/v1/admin/clients/{client_id}", tag = "admin", operation_id = "remove_client",
    request_body(content = Option<ReasonOrQuery>, description = "For clients that can send one; else `?reason=`"),
    params(
        ("client_id" = String, Path, description = "`client_…`"),
        ("reason" = Option<String>, Query, description = "Why, for the audit trail: 1 to 500 characters"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `clients.manage`, which no app has"),
        (status = 404, description = "`client.not_found`, also for a bot's: remove the bot"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(ClientName(client_id)): PathId<ClientName>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    let reason = body.or_in(&query)?;
    auth.remove_client(&Act::of(actor, reason), &client_id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
