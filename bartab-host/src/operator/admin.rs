//! `/admin/v1/tenants/{tenant}/…`: what the operator does in one tenant. Whoever calls this has seen the token, or holds
//! the data folder.

use bartab_auth::OperatorService;
use bartab_core::Problem;
use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::body::Body;
use crate::host::Host;
use crate::operator::media;
use crate::stack::problem;

/// What every path begins with, before the name of a tenant.
pub(crate) const TENANTS: &str = "/admin/v1/tenants/";

/// `alone`: no server runs on the data folder.
pub(crate) async fn answer<B>(host: &Host, request: Request<B>, alone: bool) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let rest = request.uri().path().strip_prefix(TENANTS);
    let Some((name, what)) = rest.and_then(|rest| rest.split_once('/')) else {
        let (parts, _) = request.into_parts();
        return problem(&Problem::not_found("route.not_found"), &parts);
    };
    if what == "setup"
        && let Ok(name) = name.parse()
    {
        host.inner().setup.hush(&name);
    }
    let tenant = match host.inner().registry.by_name(name).await {
        Ok(tenant) => tenant,
        Err(refusal) => {
            let (parts, _) = request.into_parts();
            return problem(&refusal.to_problem(), &parts);
        }
    };
    let what = what.strip_prefix("media/").map(str::to_owned);
    let request = host.inner().bounds.apply(request);
    if let Some(what) = what {
        let response = media::answer(tenant.media(), &what, alone, request).await;
        return response.map(|body| body.holding(tenant));
    }
    let Ok(response) = OperatorService::new(tenant.auth().clone()).call(request).await;
    response.map(|body| Body::from(body).holding(tenant))
}
