//! `GET /livez`, `GET /healthz`, `GET /readyz`: whether the process runs, and whether it can do its work.

use std::time::Duration;

use bartab_core::Problem;
use http::request::Parts;
use http::{HeaderValue, Method, Response, header};
use serde_json::json;

use crate::body::Body;
use crate::host::Inner;
use crate::registry::Refusal;
use crate::stack::problem;
use crate::tenant::{NotReady, Tenant};

/// How long one tenant's check may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A probe of the whole server. It answers under every host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Live,
    Ready,
}

impl Probe {
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/livez" | "/healthz" => Some(Self::Live),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }
}

pub(crate) async fn answer(host: &Inner, probe: Probe, parts: &Parts) -> Response<Body> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return method_not_allowed(parts);
    }
    match probe {
        Probe::Live => json_answer(&json!({"status": "live"})),
        Probe::Ready => match server_ready(host).await {
            Ok(()) => json_answer(&json!({"status": "ready"})),
            Err(not_ready) => problem(&not_ready.to_problem(), parts),
        },
    }
}

/// Whether the server takes requests, the data folder can be read, and the root tenant, where there is one, can do its
/// work. Other tenants have probes of their own: one that is broken or closes is no reason to take away all of them.
async fn server_ready(host: &Inner) -> Result<(), NotReady> {
    if host.registry.is_stopping() {
        return Err(NotReady { check: "server", reason: "it stops" });
    }
    host.registry.scan().await.map_err(|error| {
        tracing::error!(%error, "the tenants cannot be listed");
        NotReady { check: "storage", reason: "the data folder cannot be read" }
    })?;
    let Some(root) = host.registry.root().await else { return Ok(()) };
    let root = root.map_err(|refusal| match refusal {
        Refusal::Suspended => NotReady { check: "tenant", reason: "the root tenant is suspended" },
        _ => NotReady { check: "tenant", reason: "the root tenant does not open" },
    })?;
    tenant_ready(&root).await
}

pub(crate) async fn tenant_ready(tenant: &Tenant) -> Result<(), NotReady> {
    let late = Err(NotReady { check: "storage", reason: "it does not answer in time" });
    tokio::time::timeout(PATIENCE, tenant.ready()).await.unwrap_or(late)
}

impl NotReady {
    /// 503 that says which check failed.
    pub(crate) fn to_problem(self) -> Problem {
        Problem::new(503, "server.not_ready", "The server is not ready")
            .detail(format!("{}: {}", self.check, self.reason))
            .retry_after(1)
    }
}

/// 200 with a JSON body that nobody may store.
pub(crate) fn json_answer(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::full(value.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 405 for what can only be read.
pub(crate) fn method_not_allowed(parts: &Parts) -> Response<Body> {
    let refused = Problem::new(405, "request.method_not_allowed", "This cannot be done here");
    let mut response = problem(&refused, parts);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
