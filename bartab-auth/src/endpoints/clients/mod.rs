//! OAuth clients, and what their answers have in common.

pub(crate) mod list;
pub(crate) mod register;
pub(crate) mod remove;

use bartab_core::store::{ClientKind, OAuthClient};
use bartab_core::{Scope, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
