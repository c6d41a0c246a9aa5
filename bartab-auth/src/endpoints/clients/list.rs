//! `GET /v1/admin/clients`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::ClientView;
use crate::acts::Authority;
use crate::answer::{self, Failure};
use crate::auth::Auth;
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page};

/// A page of clients.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientPage {
    /// Oldest first.
    items: Vec<ClientView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl ClientPage {
    /// The page that `query` asks for.
    pub(crate) async fn read(auth: &Auth, by: &Authority, query: &Query) -> Result<Self, Failure> {
        query.only(&["limit", "cursor"])?;
        let limit = query.limit()?;
        let clients = auth.clients(by, query.text("cursor"), limit + 1).await?;
        let (clients, next_cursor) = page(clients, limit, |client| client.client_id.clone());
        Ok(Self { items: clients.into_iter().map(|client| ClientView::of(client, None)).collect(), next_cursor })
    }
}

/// List the OAuth clients, those of bots too; oldest first.
#[utoipa::path(
    get, path = "/v1/admin/clients", tag = "admin", operation_id = "list_clients",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = ClientPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `clients.manage`, which no app has"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &ClientPage::read(&auth, &Authority::Caller(actor), &query).await?)
}
