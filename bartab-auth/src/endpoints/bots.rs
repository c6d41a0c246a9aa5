//! `GET, POST /v1/bots`

use axum::response::Response;
use bartab_core::store::ClientSecret;
use bartab_core::{BotId, Scope, Scopes, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::bots::{Bot, BotSecret};
use crate::error::AuthError;
use crate::extract::{Caller, Json, Tenant};
use crate::query::{Query, page};
use crate::rules::Broken;

/// A bot to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBot {
    /// The name that others see, 1 to 64 characters.
    name: String,
    /// What it may at most, of what the caller may; `chat:read`, `chat:write`, `media:read` and `media:write` when
    /// nothing is said.
    scopes: Option<Vec<String>>,
}

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

/// A page of bots.
#[derive(Serialize, ToSchema)]
pub(crate) struct BotPage {
    /// By age, oldest first.
    items: Vec<BotView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
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

/// Make a bot: an account of a program, with the caller to answer for it. It gets tokens with the grant
/// `client_credentials`, and may what both its scopes and its owner's rights allow.
#[utoipa::path(
    post, path = "/v1/bots", tag = "bots", operation_id = "create_bot", request_body = NewBot,
    responses(
        (status = 201, description = "The bot, with its secret, which is shown this once", body = BotSecretAnswer),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`: this takes `profile:write`, and each scope that the bot is to \
                           have; `permission.denied`: this takes `bots.create`, which no app has; `quota.exceeded`",
        ),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<NewBot>,
) -> Result<Response, Failure> {
    let scopes = body.scopes.as_deref().map(scopes).transpose()?;
    let made = auth.create_bot(&actor, &body.name, scopes).await?;
    answer::json(StatusCode::CREATED, &BotSecretAnswer::from(made))
}

/// List one's own bots, or those of somebody else.
#[utoipa::path(
    get, path = "/v1/bots", tag = "bots", operation_id = "list_bots",
    params(
        ("owner" = Option<String>, Query, description = "Somebody else: takes `bots.read`"),
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = BotPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn list(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["owner", "limit", "cursor"])?;
    let limit = query.limit()?;
    let owner = query.get("owner")?.unwrap_or(actor.user_id);
    let bots = auth.bots(&actor, owner, query.get("cursor")?, limit + 1).await?;
    let (bots, next_cursor) = page(bots, limit, |bot| bot.bot_id().to_string());
    answer::json(StatusCode::OK, &BotPage { items: bots.into_iter().map(BotView::from).collect(), next_cursor })
}
