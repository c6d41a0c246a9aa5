//! `POST, GET /v1/admin/clients` and `DELETE /v1/admin/clients/{client_id}`

use axum::response::Response;
use bartab_core::store::{ClientKind, Grant, KeyAlgorithm, OAuthClient};
use bartab_core::{Scope, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admin::ReasonOrQuery;
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::auth::Auth;
use crate::clients::{ClientName, NewClient};
use crate::error::AuthError;
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::query::{Query, page};
use crate::rights::{Permission, require_permission};
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

/// What sort of client it is.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A program that people sign in to.
    #[default]
    App,
    /// Another service of the same tenant.
    Service,
    /// A bot's own; made with the bot.
    #[serde(skip_deserializing)]
    Bot,
}

/// An OAuth client.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientView {
    client_id: String,
    /// The secret of a confidential client, in the answer to its registration and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    name: String,
    kind: Kind,
    confidential: bool,
    redirect_uris: Vec<String>,
    scopes: Vec<&'static str>,
    grant_types: Vec<&'static str>,
    id_token_signed_response_alg: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who registered it; null: the operator.
    #[schema(value_type = Option<String>)]
    created_by: Option<UserId>,
}

/// A page of clients.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientPage {
    /// Oldest first.
    items: Vec<ClientView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl ClientView {
    pub(crate) fn of(client: OAuthClient, client_secret: Option<String>) -> Self {
        Self {
            confidential: client.is_confidential(),
            client_id: client.client_id,
            client_secret,
            name: client.name,
            kind: match client.kind {
                ClientKind::App => Kind::App,
                ClientKind::Bot { .. } => Kind::Bot,
                _ => Kind::Service,
            },
            redirect_uris: client.redirect_uris,
            scopes: Scope::ALL
                .into_iter()
                .filter(|(scope, _)| client.scopes.contains(*scope))
                .map(|(_, name)| name)
                .collect(),
            grant_types: client.grants.names().collect(),
            id_token_signed_response_alg: client.id_token_algorithm.name(),
            created_at: client.created_at,
            created_by: client.created_by,
        }
    }
}

impl ClientPage {
    /// The page that `query` asks for.
    pub(crate) async fn read(auth: &Auth, query: &Query) -> Result<Self, Failure> {
        query.only(&["limit", "cursor"])?;
        let limit = query.limit()?;
        let clients = auth.clients(query.text("cursor"), limit + 1).await?;
        let (clients, next_cursor) = page(clients, limit, |client| client.client_id.clone());
        Ok(Self { items: clients.into_iter().map(|client| ClientView::of(client, None)).collect(), next_cursor })
    }
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
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn register(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<ClientRequest>,
) -> Result<Response, Failure> {
    require_permission(&actor, Permission::ClientsManage)?;
    let (new, reason) = body.into_client()?;
    let registered = auth.register_client(&Act::of(actor, reason), new).await?;
    answer::secret(StatusCode::CREATED, &ClientView::of(registered.client, registered.client_secret))
}

/// List the OAuth clients, those of bots too; oldest first.
#[utoipa::path(
    get, path = "/v1/admin/clients", tag = "admin", operation_id = "list_clients",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = ClientPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn list(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    require_permission(&actor, Permission::ClientsManage)?;
    answer::json(StatusCode::OK, &ClientPage::read(&auth, &query).await?)
}

/// Remove an OAuth client, and what people allowed it: its tokens are refused from now on.
#[utoipa::path(
    delete, path = "/v1/admin/clients/{client_id}", tag = "admin", operation_id = "remove_client",
    request_body(content = Option<ReasonOrQuery>, description = "For clients that can send one; else `?reason=`"),
    params(
        ("client_id" = String, Path, description = "`client_…`"),
        ("reason" = Option<String>, Query, description = "Why, for the audit trail: 1 to 500 characters"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`"),
        (status = 404, description = "`client.not_found`, also for a bot's: remove the bot"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(ClientName(client_id)): PathId<ClientName>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    require_permission(&actor, Permission::ClientsManage)?;
    let reason = body.or_in(&query)?;
    auth.remove_client(&Act::of(actor, reason), &client_id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
