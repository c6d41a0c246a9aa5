//! `POST /admin/v1/tenants/{tenant}/setup`

use axum::response::Response;
use bartab_core::Problem;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::endpoints::admin::reset::ResetLink;
use crate::extract::Tenant;

/// Gives a link that makes the tenant's first owner, good once and for a day; the one before is good no more.
pub(super) async fn handler(Tenant(auth): Tenant) -> Result<Response, Failure> {
    match auth.setup_link().await? {
        Some(link) => answer::secret(StatusCode::CREATED, &ResetLink::of(link)),
        None => Err(Problem::conflict("tenant.set_up").detail("somebody runs the tenant already").into()),
    }
}
