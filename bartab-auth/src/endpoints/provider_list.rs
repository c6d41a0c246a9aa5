//! `GET /v1/auth/providers`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::Tenant;
use crate::query::{Query, page_of};

/// A page of the other providers that people may sign in with.
#[derive(Serialize, ToSchema)]
#[schema(as = ProviderPage)]
pub(crate) struct ProviderList<'a> {
    /// In the order of the configuration.
    items: Vec<ProviderItem<'a>>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An OpenID provider.
#[derive(Serialize, ToSchema)]
struct ProviderItem<'a> {
    id: &'a str,
    /// What people know it by.
    name: &'a str,
    /// Where a browser goes to sign in with it; `?return_to=` names the path to come back to.
    start_url: String,
}

/// List the other providers that people may sign in with.
#[utoipa::path(
    get, path = "/v1/auth/providers", tag = "auth", operation_id = "list_providers",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them; none is an empty list", body = ProviderList),
        (status = 400, description = "`request.invalid`"),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, query: Query) -> Result<Response, Failure> {
    let items = auth.0.providers.configs().map(|provider| ProviderItem {
        id: &provider.id,
        name: &provider.name,
        start_url: auth.provider_start_url(&provider.id),
    });
    let (items, next_cursor) = page_of(items.collect(), &query, |provider| provider.id.to_owned())?;
    answer::json(StatusCode::OK, &ProviderList { items, next_cursor })
}
