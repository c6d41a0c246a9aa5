//! `grant_type=authorization_code` (RFC 6749 section 4.1.3, RFC 7636)

use bartab_core::store::OAuthClient;

use super::{TokenAnswer, session};
use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::extract::Form;

/// The code is spent, whatever is wrong with the rest of the request.
pub(super) async fn grant(auth: &Auth, client: &OAuthClient, form: &Form) -> Result<TokenAnswer, OAuthError> {
    let (code, verifier) = (form.require("code")?, form.require("code_verifier")?);
    let code = auth.redeem_code(code, &client.client_id, form.get("redirect_uri"), verifier).await?;
    let allowed = session::Allowed {
        user: code.user,
        scopes: code.scopes,
        session_id: code.session_id,
        auth_time: code.auth_time,
        methods: &code.methods,
        password: code.password,
        nonce: code.nonce.as_deref(),
    };
    session::open(auth, client, allowed).await
}
