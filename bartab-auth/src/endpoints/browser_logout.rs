//! `GET, POST /v1/oauth2/logout`
//!
//! It ends the session of the browser alone. A client may send people here (OpenID Connect RP-Initiated Logout 1.0), but
//! nobody is sent back: clients have no addresses registered for that, so discovery does not name this endpoint.

use axum::response::Response;
use http::StatusCode;

use crate::answer::OAuthError;
use crate::browser::page::{self, MessagePage, SignOutPage};
use crate::browser::sign_in::STALE;
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::extract::Form;

/// The page to sign out of this browser.
#[utoipa::path(
    get, path = "/v1/oauth2/logout", tag = "oauth2", operation_id = "browser_logout_page",
    responses((status = 200, description = "The page", content_type = "text/html")),
)]
pub(crate) async fn read(visit: Visit) -> Response {
    let answer = ask(&visit, false);
    visit.answer(Ok(answer))
}

/// Sign out of this browser; apps and devices stay connected.
#[utoipa::path(
    post, path = "/v1/oauth2/logout", tag = "oauth2", operation_id = "browser_logout",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A page: nobody is signed in in this browser", content_type = "text/html"),
        (status = 403, description = "The page again: it was open for too long", content_type = "text/html"),
    ),
)]
pub(crate) async fn act(mut visit: Visit, form: Result<Form, OAuthError>) -> Response {
    let session = visit.present.as_ref().map(|there| there.session.session_id.to_string()).unwrap_or_default();
    let answer: Result<Response, AuthError> = match form {
        Ok(form) if visit.accepts(&form, &["logout", &session]) => visit.sign_out().await.map(|()| out(&visit)),
        _ => Ok(ask(&visit, true)),
    };
    visit.answer(answer)
}

fn ask(visit: &Visit, stale: bool) -> Response {
    let Some(there) = &visit.present else { return out(visit) };
    let page = SignOutPage {
        site: visit.site(),
        token: &visit.token(&["logout", &there.session.session_id.to_string()]),
        alert: stale.then_some(STALE),
        display_name: &there.account.display_name,
        username: &there.account.username,
    };
    page::html(if stale { StatusCode::FORBIDDEN } else { StatusCode::OK }, &page, "")
}

fn out(visit: &Visit) -> Response {
    let text = "Nobody is signed in in this browser. You can close this page.";
    let page = MessagePage { site: visit.site(), heading: "Signed out", text, is_error: false, link: None };
    page::html(StatusCode::OK, &page, "")
}
