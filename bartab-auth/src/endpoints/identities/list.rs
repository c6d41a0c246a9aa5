//! `GET /v1/me/identities`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page_of};

/// A page of who one is to other issuers.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityPage)]
pub(crate) struct IdentityPage<'a> {
    /// By issuer and subject.
    items: Vec<IdentityItem<'a>>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Who one is to another issuer.
#[derive(Serialize, ToSchema)]
struct IdentityItem<'a> {
    /// The provider that one signs in with; null when the issuer is none of the tenant's providers, as that of a host
    /// application whose tokens are exchanged.
    provider: Option<&'a str>,
    /// What people know the provider by.
    name: Option<&'a str>,
    issuer: String,
    /// The issuer's name for one.
    subject: String,
}

/// List who one is to other issuers: by whom one can sign in, beside a password.
#[utoipa::path(
    get, path = "/v1/me/identities", tag = "auth", operation_id = "list_identities",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them; none is an empty list", body = IdentityPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`: this takes `profile:write`; `permission.denied`: no app does this"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    let identities = auth.own_identities(&actor).await?.into_iter().map(|identity| {
        let provider = auth.0.providers.configs().find(|provider| provider.issuer == identity.issuer);
        IdentityItem {
            provider: provider.map(|provider| provider.id.as_str()),
            name: provider.map(|provider| provider.name.as_str()),
            issuer: identity.issuer,
            subject: identity.subject,
        }
    });
    // No issuer has a space in it.
    let (items, next_cursor) = page_of(identities.collect(), &query, |one| format!("{} {}", one.issuer, one.subject))?;
    answer::json(StatusCode::OK, &IdentityPage { items, next_cursor })
}
