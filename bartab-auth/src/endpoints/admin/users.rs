//! `GET /v1/admin/users`

use axum::response::Response;
use bartab_core::store::{AccountFilter, AccountState};
use bartab_core::{Problem, TenantRole, UserId};
use http::StatusCode;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as NameError;
use serde::{Deserialize as _, Serialize};
use utoipa::ToSchema;

use super::UserView;
use crate::acts::Authority;
use crate::answer::{self, Failure};
use crate::auth::Auth;
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page};
use crate::rules::username_key;

/// A page of accounts.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminUserPage)]
pub(crate) struct UserPage {
    /// By the age of the accounts, oldest first.
    items: Vec<UserView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl UserPage {
    /// The page that `query` asks for.
    pub(crate) async fn read(auth: &Auth, by: &Authority, query: &Query) -> Result<Self, Failure> {
        query.only(&["search", "role", "state", "kind", "owner", "limit", "cursor"])?;
        let limit = query.limit()?;
        let filter = AccountFilter {
            prefix: query.text("search").map(username_key),
            role: query.text("role").map(role).transpose()?,
            state: query.text("state").map(|name| known("?state", AccountState::from_name(name))).transpose()?,
            owner: query.get("owner")?,
            bot: query.text("kind").map(is_bot).transpose()?,
        };
        let after = query.get::<UserId>("cursor")?;
        let accounts = auth.list_accounts(by, &filter, after, limit + 1).await?;
        let (accounts, next_cursor) = page(accounts, limit, |account| account.user_id.to_string());
        let items = accounts.into_iter().map(UserView::from).collect();
        Ok(Self { items, next_cursor })
    }
}

/// List accounts. Every condition that is given must hold.
#[utoipa::path(
    get, path = "/v1/admin/users", tag = "admin", operation_id = "list_accounts",
    params(
        ("search" = Option<String>, Query, description = "The username begins with this"),
        ("role" = Option<String>, Query, description = "`guest`, `member`, `moderator`, `administrator` or `owner`"),
        ("state" = Option<String>, Query, description = "`active`, `suspended` or `erased`"),
        ("kind" = Option<String>, Query, description = "`person` or `bot`"),
        ("owner" = Option<String>, Query, description = "The bots of this person"),
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = UserPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `users.read`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &UserPage::read(&auth, &Authority::Caller(actor), &query).await?)
}

fn role(name: &str) -> Result<TenantRole, Failure> {
    let role: Result<TenantRole, NameError> = TenantRole::deserialize(name.into_deserializer());
    known("?role", role.ok())
}

fn is_bot(name: &str) -> Result<bool, Failure> {
    known("?kind", ["person", "bot"].iter().position(|kind| *kind == name).map(|place| place == 1))
}

fn known<T>(pointer: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| Problem::invalid_field(pointer, "invalid", "there is no such name").into())
}
