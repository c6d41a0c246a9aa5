//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693)

use bartab_core::store::{Grant, OAuthClient};
use bartab_core::{Scope, Scopes};

use super::TokenAnswer;
use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::exchange::{ACCESS_TOKEN, ExchangeError, SubjectKind};
use crate::extract::Form;
use crate::sessions::NewSession;

/// A token of a trusted issuer becomes an access token of ours, for the same person. There is a refresh token only when
/// `offline_access` is asked for: whoever has a token of the issuer can come again.
pub(super) async fn grant(auth: &Auth, client: &OAuthClient, form: &Form) -> Result<TokenAnswer, OAuthError> {
    let requested = form.get("requested_token_type").map(SubjectKind::from_name);
    if !matches!(requested, None | Some(Some(SubjectKind::AccessToken | SubjectKind::Jwt))) {
        return Err(OAuthError::invalid_request("`requested_token_type` is an access token's"));
    }
    if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
        return Err(OAuthError::invalid_request("nobody acts for somebody else here: leave `actor_token` out"));
    }
    check_target(auth, form)?;
    let token = form.require("subject_token")?;
    let kind = SubjectKind::from_name(form.require("subject_token_type")?);
    let kind = kind.ok_or_else(|| OAuthError::invalid_request("`subject_token_type` is none that is known"))?;
    let scopes = scopes(client, form)?;
    let account = auth.vouched(token, kind, client).await?;
    let new = NewSession {
        client_id: &client.client_id,
        device_name: Some(&client.name),
        scopes,
        methods: "",
        granted: true,
        session_id: None,
    };
    let mut answer = TokenAnswer::from(auth.start_session(&account, new).await?);
    answer.issued_token_type = Some(ACCESS_TOKEN);
    if !scopes.contains(Scope::OfflineAccess) {
        answer.refresh_token = None;
    }
    Ok(answer)
}

/// The tokens are good at this tenant and nowhere else.
fn check_target(auth: &Auth, form: &Form) -> Result<(), OAuthError> {
    let config = &auth.0.config;
    let ours = |target: &str| {
        let target = target.strip_suffix('/').unwrap_or(target);
        target == config.issuer || target == config.audience()
    };
    if form.get_all("audience").chain(form.get_all("resource")).all(ours) {
        return Ok(());
    }
    Err(OAuthError::new("invalid_target", "there are no tokens for that audience or resource here"))
}

/// What the client is registered for, unless it asks for less; a refresh token and the right to administer are asked for by
/// name.
fn scopes(client: &OAuthClient, form: &Form) -> Result<Scopes, OAuthError> {
    let refreshes = client.grants.contains(Grant::RefreshToken);
    let every = Scope::ALL.into_iter().map(|(scope, _)| scope);
    let allowed: Scopes =
        every.filter(|scope| client.scopes.contains(*scope) && (*scope != Scope::OfflineAccess || refreshes)).collect();
    let scopes = match form.scope()? {
        Some(asked) if asked.is_subset(allowed) => asked,
        Some(_) => return Err(AuthError::InvalidScope.into()),
        None => allowed.without(Scope::OfflineAccess).without(Scope::Admin),
    };
    if scopes == Scopes::NONE { Err(AuthError::InvalidScope.into()) } else { Ok(scopes) }
}

impl From<ExchangeError> for OAuthError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Client => Self::unauthorized_client(),
            // RFC 8693 section 2.2.2: whatever is wrong with the token, by itself or by policy.
            ExchangeError::Subject(_) | ExchangeError::Account => Self::invalid_request(error.to_string()),
            ExchangeError::Auth(error) => error.into(),
        }
    }
}
