//! `DELETE /v1/me/identities/{provider}`

use axum::response::Response;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::extract::{Caller, PathText, Tenant};

/// No longer sign in with a provider. One's other sessions end. This takes a sign-in of one's own of the last ten minutes, by
/// our own client.
#[utoipa::path(
    delete, path = "/v1/me/identities/{provider}", tag = "auth", operation_id = "unlink_identity",
    params(("provider" = String, Path, description = "The provider")),
    responses(
        (status = 204, description = "One is nobody at the provider any more"),
        (status = 400, description = "`request.invalid_id`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `auth.sign_in_again`; `permission.denied`: no app does this"),
        (status = 404, description = "`provider.not_found`; `provider.not_linked`: one is nobody there"),
        (status = 409, description = "`provider.last_sign_in`: one could not sign in any more; set a password first"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    provider: Result<PathText, Failure>,
) -> Result<Response, Failure> {
    let PathText(provider) = provider?;
    auth.unlink_provider(&actor, &provider).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
