//! `GET, POST /v1/auth/providers/{id}/callback`
//!
//! The provider sends the browser here with a code of its own. Who has a second factor shows a code of it then, by a form of
//! ours to the same place.

use axum::response::{IntoResponse as _, Response};
use bartab_core::store::Account;
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure, OAuthError};
use crate::browser::authorize::sources_of;
use crate::browser::page::{self, Link, MessagePage};
use crate::browser::second_step::{FirstStep, LIFE, NotYet};
use crate::browser::sign_in::Errand;
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::extract::{Form, PathText};
use crate::parameters::Parameters;
use crate::providers::{Arrival, Ended, Outcome, is_own_path};
use crate::second_factor::confirmed;
use crate::sessions::{NewSession, Tokens};
use crate::sign_in::SignedIn;
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
        (status = 200, description = "Tokens, or a page: that the person is signed in, or to enter a code of the second factor", body = Tokens),
        (status = 202, description = "In JSON: the person has a second factor, and is signed in by a `POST` with a code", body = SecondStep),
        (status = 204, description = "The account is linked, and there is nowhere to go"),
        (status = 400, description = "`provider.stale`"),
        (status = 403, description = "`provider.refused`, `provider.domain_not_allowed`, `provider.no_account`, \
                                      `account.suspended`; `auth.sign_in_again`: who was to be linked has signed out"),
        (status = 404, description = "`provider.not_found`"),
        (status = 409, description = "`provider.taken`"),
        (status = 502, description = "`provider.bad_answer`"),
        (status = 503, description = "`provider.unavailable`"),
    ),
)]
pub(crate) async fn read(mut visit: Visit, id: Result<PathText, Failure>, uri: Uri, headers: HeaderMap) -> Response {
    let answer = match id {
        Ok(PathText(id)) => arrive(&mut visit, &id, &uri, &headers).await,
        Err(failure) => failure.into_response(),
    };
    visit.answer(Ok(answer))
}

/// Whoever has to show a code of their second factor, in JSON.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondStep {
    /// To be sent with the code, to the same URL without its query.
    ticket: String,
    /// Seconds until it is too late.
    expires_in: u64,
}

/// Show a code of the second factor, and be signed in as the `GET` says.
#[utoipa::path(
    post, path = "/v1/auth/providers/{id}/callback", tag = "auth", operation_id = "provider_second_step",
    params(
        ("id" = String, Path, description = "The provider"),
        ("return_to" = Option<String>, Query, description = "As the page's form has it"),
    ),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded",
        description = "`ticket`, and as `otp` what the authenticator shows, or a recovery code"),
    responses(
        (status = 303, description = "To `return_to`, signed in"),
        (status = 200, description = "Tokens, or a page that says that the person is signed in", body = Tokens),
        (status = 400, description = "`provider.stale`: it took too long, or too many codes were wrong"),
        (status = 401, description = "`auth.bad_credentials`: the code is wrong, or was used before"),
        (status = 403, description = "The page again: the code is wrong, or was used before", content_type = "text/html"),
        (status = 404, description = "`provider.not_found`"),
        (status = 429, description = "`auth.too_many_attempts`"),
    ),
)]
pub(crate) async fn act(
    mut visit: Visit,
    id: Result<PathText, Failure>,
    uri: Uri,
    headers: HeaderMap,
    form: Result<Form, OAuthError>,
) -> Response {
    let answer = match (id, form) {
        (Err(failure), _) => failure.into_response(),
        (Ok(PathText(id)), _) if !visit.auth.has_provider(&id) => {
            refused(&visit, ProviderError::NotFound.into(), None, answer::wants_html(&headers))
        }
        (Ok(_), Err(_)) => refused(&visit, ProviderError::Stale.into(), None, answer::wants_html(&headers)),
        (Ok(_), Ok(form)) => go_on(&mut visit, &uri, &headers, &form).await,
    };
    visit.answer(Ok(answer))
}

