//! Bots, and what their answers have in common.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod secret;

use bartab_core::store::ClientSecret;
use bartab_core::{BotId, Scope, Scopes, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::bots::{Bot, BotSecret};
use crate::error::AuthError;
use crate::rules::Broken;

/// A bot's secret, shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct BotSecretAnswer {
    #[schema(value_type = String)]
    bot_id: BotId,
    /// The account that it acts by.
    #[schema(value_type = String)]
    user_id: UserId,
    /// Its name in OAuth 2, for the grant `client_credentials`.
    client_id: String,
    client_secret: String,
}

impl From<BotSecret> for BotSecretAnswer {
    fn from(secret: BotSecret) -> Self {
        Self {
            bot_id: secret.bot_id,
            user_id: secret.user_id,
            client_id: secret.client_id,
            client_secret: secret.client_secret.as_str().to_owned(),
        }
    }
}

/// A bot.
#[derive(Serialize, ToSchema)]
#[schema(as = Bot)]
pub(crate) struct BotView {
    #[schema(value_type = String)]
    bot_id: BotId,
    #[schema(value_type = String)]
    user_id: UserId,
    client_id: String,
    /// The name that others see.
    name: String,
    /// Who answers for it; its rights end where the owner's do.
    #[schema(value_type = Option<String>)]
    owner: Option<UserId>,
    /// What it may at most.
    scopes: Vec<&'static str>,
    /// `active` or `suspended`.
    state: &'static str,
    /// Newest last.
    secrets: Vec<SecretView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A secret, without what is secret of it.
#[derive(Serialize, ToSchema)]
#[schema(as = BotSecretInfo)]
pub(crate) struct SecretView {
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it is good no more; null for the newest.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<Timestamp>,
}

impl From<Bot> for BotView {
    fn from(bot: Bot) -> Self {
        let secret =
            |secret: &ClientSecret| SecretView { created_at: secret.created_at, expires_at: secret.expires_at };
        Self {
            bot_id: bot.bot_id(),
            user_id: bot.account.user_id,
            owner: bot.client.created_by,
            secrets: bot.client.secrets.iter().map(secret).collect(),
            scopes: names(bot.client.scopes),
            client_id: bot.client.client_id,
            state: bot.account.state.name(),
            name: bot.account.display_name,
            created_at: bot.account.created_at,
        }
    }
}

/// The names of scopes, in their order.
fn names(scopes: Scopes) -> Vec<&'static str> {
    Scope::ALL.iter().filter(|(scope, _)| scopes.contains(*scope)).map(|(_, name)| *name).collect()
}

/// The scopes with these names.
pub(super) fn scopes(names: &[String]) -> Result<Scopes, AuthError> {
    let mut broken = Broken::default();
    let scopes = broken.scopes("/scopes", names);
    broken.into_result().map(|()| scopes)
}
