//! `GET /v1/admin/audit`

use axum::response::Response;
use bartab_core::store::{AuditActor, AuditEntry, AuditFilter};
use bartab_core::{Timestamp, UserId};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::acts::Authority;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page};

/// A page of the audit trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// Newest first.
    items: Vec<AuditView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An act.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    /// Its place in the trail, rising.
    number: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    actor: ActorView,
    /// What was done: `account.suspended`, `client.registered`, `key.rotated`.
    action: String,
    /// To what: the id of an account, a bot, an invite, a client or a key.
    subject: Option<String>,
    /// Why, in the words of who did it.
    reason: Option<String>,
    /// What else there is to know.
    #[schema(value_type = Object)]
    details: Option<Value>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = AuditActor)]
pub(crate) enum ActorView {
    /// Somebody with an account.
    User {
        #[schema(value_type = String)]
        user_id: UserId,
    },
    /// The operator.
    Operator,
    /// The program by itself.
    System,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            number: entry.number,
            at: entry.at,
            actor: match entry.actor {
                AuditActor::User(user_id) => ActorView::User { user_id },
                AuditActor::Operator => ActorView::Operator,
                AuditActor::System => ActorView::System,
            },
            action: entry.action,
            subject: entry.subject,
            reason: entry.reason,
            details: entry.details.and_then(|details| serde_json::from_str(&details).ok()),
        }
    }
}

/// Read the audit trail. Every condition that is given must hold.
#[utoipa::path(
    get, path = "/v1/admin/audit", tag = "admin", operation_id = "list_audit",
    params(
        ("actor" = Option<String>, Query, description = "Acts of this account, `user_…`"),
        ("subject" = Option<String>, Query, description = "Acts on this: the id of an account, a bot, a client"),
        ("action" = Option<String>, Query, description = "Acts of this name"),
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of it", body = AuditPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `audit.read`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["actor", "subject", "action", "limit", "cursor"])?;
    let limit = query.limit()?;
    let filter = AuditFilter {
        actor: query.get("actor")?,
        subject: query.text("subject").map(str::to_owned),
        action: query.text("action").map(str::to_owned),
    };
    let entries = auth.audit_trail(&Authority::Caller(actor), &filter, query.get("cursor")?, limit + 1).await?;
    let (entries, next_cursor) = page(entries, limit, |entry| entry.number.to_string());
    let items = entries.into_iter().map(AuditView::from).collect();
    answer::json(StatusCode::OK, &AuditPage { items, next_cursor })
}
