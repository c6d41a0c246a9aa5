//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 section 3.4)

use bartab_core::store::OAuthClient;

use super::{TokenAnswer, session};
use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::device::DeviceError;
use crate::error::AuthError;
use crate::extract::Form;

/// Tokens once somebody has allowed the device; until then the device asks again.
pub(super) async fn grant(auth: &Auth, client: &OAuthClient, form: &Form) -> Result<TokenAnswer, OAuthError> {
    let grant = auth.poll_device(form.require("device_code")?, &client.client_id).await?;
    let allowed = session::Allowed {
        user: grant.user,
        scopes: grant.scopes,
        session_id: grant.session_id,
        auth_time: grant.auth_time,
        methods: &grant.methods,
        password: grant.password,
        nonce: None,
    };
    session::open(auth, client, allowed).await
}

impl From<DeviceError> for OAuthError {
    fn from(error: DeviceError) -> Self {
        let description = error.to_string();
        match error {
            DeviceError::Pending => Self::new("authorization_pending", description),
            DeviceError::SlowDown => Self::new("slow_down", description),
            DeviceError::Denied => Self::new("access_denied", description),
            DeviceError::Expired => Self::new("expired_token", description),
            DeviceError::Invalid => AuthError::InvalidGrant.into(),
            DeviceError::Auth(error) => error.into(),
        }
    }
}
