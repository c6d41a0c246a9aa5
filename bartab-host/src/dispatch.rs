//! From a request to the tenant that answers it.

use bartab_core::Problem;
use bartab_core::http::{ClientAddress, PublicBase};
use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};

use crate::body::Body;
use crate::documents;
use crate::host::Inner;
use crate::inbound::Inbound;
use crate::probes::{self, Probe};
use crate::registry::{InUse, Refusal};
use crate::routing::{Destination, destination, without_prefix};
use crate::stack::problem;
use crate::tenant::{Tenant, is_identity, is_media};

pub(crate) async fn dispatch<B>(host: &Inner, request: Request<Inbound<B>>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut parts, body) = request.into_parts();
    if let Some(probe) = Probe::at(parts.uri.path()) {
        return probes::answer(host, probe, &parts).await;
    }
    let tenant = match find(host, &parts).await {
        Ok(tenant) => tenant,
        Err(refusal) => return problem(&refusal.to_problem(), &parts),
    };
    let path = without_prefix(parts.uri.path());
    if let Some(document) = documents::Document::at(path) {
        return document.answer(host, &tenant, &parts).await;
    }
    // Who guesses passwords is slowed down by address, too.
    if is_identity(path) {
        let address = host.proxies.address(&parts.headers, &parts.extensions);
        parts.extensions.insert(ClientAddress(address));
    }
    // Media gives out addresses of what it holds.
    if is_media(path) {
        parts.extensions.insert(PublicBase(base(host, &tenant, &parts).into()));
    }
    // The services see the path without the tenant's prefix.
    if path.len() != parts.uri.path().len() {
        match rewritten(&parts.uri, path) {
            Some(uri) => parts.uri = uri,
            None => return problem(&Refusal::Unknown.to_problem(), &parts),
        }
    }
    let response = tenant.answer(Request::from_parts(parts, body)).await;
    response.map(|body| body.holding(tenant))
}

/// The tenant that the request is for, open.
async fn find(host: &Inner, parts: &Parts) -> Result<InUse<Tenant>, Refusal> {
    match destination(parts.uri.path()) {
        Destination::ByName { name, .. } => host.registry.by_name(name).await,
        Destination::ByHost => {
            let origin = host.proxies.origin(parts);
            host.registry.by_host(&origin.host().unwrap_or_default()).await
        }
    }
}

/// `uri` with another path and the same query.
fn rewritten(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::from_maybe_shared(Bytes::from(format!("{path}?{query}"))),
        None => PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes())),
    };
    path_and_query.ok().map(Uri::from)
}

/// What a client sees of the tenant's base: for links that are made for this request.
///
/// A configured address wins. Without one it is what the client asked for, so that the links work from where it is.
pub(crate) fn base(host: &Inner, tenant: &Tenant, parts: &Parts) -> String {
    if let Some(configured) = tenant.configured_base() {
        return configured.to_string();
    }
    let origin = host.proxies.origin(parts);
    let Some(authority) = origin.authority else { return tenant.issuer().to_string() };
    let server = format!("{}://{authority}", origin.scheme.unwrap_or("http"));
    match destination(parts.uri.path()) {
        Destination::ByName { name, .. } => format!("{server}/t/{name}"),
        Destination::ByHost => server,
    }
}

impl Refusal {
    /// What the client is told.
    pub(crate) fn to_problem(self) -> Problem {
        match self {
            Self::Unknown => Problem::not_found("tenant.not_found"),
            Self::Suspended => Problem::new(403, "tenant.suspended", "This tenant is suspended"),
            Self::Full | Self::Failed => Problem::unavailable("tenant.unavailable"),
            Self::Stopping => Problem::unavailable("server.stopping"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_uri_keeps_its_query() {
        let uri: Uri = "/t/acme/v1/sync?since=a%20b&limit=1".parse().unwrap();
        assert_eq!(rewritten(&uri, "/v1/sync").unwrap(), "/v1/sync?since=a%20b&limit=1");
        let uri: Uri = "http://a.example/t/acme".parse().unwrap();
        assert_eq!(rewritten(&uri, "/").unwrap(), "/");
    }
}
