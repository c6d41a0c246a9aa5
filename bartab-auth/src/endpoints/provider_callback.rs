//! `GET /v1/auth/providers/{id}/callback`

use axum::response::{IntoResponse as _, Response};
use bartab_core::store::Account;
use http::{HeaderMap, StatusCode, Uri};

use crate::answer::{self, Failure};
use crate::browser::page::{self, Link, MessagePage};
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::extract::PathText;
use crate::parameters::Parameters;
use crate::providers::{Arrival, Ended, Outcome};
use crate::sessions::{NewSession, Tokens};
use crate::{Auth, ProviderError};

/// How people from a provider have proved who they are is the provider's to know; that they have is ours. RFC 8176 has no
/// name for it, and this one is in wide use.
const METHODS: &str = "fed";

/// Come back from a provider with a code. A browser is signed in and goes on to where it wanted; who accepts JSON and no
/// HTML, and had nowhere to go, gets tokens.
#[utoipa::path(
    get, path = "/v1/auth/providers/{id}/callback", tag = "auth", operation_id = "provider_callback",
    params(
        ("id" = String, Path, description = "The provider"),
        ("state" = String, Query, description = "What it was asked with"),
        ("code" = Option<String>, Query, description = "What it answers"),
        ("error" = Option<String>, Query, description = "Why it does not"),
        ("iss" = Option<String>, Query, description = "Who it is (RFC 9207)"),
    ),
    responses(
        (status = 303, description = "To `return_to`, signed in"),
        (status = 200, description = "Tokens, or a page that says that the person is signed in", body = Tokens),
        (status = 204, description = "The account is linked, and there is nowhere to go"),
        (status = 400, description = "`provider.stale`"),
        (status = 403, description = "`provider.refused`, `provider.domain_not_allowed`, `provider.no_account`, \
                                      `account.suspended`"),
        (status = 404, description = "`provider.not_found`"),
        (status = 409, description = "`provider.taken`"),
        (status = 502, description = "`provider.bad_answer`"),
        (status = 503, description = "`provider.unavailable`"),
    ),
)]
pub(crate) async fn handler(mut visit: Visit, id: Result<PathText, Failure>, uri: Uri, headers: HeaderMap) -> Response {
    let answer = match id {
        Ok(PathText(id)) => arrive(&mut visit, &id, &uri, &headers).await,
        Err(failure) => failure.into_response(),
    };
    visit.answer(Ok(answer))
}

async fn arrive(visit: &mut Visit, id: &str, uri: &Uri, headers: &HeaderMap) -> Response {
    let html = answer::wants_html(headers);
    let Ok(parameters) = Parameters::parse(uri.query().unwrap_or_default().as_bytes()) else {
        return refused(visit, ProviderError::Stale.into(), None, html);
    };
    let same_browser = |token: &str| visit.has_made(token, &["provider", id]);
    let outcome = visit.auth.arrive(Arrival { id, parameters: &parameters }, same_browser).await;
    let (return_to, result) = match outcome {
        Ok(Outcome { return_to, result }) => (return_to, result),
        Err(error) => return refused(visit, error, None, html),
    };
    // The tenant's own base URL stands before it, so it leads nowhere else.
    let return_to = return_to.map(|path| format!("{}{path}", visit.auth.issuer()));
    let ended = match result {
        Ok(Ended::SignedIn(account)) => signed_in(visit, *account, return_to.as_deref(), headers).await,
        Ok(Ended::Linked) => Ok(linked(visit, return_to.as_deref(), html)),
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| refused(visit, error, return_to, html))
}

async fn signed_in(
    visit: &mut Visit,
    account: Account,
    return_to: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, AuthError> {
    if return_to.is_none() && answer::wants_json(headers) {
        let tokens = tokens(&visit.auth, &account).await?;
        return Ok(answer::secret(StatusCode::OK, &tokens).unwrap_or_else(|failure| failure.into_response()));
    }
    visit.enter(account, METHODS).await?;
    Ok(match return_to {
        Some(url) => page::see_other(url),
        None => message(visit, "You are signed in", "You can close this page."),
    })
}

async fn tokens(auth: &Auth, account: &Account) -> Result<Tokens, AuthError> {
    auth.start_session(account, NewSession::own(account, None, METHODS)).await
}

fn linked(visit: &Visit, return_to: Option<&str>, html: bool) -> Response {
    match return_to {
        Some(url) => page::see_other(url),
        None if html => message(visit, "That worked", "From now on you can sign in with this provider."),
        None => answer::empty(StatusCode::NO_CONTENT),
    }
}

fn message(visit: &Visit, heading: &str, text: &str) -> Response {
    let page = MessagePage { site: visit.site(), heading, text, is_error: false, link: None };
    page::html(StatusCode::OK, &page, "")
}

fn refused(visit: &Visit, error: AuthError, return_to: Option<String>, html: bool) -> Response {
    if !html {
        return Failure::from(error).into_response();
    }
    error.log();
    let (status, text) = page::told(&error);
    let link = return_to.map(|href| Link { name: "Go back".to_owned(), href });
    let page = MessagePage { site: visit.site(), heading: "You are not signed in", text: &text, is_error: true, link };
    page::with_retry(page::html(status, &page, ""), &error)
}
