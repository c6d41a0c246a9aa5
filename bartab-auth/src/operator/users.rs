//! `POST, GET /admin/v1/tenants/{tenant}/users`, `GET, PATCH …/users/{user}` and `POST …/users/{user}/suspend`,
//! `/restore`, `/reset`, `/erase`; `{user}` is an id or a username.

use axum::response::Response;
use bartab_core::store::StoreError;
use bartab_core::{TenantRole, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Named;
use crate::accounts::NewAccount;
use crate::acts::{Act, Authority};
use crate::answer::{self, Failure};
use crate::auth::Auth;
use crate::endpoints::admin::erase::Erasure;
use crate::endpoints::admin::reset::ResetLink;
use crate::endpoints::admin::user::change::Change;
use crate::endpoints::admin::users::UserPage;
use crate::endpoints::admin::{Reason, UserView};
use crate::error::AuthError;
use crate::extract::{Json, Tenant};
use crate::query::Query;
use crate::rules::username_key;

/// An account to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserRequest {
    username: String,
    display_name: Option<String>,
    /// A member when there is none.
    role: Option<TenantRole>,
    /// Without one the answer has a link to a first one.
    password: Option<String>,
    /// Why, for the audit trail.
    reason: Option<String>,
}

/// A new account, and how its owner signs in for the first time.
#[derive(Serialize)]
struct NewUser {
    #[serde(flatten)]
    user: UserView,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    link: Option<ResetLink>,
}

/// Makes an account whatever the tenant's policy. Without a password the answer has a link, good once and for a day, by
/// which its owner sets one.
pub(super) async fn create(Tenant(auth): Tenant, Json(body): Json<UserRequest>) -> Result<Response, Failure> {
    let account = auth.create_account(NewAccount {
        username: &body.username,
        password: body.password.as_deref(),
        display_name: body.display_name.as_deref(),
        role: body.role.unwrap_or(TenantRole::Member),
        reason: body.reason.as_deref(),
    });
    let account = account.await?;
    let link = match body.password {
        Some(_) => None,
        None => {
            let act = Act::operator("a new account has no way to sign in yet");
            let link = auth.reset_sign_in(&act, account.user_id).await;
            // Any other failure would say that nothing was written, and the account was.
            let unknown = |error| AuthError::Store(StoreError::OutcomeUnknown(Box::new(error)));
            Some(ResetLink::of(link.map_err(unknown)?))
        }
    };
    answer::secret(StatusCode::CREATED, &NewUser { user: account.into(), link })
}

/// Lists accounts, oldest first.
pub(super) async fn list(Tenant(auth): Tenant, query: Query) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &UserPage::read(&auth, &Authority::Operator, &query).await?)
}

/// Reads an account.
pub(super) async fn read(Tenant(auth): Tenant, Named(user): Named<String>) -> Result<Response, Failure> {
    let user = find(&auth, &user).await?;
    answer::json(StatusCode::OK, &UserView::from(auth.account(user).await?))
}

/// Changes role, rate or name of an account.
pub(super) async fn change(
    Tenant(auth): Tenant,
    Named(user): Named<String>,
    Json(body): Json<Change>,
) -> Result<Response, Failure> {
    let user = find(&auth, &user).await?;
    let (deeds, reason) = body.into_deeds();
    let account = auth.administer(&Act::operator(reason), user, deeds).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}

/// Suspends an account.
pub(super) async fn suspend(
    Tenant(auth): Tenant,
    Named(user): Named<String>,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let user = find(&auth, &user).await?;
    let account = auth.suspend(&Act::operator(body.reason), user).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}

/// Restores an account.
pub(super) async fn restore(
    Tenant(auth): Tenant,
    Named(user): Named<String>,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let user = find(&auth, &user).await?;
    let account = auth.restore(&Act::operator(body.reason), user).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}

/// Takes every way to sign in from somebody, and gives a link to a new one.
pub(super) async fn reset(
    Tenant(auth): Tenant,
    Named(user): Named<String>,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let user = find(&auth, &user).await?;
    let link = auth.reset_sign_in(&Act::operator(body.reason), user).await?;
    answer::secret(StatusCode::OK, &ResetLink::of(link))
}

/// Erases a person for good.
pub(super) async fn erase(
    Tenant(auth): Tenant,
    Named(user): Named<String>,
    Json(body): Json<Erasure>,
) -> Result<Response, Failure> {
    let user = find(&auth, &user).await?;
    let account = auth.erase(&Act::operator(body.reason), user, body.messages).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}

/// Whose account has this id or username. A username can look like an id; then it is the id that counts.
async fn find(auth: &Auth, named: &str) -> Result<UserId, AuthError> {
    let accounts = &auth.0.stores.accounts;
    if let Ok(user) = named.parse::<UserId>()
        && accounts.get(user).await?.is_some()
    {
        return Ok(user);
    }
    let account = accounts.find(&username_key(named)).await?;
    account.map(|account| account.user_id).ok_or(AuthError::AccountNotFound)
}