async fn go_on(visit: &mut Visit, uri: &Uri, headers: &HeaderMap, form: &Form) -> Response {
    let html = answer::wants_html(headers);
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let return_to = parameters.get("return_to").filter(|path| is_own_path(path));
    let done = if return_to.is_none() && answer::wants_json(headers) {
        // No cookie is set by this, so it may come from anywhere; the secret and the code say who it is.
        tokens_for_code(visit, form).await
    } else {
        match confirmed_on_page(visit, return_to, form).await {
            Ok(Ok(())) => Ok(welcome(visit, return_to)),
            Ok(Err(NotYet::Page(page))) => return page,
            Ok(Err(NotYet::Again)) => Err(ProviderError::Stale.into()),
            Err(error) => Err(error),
        }
    };
    done.unwrap_or_else(|error| refused(visit, error, return_to.map(|path| visit.url_of(path)), html))
}

async fn tokens_for_code(visit: &Visit, form: &Form) -> Result<Response, AuthError> {
    let (ticket, code) = (form.get("ticket").unwrap_or_default(), form.get("otp").unwrap_or_default());
    let signed_in = visit.auth.take_second_step(ticket, code, visit.address).await?;
    let SignedIn { account, methods } = signed_in.ok_or(ProviderError::Stale)?;
    tokens(&visit.auth, &account, methods).await
}

async fn confirmed_on_page(
    visit: &mut Visit,
    return_to: Option<&str>,
    form: &Form,
) -> Result<Result<(), NotYet>, AuthError> {
    let (action, sources) = (action(return_to), sources(visit, return_to).await?);
    Ok(visit.take_code(&errand(&action, &sources), form).await)
}

/// Where the form with the code is sent to, beside the URL that the provider sends people to.
fn action(return_to: Option<&str>) -> String {
    match return_to {
        Some(path) => {
            let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", path).finish();
            format!("callback?{query}")
        }
        None => "callback".to_owned(),
    }
}

/// Where that form may end.
async fn sources(visit: &Visit, return_to: Option<&str>) -> Result<String, AuthError> {
    match return_to.and_then(|path| path.strip_prefix("/v1/oauth2/authorize?")) {
        Some(query) => sources_of(visit, query).await,
        None => Ok(String::new()),
    }
}

fn errand<'a>(action: &'a str, form_sources: &'a str) -> Errand<'a> {
    Errand { action, client: None, hint: None, form_sources }
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
    let ended = match result {
        Ok(Ended::SignedIn(account)) => signed_in(visit, *account, return_to.as_deref(), headers).await,
        Ok(Ended::Linked) => Ok(linked(visit, return_to.as_deref(), html)),
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| refused(visit, error, return_to.map(|path| visit.url_of(&path)), html))
}

async fn signed_in(
    visit: &mut Visit,
    account: Account,
    return_to: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, AuthError> {
    let in_json = return_to.is_none() && answer::wants_json(headers);
    if confirmed(&account).is_some() {
        let ticket = visit.auth.begin_second_step(&account, FirstStep::Provider).await?;
        if in_json {
            let step = SecondStep { ticket, expires_in: LIFE.as_secs() };
            return Ok(answer::secret(StatusCode::ACCEPTED, &step).unwrap_or_else(|failure| failure.into_response()));
        }
        let (action, sources) = (action(return_to), sources(visit, return_to).await?);
        return Ok(visit.code_page(&errand(&action, &sources), &ticket, None, StatusCode::OK));
    }
    if in_json {
        return tokens(&visit.auth, &account, METHODS).await;
    }
    visit.enter(account, METHODS).await?;
    Ok(welcome(visit, return_to))
}

fn welcome(visit: &Visit, return_to: Option<&str>) -> Response {
    match return_to {
        Some(path) => page::see_other(&visit.url_of(path)),
        None => message(visit, "You are signed in", "You can close this page."),
    }
}

async fn tokens(auth: &Auth, account: &Account, methods: &str) -> Result<Response, AuthError> {
    let tokens = auth.start_session(account, NewSession::own(account, None, methods)).await?;
    Ok(answer::secret(StatusCode::OK, &tokens).unwrap_or_else(|failure| failure.into_response()))
}

fn linked(visit: &Visit, return_to: Option<&str>, html: bool) -> Response {
    match return_to {
        Some(path) => page::see_other(&visit.url_of(path)),
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
