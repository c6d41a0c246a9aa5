//! `GET, POST /v1/oauth2/device`

use axum::response::Response;
use http::Uri;

use crate::answer::OAuthError;
use crate::browser::device::{enter, run};
use crate::browser::visit::Visit;
use crate::extract::Form;
use crate::parameters::Parameters;

/// The page where a person enters the code that a device shows (RFC 8628 section 3.3).
#[utoipa::path(
    get, path = "/v1/oauth2/device", tag = "oauth2", operation_id = "device_page",
    params(("user_code" = Option<String>, Query, description = "Filled in, and still to be confirmed")),
    responses((status = 200, description = "The page", content_type = "text/html")),
)]
pub(crate) async fn read(visit: Visit, uri: Uri) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let answer = enter(&visit, &parameters);
    visit.answer(Ok(answer))
}

/// What a person says on the pages: the code, who they are, yes or no.
#[utoipa::path(
    post, path = "/v1/oauth2/device", tag = "oauth2", operation_id = "device_page_post",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The next page", content_type = "text/html"),
        (status = 400, description = "No device waits with this code", content_type = "text/html"),
        (status = 403, description = "The page again: what was said is not right", content_type = "text/html"),
        (status = 429, description = "Too many wrong codes, or sign-ins, were tried", content_type = "text/html"),
    ),
)]
pub(crate) async fn act(mut visit: Visit, uri: Uri, form: Result<Form, OAuthError>) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let answer = match form {
        Ok(form) => run(&mut visit, &parameters, &form).await,
        Err(_) => Ok(enter(&visit, &Parameters::default())),
    };
    visit.answer(answer)
}
