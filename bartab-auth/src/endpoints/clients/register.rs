//! `POST /v1/admin/clients`

use axum::response::Response;
use bartab_core::store::{ClientKind, Grant, KeyAlgorithm};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ClientView, Kind};
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::clients::NewClient;
use crate::error::AuthError;
use crate::extract::{Caller, Json, Tenant};
use crate::rules::Broken;

/// An OAuth client to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientRequest {
    /// What people are shown, 1 to 64 characters.
    name: String,
    #[serde(default)]
    kind: Kind,
    /// Whether it can keep a secret; it then gets one.
    confidential: bool,
    /// Where codes may be sent, compared exactly: at most 20 of at most 2000 characters. `https`, `http` on this very
    /// machine, or a private-use scheme with a dot in it (RFC 8252).
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// The most that it is given; without it an app may ask for all but `admin`.
    scopes: Option<Vec<String>>,
    /// `authorization_code`, `refresh_token`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code`,
    /// `urn:ietf:params:oauth:grant-type:token-exchange`. Without it an app may use the first two, a service the third.
    grant_types: Option<Vec<String>>,
    /// `RS256`, `ES256` or `EdDSA`; `RS256` when there is none.
    id_token_signed_response_alg: Option<String>,
    /// Why, for the audit trail: 1 to 500 characters.
    reason: String,
}

impl ClientRequest {
    /// What is to be registered, and why.
    pub(crate) fn into_client(self) -> Result<(NewClient, String), AuthError> {
        let mut broken = Broken::default();
        let scopes = self.scopes.map(|names| broken.scopes("/scopes", &names));
        let grants = self.grant_types.map(|names| broken.known("/grant_types", &names, Grant::from_name));
        let algorithm = self.id_token_signed_response_alg.as_deref().unwrap_or(KeyAlgorithm::Rs256.name());
        let id_token_algorithm = KeyAlgorithm::from_name(algorithm).unwrap_or_else(|| {
            broken.add("/id_token_signed_response_alg", "unknown", "one of RS256, ES256, EdDSA");
            KeyAlgorithm::Rs256
        });
        broken.into_result()?;
        let new = NewClient {
            name: self.name,
            kind: if matches!(self.kind, Kind::Service) { ClientKind::Service } else { ClientKind::App },
            confidential: self.confidential,
            redirect_uris: self.redirect_uris,
            scopes,
            grants,
            id_token_algorithm,
        };
        Ok((new, self.reason))
    }
}

/// Register an OAuth client. Its secret is shown this once.
#[utoipa::path(
    post, path = "/v1/admin/clients", tag = "admin", operation_id = "register_client", request_body = ClientRequest,
    responses(
        (status = 201, description = "The client, with its secret if it is confidential", body = ClientView),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `clients.manage`, which no app has"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<ClientRequest>,
) -> Result<Response, Failure> {
    let (new, reason) = body.into_client()?;
    let registered = auth.register_client(&Act::of(actor, reason), new).await?;
    answer::secret(StatusCode::CREATED, &ClientView::of(registered.client, registered.client_secret))
}
