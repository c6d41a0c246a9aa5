//! `GET /v1/media/usage`

use bartab_core::Scope;
use bartab_core::store::MediaUsage;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::media::{is_administrator, require};
use crate::service::openapi::ListProblems;
use crate::service::request::{Answer, Caller, Query, json_of};

/// What the caller holds.
#[derive(Serialize, ToSchema)]
pub(in crate::service) struct Usage {
    #[serde(flatten)]
    own: Held,
    /// What everybody holds together; for administrators, with the scope `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Held>,
}

/// What is held, and how much may be.
#[derive(Serialize, ToSchema)]
pub(in crate::service) struct Held {
    /// How many files.
    files: u64,
    /// The bytes of the files; equal ones count for each.
    bytes: u64,
    /// How many uploads are under way.
    uploads: u64,
    /// The bytes that those announced, or sent so far.
    reserved: u64,
    /// The bytes that `bytes` and `reserved` may have together; null: any amount.
    #[schema(required)]
    limit: Option<u64>,
}

impl Held {
    const fn new(usage: MediaUsage, limit: Option<u64>) -> Self {
        let MediaUsage { files, bytes, uploads, reserved } = usage;
        Self { files, bytes, uploads, reserved, limit }
    }
}

/// Show how much one's files take, and how much they may.
#[utoipa::path(
    get, path = "/v1/media/usage", tag = "media", operation_id = "show_media_usage",
    responses((status = 200, description = "What is held", body = Usage), ListProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, query: Query) -> Answer {
    query.only(&[])?;
    let Caller { media, actor } = caller;
    require(&actor, Scope::MediaRead)?;
    let config = media.config();
    let tenant = match is_administrator(&actor) {
        true => Some(Held::new(media.tenant_usage().await?, config.tenant_bytes)),
        false => None,
    };
    let own = Held::new(media.usage(actor.user_id).await?, config.person_bytes);
    json_of(StatusCode::OK, &Usage { own, tenant })
}
