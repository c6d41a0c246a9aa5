//! `POST, GET /admin/v1/tenants/{tenant}/clients` and `DELETE …/clients/{client_id}`

use axum::response::Response;
use http::StatusCode;

use super::Named;
use crate::acts::{Act, Authority};
use crate::answer::{self, Failure};
use crate::clients::ClientName;
use crate::endpoints::admin::ReasonOrQuery;
use crate::endpoints::clients::ClientView;
use crate::endpoints::clients::list::ClientPage;
use crate::endpoints::clients::register::ClientRequest;
use crate::extract::{Json, Tenant};
use crate::query::Query;

/// Registers an OAuth client; its secret is shown this once.
pub(super) async fn register(Tenant(auth): Tenant, Json(body): Json<ClientRequest>) -> Result<Response, Failure> {
    let (new, reason) = body.into_client()?;
    let registered = auth.register_client(&Act::operator(reason), new).await?;
    answer::secret(StatusCode::CREATED, &ClientView::of(registered.client, registered.client_secret))
}

/// Lists the OAuth clients, oldest first.
pub(super) async fn list(Tenant(auth): Tenant, query: Query) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &ClientPage::read(&auth, &Authority::Operator, &query).await?)
}

/// Removes an OAuth client: its tokens are refused from now on.
pub(super) async fn remove(
    Tenant(auth): Tenant,
    Named(ClientName(client_id)): Named<ClientName>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    auth.remove_client(&Act::operator(body.or_in(&query)?), &client_id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
