//! `GET /.well-known/bartab`, `GET /openapi.json`, and `GET /readyz` of one tenant: what a tenant says about itself as a
//! whole.

use http::request::Parts;
use http::{HeaderValue, Method, Response, header};
use serde_json::json;

use crate::body::Body;
use crate::dispatch::base;
use crate::host::Inner;
use crate::openapi;
use crate::probes::{json_answer, method_not_allowed, tenant_ready};
use crate::stack::problem;
use crate::tenant::Tenant;

/// A document that the host answers for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    About,
    OpenApi,
    Ready,
}

impl Document {
    /// The document at `path`, which is without the tenant's prefix.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/.well-known/bartab" => Some(Self::About),
            "/openapi.json" => Some(Self::OpenApi),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }

    pub(crate) async fn answer(self, host: &Inner, tenant: &Tenant, parts: &Parts) -> Response<Body> {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return method_not_allowed(parts);
        }
        match self {
            Self::About => cacheable(&about(host, tenant, &base(host, tenant, parts))),
            Self::OpenApi => json_answer(&openapi::document(&base(host, tenant, parts))),
            Self::Ready => match tenant_ready(tenant).await {
                Ok(()) => json_answer(&json!({"status": "ready"})),
                Err(not_ready) => problem(&not_ready.to_problem(), parts),
            },
        }
    }
}

/// Discovery may be kept for a while, and says the same to everyone who asks for it in the same way.
fn cacheable(value: &serde_json::Value) -> Response<Body> {
    let mut response = json_answer(value);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(header::VARY, HeaderValue::from_static("Forwarded, X-Forwarded-Host, X-Forwarded-Proto"));
    response
}

fn about(host: &Inner, tenant: &Tenant, base: &str) -> serde_json::Value {
    use bartab_chat::limits;
    json!({
        "server": {"name": "bartab", "version": env!("CARGO_PKG_VERSION")},
        "api_versions": ["v1"],
        "issuer": tenant.issuer().as_str(),
        "services": {"auth": base, "chat": base, "media": base},
        "features": {
            "registration": tenant.registration(),
            "sync": ["long_poll", "sse"],
            "media": true,
            "search": false,
        },
        "limits": {
            "message_chars": host.chat.message_chars,
            "message_attachments": limits::ATTACHMENTS,
            "custom_event_bytes": host.chat.custom_event_bytes,
            "body_bytes": host.bounds.max_bytes.min(limits::BODY_BYTES as u64),
            "sync_timeout_ms": limits::SYNC_TIMEOUT_MAX,
            "sync_events": limits::SYNC_LIMIT_MAX,
            "history_page": limits::PAGE_MAX,
            "upload_bytes": tenant.media().config().file_bytes,
        },
    })
}
