//! `GET /v1/auth/providers`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::Tenant;

/// The other providers that people may sign in with.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderList<'a> {
    items: Vec<ProviderItem<'a>>,
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
    responses((status = 200, description = "The providers; none is an empty list", body = ProviderList)),
)]
pub(crate) async fn handler(Tenant(auth): Tenant) -> Result<Response, Failure> {
    let items = auth.0.providers.configs().map(|provider| ProviderItem {
        id: &provider.id,
        name: &provider.name,
        start_url: auth.provider_start_url(&provider.id),
    });
    answer::json(StatusCode::OK, &ProviderList { items: items.collect() })
}
