//! `GET /v1/admin/keys`

use axum::response::Response;
use bartab_core::Timestamp;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::KeyInfo;
use crate::acts::Authority;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page_of};

/// A page of the signing keys; what has changed them answers with all of them.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKeyPage)]
pub(crate) struct KeyList {
    /// Oldest first.
    items: Vec<KeyView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A signing key, without its private half.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
struct KeyView {
    /// Its name in tokens: the RFC 7638 thumbprint.
    kid: String,
    /// `EdDSA`, `ES256` or `RS256`.
    algorithm: &'static str,
    /// `next`: published, and not in use yet; `active`: it signs; `retired`: tokens of its are still about.
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Since when it is in this state.
    #[schema(value_type = String, format = DateTime)]
    state_since: Timestamp,
    /// When it goes on by itself: the next one begins to sign, the one that signs is replaced, the retired one is gone.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    changes_at: Option<Timestamp>,
}

impl From<Vec<KeyInfo>> for KeyList {
    fn from(keys: Vec<KeyInfo>) -> Self {
        let view = |key: KeyInfo| KeyView {
            kid: key.kid,
            algorithm: key.algorithm.name(),
            state: key.state.name(),
            created_at: key.created_at,
            state_since: key.state_since,
            changes_at: key.changes_at,
        };
        Self { items: keys.into_iter().map(view).collect(), next_cursor: None }
    }
}

/// List the keys that tokens are signed with, or were, or will be.
#[utoipa::path(
    get, path = "/v1/admin/keys", tag = "admin", operation_id = "list_keys",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = KeyList),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `keys.manage`, which no app has"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    let (keys, next_cursor) = page_of(auth.keys(&Authority::Caller(actor))?, &query, |key| key.kid.clone())?;
    answer::json(StatusCode::OK, &KeyList { next_cursor, ..KeyList::from(keys) })
}
