//! `GET, POST /v1/auth/setup`

use axum::response::Response;
use http::Uri;

use super::link;
use crate::answer::OAuthError;
use crate::browser::links::Purpose;
use crate::browser::visit::Visit;
use crate::extract::Form;

/// The page for who makes the tenant's first account, by a one-time link.
#[utoipa::path(
    get, path = "/v1/auth/setup", tag = "auth", operation_id = "setup_page",
    params(("token" = String, Query, description = "The secret of the link")),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 410, description = "A page: the link is good no more", content_type = "text/html"),
    ),
)]
pub(crate) async fn read(visit: Visit, uri: Uri) -> Response {
    link::show(Purpose::Setup, visit, &uri).await
}

/// Make the tenant's first owner; the link is spent by that.
#[utoipa::path(
    post, path = "/v1/auth/setup", tag = "auth", operation_id = "setup_page_post",
    params(("token" = String, Query, description = "The secret of the link")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A page: it is done", content_type = "text/html"),
        (status = 400, description = "The page again: a field breaks a rule", content_type = "text/html"),
        (status = 403, description = "The page again: it was open for too long", content_type = "text/html"),
        (status = 410, description = "A page: the link is good no more", content_type = "text/html"),
    ),
)]
pub(crate) async fn act(visit: Visit, uri: Uri, form: Result<Form, OAuthError>) -> Response {
    link::act(Purpose::Setup, visit, &uri, form).await
}
