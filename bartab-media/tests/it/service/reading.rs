//! Reading what was uploaded.

use std::sync::Arc;

use bartab_core::{Actor, MediaId};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;

use super::fakes::Tenant;
use super::support::{Answer, World, as_};

/// A tenant around the world's media.
pub(crate) fn tenant(world: &World) -> Arc<Tenant> {
    let tenant = Arc::new(Tenant::default());
    world.media().connect(tenant.connections());
    tenant
}

impl World {
    /// Uploads a file and gives its id and path.
    pub(crate) async fn placed(&self, owner: &Actor, query: &str, bytes: impl Into<Bytes>) -> (MediaId, String) {
        let answer = self.upload(owner, query, bytes).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.settled(owner).await;
        let id = answer.json()["media_id"].as_str().unwrap().to_owned();
        (id.parse().unwrap(), format!("/v1/media/{id}"))
    }

    /// A request of somebody, or of nobody, without a body.
    pub(crate) async fn ask(
        &self,
        method: Method,
        actor: Option<&Actor>,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(request(method, actor, uri, headers)).await
    }

    pub(crate) async fn get(&self, actor: Option<&Actor>, uri: &str) -> Answer {
        self.ask(Method::GET, actor, uri, &[]).await
    }
}

pub(crate) fn request(
    method: Method,
    actor: Option<&Actor>,
    uri: &str,
    headers: &[(&str, &str)],
) -> Request<Full<Bytes>> {
    let mut request = match actor {
        Some(actor) => as_(actor, method, uri),
        None => Request::builder().method(method).uri(uri),
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}
