//! Every route of the media service.

use std::sync::LazyLock;

use axum::routing::{get, head, post};
use axum::{Router, middleware};
use bartab_core::Problem;

use super::endpoints::uploads::{append, cancel, create, options, progress};
use super::endpoints::{delete, download, list, quarantine, restore, sign, thumbnail, upload, usage};
use super::request::Failure;
use super::tus;

/// The one route table of the program, shared by every tenant: the media comes with the request.
static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let uploads = Router::new()
        .route("/v1/uploads", post(create::handle).options(options::handle))
        .route(
            "/v1/uploads/{upload}",
            head(progress::handle).patch(append::handle).delete(cancel::handle).options(options::handle),
        )
        .layer(middleware::from_fn(tus::versioned));
    Router::new()
        .merge(uploads)
        .route("/v1/media", post(upload::handle).get(list::handle))
        .route("/v1/media/usage", get(usage::handle))
        .route("/v1/media/sign", post(sign::handle))
        .route("/v1/media/{media}", get(download::handle).delete(delete::handle))
        .route("/v1/media/{media}/thumbnail", get(thumbnail::handle))
        .route("/v1/media/{media}/quarantine", post(quarantine::handle))
        .route("/v1/media/{media}/restore", post(restore::handle))
        .fallback(async || Failure::from(Problem::not_found("route.not_found")))
        .method_not_allowed_fallback(async || {
            Failure::from(Problem::new(405, "route.method_not_allowed", "This path has no such method"))
        })
});

/// A handle to the routes.
pub(super) fn router() -> Router {
    ROUTER.clone()
}
