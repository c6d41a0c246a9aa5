//! One's own sessions, and what their answers have in common.

pub(crate) mod end;
pub(crate) mod end_others;
pub(crate) mod list;
pub(crate) mod rename;

use bartab_core::store::Session;
use bartab_core::{Actor, SessionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A session, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    #[schema(value_type = String)]
    session_id: SessionId,
    /// The OAuth client that it was granted to; `bartab` is our own login.
    client_id: String,
    /// What the person calls the device.
    device_name: Option<String>,
    /// How the person proved who they are, by the names of RFC 8176: `pwd`, `otp`, `mfa`; `fed`: at another provider.
    /// Empty when they did not themselves, and somebody vouched for them.
    methods: Vec<String>,
    scope: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    fn of(session: Session, actor: &Actor) -> Self {
        Self {
            session_id: session.session_id,
            client_id: session.client_id,
            device_name: session.device_name,
            methods: session.methods.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            scope: session.scopes.to_string(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: actor.session_id == Some(session.session_id),
        }
    }
}
