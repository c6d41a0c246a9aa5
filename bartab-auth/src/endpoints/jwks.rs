//! `GET /.well-known/jwks.json`

use axum::response::Response;
use http::HeaderMap;

use crate::answer::{self, Failure};
use crate::extract::Tenant;

/// The public keys that tokens are signed with, now or soon, as a JWK Set (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "oauth2", operation_id = "jwks",
    responses(
        (status = 200, description = "The JWK Set", body = Object, content_type = "application/jwk-set+json"),
        (status = 304, description = "It is the one that `If-None-Match` names"),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, headers: HeaderMap) -> Result<Response, Failure> {
    let keys = auth.0.keys.ring().load();
    Ok(answer::tagged(keys.jwks().clone(), "application/jwk-set+json", keys.etag(), &headers))
}
