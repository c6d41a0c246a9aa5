//! `GET, POST /v1/oauth2/authorize`
//!
//! A client sends its request in the query, or in a form body (OpenID Connect Core 1.0 section 3.1.2.1), which is turned
//! into a query: a cookie that is `Lax` does not come with another site's form, but it does with the redirect. Our own
//! pages send their forms to the same URL with the query that they were shown for.

use axum::response::Response;
use http::Uri;

use crate::answer::OAuthError;
use crate::browser::authorize::{UNREADABLE, lost, resume, run};
use crate::browser::page;
use crate::browser::visit::Visit;
use crate::extract::Form;

/// Ask a person to sign in and to allow a client what it asks for (RFC 6749 section 4.1, OpenID Connect).
#[utoipa::path(
    get, path = "/v1/oauth2/authorize", tag = "oauth2", operation_id = "authorize",
    params(
        ("response_type" = String, Query, description = "`code`"),
        ("client_id" = String, Query, description = "A registered client"),
        ("redirect_uri" = Option<String>, Query,
            description = "One of the client's, byte by byte; may be left out without `openid` when there is only one"),
        ("scope" = String, Query, description = "Names with a space between; unknown ones are ignored"),
        ("code_challenge" = String, Query, description = "PKCE (RFC 7636), needed"),
        ("code_challenge_method" = String, Query, description = "`S256`"),
        ("state" = Option<String>, Query, description = "Comes back as it is"),
        ("nonce" = Option<String>, Query, description = "Comes back in the ID token; at most 512 bytes"),
        ("prompt" = Option<String>, Query, description = "`none`, `login`, `consent`, `select_account`"),
        ("max_age" = Option<u64>, Query, description = "How old the sign-in may be, in seconds"),
        ("login_hint" = Option<String>, Query, description = "The username that is expected"),
    ),
    responses(
        (status = 200, description = "The page to sign in or to allow the client", content_type = "text/html"),
        (status = 303, description = "Back to the client, with `code` or `error`, `state` and `iss` (RFC 9207)"),
        (status = 400, description = "A page: no such client, or not its redirect URI", content_type = "text/html"),
    ),
)]
pub(crate) async fn read(mut visit: Visit, uri: Uri) -> Response {
    let answer = run(&mut visit, uri.query().unwrap_or_default(), None).await;
    visit.answer(answer)
}

/// The same request in a form body, or what a person says on the pages.
#[utoipa::path(
    post, path = "/v1/oauth2/authorize", tag = "oauth2", operation_id = "authorize_post",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The next page", content_type = "text/html"),
        (status = 303, description = "Back to the client, or to the same request in a query"),
        (status = 400, description = "As with `GET`", content_type = "text/html"),
        (status = 403, description = "The page again: what was said is not right", content_type = "text/html"),
        (status = 429, description = "The page again: too many sign-ins have failed", content_type = "text/html"),
    ),
)]
pub(crate) async fn act(mut visit: Visit, uri: Uri, form: Result<Form, OAuthError>) -> Response {
    let query = uri.query().unwrap_or_default();
    let answer = match form {
        Err(_) => Ok(lost(&visit, UNREADABLE)),
        Ok(form) if query.is_empty() => Ok(page::see_other(&resume(&form))),
        Ok(form) => run(&mut visit, query, Some(&form)).await,
    };
    visit.answer(answer)
}
