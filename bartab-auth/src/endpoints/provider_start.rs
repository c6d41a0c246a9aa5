//! `GET /v1/auth/providers/{id}/start`

use axum::response::{IntoResponse as _, Response};
use bartab_core::Problem;
use http::header::LOCATION;
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::browser::page;
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::extract::{Caller, PathText};
use crate::parameters::Parameters;
use crate::providers::{Departure, Linking, is_own_path};

/// Where to go.
#[derive(Serialize, ToSchema)]
pub(crate) struct Start {
    /// The provider's own page, with all that belongs to the request in its query.
    url: String,
}

/// Send the browser to a provider to sign in. What comes back is accepted within ten minutes, once, and from this browser
/// alone.
#[utoipa::path(
    get, path = "/v1/auth/providers/{id}/start", tag = "auth", operation_id = "provider_start",
    params(
        ("id" = String, Path, description = "The provider"),
        ("return_to" = Option<String>, Query, description = "A path below the tenant's base URL to come back to"),
        ("link" = Option<bool>, Query,
            description = "`true`: not to sign in, but to let the caller sign in with the provider from then on; this takes a \
                           sign-in of theirs of the last ten minutes, by our own client"),
        ("prompt" = Option<String>, Query, description = "`login`: whatever the provider remembers of the person"),
    ),
    responses(
        (status = 302, description = "To the provider"),
        (status = 200, description = "The same for who accepts JSON and no HTML", body = Start),
        (status = 400, description = "`request.invalid_field`"),
        (status = 401, description = "`auth.required`: nobody is there to be linked"),
        (status = 403, description = "With `link`: `auth.insufficient_scope`, `auth.sign_in_again`; `permission.denied`: no app \
                                      does this"),
        (status = 404, description = "`provider.not_found`"),
        (status = 503, description = "`provider.unavailable`"),
    ),
    security(("bearer" = []), ()),
)]
pub(crate) async fn handler(
    visit: Visit,
    id: Result<PathText, Failure>,
    uri: Uri,
    headers: HeaderMap,
    caller: Result<Caller, Failure>,
) -> Response {
    let begun = match id {
        Ok(PathText(id)) => begin(&visit, &id, &uri, &headers, caller).await,
        Err(failure) => Err(Refusal::Failure(failure)),
    };
    let answer = match begun {
        Ok(url) if answer::wants_json(&headers) => {
            answer::secret(StatusCode::OK, &Start { url }).unwrap_or_else(|failure| failure.into_response())
        }
        Ok(url) => {
            let mut response = page::see_other(&url);
            if response.headers().contains_key(LOCATION) {
                *response.status_mut() = StatusCode::FOUND;
            }
            response
        }
        Err(Refusal::Page(error)) if answer::wants_html(&headers) => visit.failed(&error),
        Err(Refusal::Page(error)) => Failure::from(error).into_response(),
        Err(Refusal::Failure(failure)) => failure.into_response(),
    };
    visit.answer(Ok(answer))
}

enum Refusal {
    /// For people, if one of them asks.
    Page(AuthError),
    Failure(Failure),
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self::Page(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Failure(problem.into())
    }
}

async fn begin(
    visit: &Visit,
    id: &str,
    uri: &Uri,
    headers: &HeaderMap,
    caller: Result<Caller, Failure>,
) -> Result<String, Refusal> {
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes());
    let parameters = parameters.map_err(|_| Problem::bad_request("request.invalid_query"))?;
    let return_to = parameters.get("return_to");
    if return_to.is_some_and(|path| !is_own_path(path)) {
        return Err(Problem::invalid_field("?return_to", "invalid", "a path below the tenant's base URL").into());
    }
    let link = match parameters.get("link") {
        Some("true") => Some(whoever_asks(visit, headers, caller).await?),
        None | Some("false") => None,
        Some(_) => return Err(Problem::invalid_field("?link", "invalid", "true or false").into()),
    };
    let anew = parameters.get("prompt") == Some("login");
    let browser = visit.token(&["provider", id]);
    Ok(visit.auth.depart(Departure { id, return_to, link, anew, browser: &browser }).await?)
}

/// Who is to be linked: the caller, or whoever is signed in in this browser and has asked for it on a page of ours. A link
/// of another site's must not do so: it could lead to an account at the provider that is its own.
async fn whoever_asks(visit: &Visit, headers: &HeaderMap, caller: Result<Caller, Failure>) -> Result<Linking, Refusal> {
    let same_origin = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    match (caller, &visit.present) {
        (Ok(Caller(actor)), _) => Ok(visit.auth.linking(&actor).await?),
        (Err(_), Some(present)) if same_origin => Ok(visit.auth.linking_here(present)?),
        (Err(failure), _) => Err(Refusal::Failure(failure)),
    }
}
