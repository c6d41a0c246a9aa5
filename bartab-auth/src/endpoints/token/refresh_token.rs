//! `grant_type=refresh_token` (RFC 6749 section 6)

use bartab_core::store::OAuthClient;

use super::TokenAnswer;
use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::extract::Form;

/// The refresh token is spent and replaced; `scope` narrows this one access token, never the session. There is no ID token:
/// nobody has signed in anew (OpenID Connect Core section 12.2).
pub(super) async fn grant(auth: &Auth, client: &OAuthClient, form: &Form) -> Result<TokenAnswer, OAuthError> {
    let token = form.require("refresh_token")?;
    Ok(auth.refresh(token, Some(&client.client_id), form.scope()?).await?.into())
}
