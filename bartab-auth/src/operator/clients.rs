//! `POST, GET /admin/v1/tenants/{tenant}/clients` and `DELETE …/clients/{client_id}`

use axum::response::Response;
use bartab_core::store::AuditActor;
use http::StatusCode;

use super::Named;
use crate::answer::{self, Failure};
use crate::endpoints::clients::{ClientPage, ClientRequest, ClientView};
use crate::extract::{Json, Tenant};
use crate::query::Query;

/// Registers an OAuth client; its secret is shown this once.
pub(super) async fn register(Tenant(auth): Tenant, Json(body): Json<ClientRequest>) -> Result<Response, Failure> {
    let registered = auth.register_client(body.into_client()?, AuditActor::Operator).await?;
    answer::secret(StatusCode::CREATED, &ClientView::of(registered.client, registered.client_secret))
}

/// Lists the OAuth clients, oldest first.
pub(super) async fn list(Tenant(auth): Tenant, query: Query) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &ClientPage::read(&auth, &query).await?)
}

/// Removes an OAuth client: its tokens are refused from now on.
pub(super) async fn remove(
    Tenant(auth): Tenant,
    Named(client_id): Named<String>,
    query: Query,
) -> Result<Response, Failure> {
    query.only(&["reason"])?;
    auth.remove_client(&client_id, AuditActor::Operator, query.text("reason")).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
