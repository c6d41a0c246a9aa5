//! Authorization codes (RFC 6749 section 4.1.2): good once, for a minute, for who knows the PKCE verifier (RFC 7636).

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bartab_core::store::{Session, Spending, StoreError, TicketPurpose, TokenHash};
use bartab_core::{Scopes, SessionId, Timestamp, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::auth::Auth;
use crate::error::AuthError;
use crate::tickets::{payload, scope_text};

/// A code that travels by redirect is used at once.
const LIFE: Duration = Duration::from_secs(60);
/// RFC 7636 section 4.1.
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;
/// The base64url of a SHA-256.
const CHALLENGE: usize = 43;

/// What an authorization code stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuthorizationCode {
    /// The client that it was given to.
    pub(crate) client_id: String,
    /// What the request named; the token request must say the same, or leave it out too.
    pub(crate) redirect_uri: Option<String>,
    /// The PKCE challenge, S256.
    pub(crate) challenge: String,
    /// What the person allowed.
    #[serde(with = "scope_text")]
    pub(crate) scopes: Scopes,
    /// What the ID token must repeat.
    pub(crate) nonce: Option<String>,
    /// When the person signed in.
    pub(crate) auth_time: Timestamp,
    /// How (RFC 8176), with a space between.
    pub(crate) methods: String,
    /// Who it was.
    pub(crate) user: UserId,
    /// What stands for their password at that time: another one since then makes this good for nothing.
    pub(crate) password: [u8; 32],
    /// The session that the code opens; chosen now, so that a second use of the code can end it.
    pub(crate) session_id: SessionId,
}

impl Auth {
    /// A new code, good once and for a minute.
    pub(crate) async fn issue_code(&self, code: AuthorizationCode) -> Result<String, AuthError> {
        self.issue_ticket(TicketPurpose::AuthorizationCode, Some(code.user), &code, LIFE).await
    }

    /// Spends a code and gives what it stands for, once the client, the redirect URI and the PKCE verifier are right.
    ///
    /// The caller has authenticated the client. The code is spent whatever else is wrong: who has a code without its
    /// verifier has stolen it, and gets no second try. A second use by its client ends the session that the first has opened, or is
    /// about to open (RFC 6749 section 4.1.2).
    ///
    /// # Errors
    /// [`AuthError::InvalidGrant`], [`AuthError::Store`].
    pub(crate) async fn redeem_code(
        &self,
        text: &str,
        client_id: &str,
        redirect_uri: Option<&str>,
        verifier: &str,
    ) -> Result<AuthorizationCode, AuthError> {
        let secret = TokenHash::of(text.as_bytes());
        let now = self.0.clock.now();
        match self.0.stores.tickets.spend(TicketPurpose::AuthorizationCode, &secret, now).await? {
            Spending::First(ticket) => {
                let code: AuthorizationCode = payload(&ticket)?;
                let right = code.client_id == client_id
                    && code.redirect_uri.as_deref() == redirect_uri
                    && is_verifier_of(&code.challenge, verifier);
                if right { Ok(code) } else { Err(AuthError::InvalidGrant) }
            }
            Spending::Again(ticket) => {
                let code: AuthorizationCode = payload(&ticket)?;
                // Another client has found a code, and can do nothing with it, nor to whose it was.
                if code.client_id != client_id {
                    return Err(AuthError::InvalidGrant);
                }
                tracing::warn!(session = %code.session_id, user = %code.user, "a spent authorization code was used");
                self.end_granted(code.user, code.session_id, &code.client_id).await?;
                Err(AuthError::InvalidGrant)
            }
            Spending::Refused => Err(AuthError::InvalidGrant),
        }
    }

    /// Ends the session that a grant opens, also one that the first use of the grant is only about to open: it then
    /// finds the id taken, and fails.
    pub(crate) async fn end_granted(
        &self,
        user: UserId,
        session_id: SessionId,
        client_id: &str,
    ) -> Result<(), AuthError> {
        let client_id = client_id.to_owned();
        self.to_its_end(move |auth| async move { auth.end_opened(user, session_id, client_id).await }).await
    }

    async fn end_opened(&self, user: UserId, session_id: SessionId, client_id: String) -> Result<(), AuthError> {
        if self.end(user, session_id).await? {
            return Ok(());
        }
        let now = self.0.clock.now();
        let nobody_knows = || TokenHash::of(self.random_text::<32>().as_bytes());
        let ended = Session {
            session_id,
            user_id: user,
            client_id,
            device_name: None,
            scopes: Scopes::NONE,
            family: nobody_knows(),
            current: nobody_knows(),
            previous: None,
            methods: String::new(),
            granted: true,
            created_at: now,
            last_used_at: now,
            expires_at: now,
            ended_at: Some(now),
        };
        match self.0.stores.sessions.create(ended).await {
            Ok(()) => Ok(()),
            // It was opened in between, or has ended before.
            Err(StoreError::Conflict) => self.end(user, session_id).await.map(drop),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether `challenge` can be the S256 challenge of anything: the base64url of 32 bytes, in its only spelling.
pub(crate) fn is_challenge(challenge: &str) -> bool {
    let mut bytes = [0; 33];
    challenge.len() == CHALLENGE && URL_SAFE_NO_PAD.decode_slice(challenge, &mut bytes).is_ok_and(|length| length == 32)
}

/// Whether `verifier` is one, and `challenge` was made from it (RFC 7636 section 4.6).
fn is_verifier_of(challenge: &str, verifier: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    VERIFIER.contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && verify_slices_are_equal(challenge_of(verifier).as_bytes(), challenge.as_bytes()).is_ok()
}

/// The S256 challenge of `verifier`.
pub(crate) fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use bartab_core::Scope;

    use super::*;
    use crate::accounts::NewAccount;
    use crate::sessions::NewSession;
    use crate::testing::open;

    #[test]
    fn the_verifier_of_the_rfc_fits_its_challenge_and_no_other_does() {
        // RFC 7636 appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_verifier_of(challenge, verifier));
        assert!(is_challenge(challenge));
        // The plain method, another verifier, one that is too short or too long, and one with a foreign character.
        assert!(!is_verifier_of(verifier, verifier));
        assert!(!is_verifier_of(challenge, &verifier.replace('d', "e")));
        for wrong in
            ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(42)), format!("{}\u{e9}", "a".repeat(42))]
        {
            assert!(!is_verifier_of(&challenge_of(&wrong), &wrong), "{wrong}");
        }
        for right in ["a".repeat(43), "~".repeat(128)] {
            assert!(is_verifier_of(&challenge_of(&right), &right), "{right}");
        }
    }

    #[test]
    fn a_challenge_has_one_spelling() {
        // The last character carries two bits that are not of the hash.
        for wrong in
            ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN", &"A".repeat(42), &"A".repeat(44), &"=".repeat(43)]
        {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const HERE: Option<&str> = Some("https://app.example/callback");

    async fn code(auth: &Auth, user: UserId) -> AuthorizationCode {
        AuthorizationCode {
            client_id: "app".to_owned(),
            redirect_uri: HERE.map(str::to_owned),
            challenge: challenge_of(VERIFIER),
            scopes: Scopes::NONE.with(Scope::Openid).with(Scope::ChatRead),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            auth_time: auth.0.clock.now(),
            methods: "pwd otp mfa".to_owned(),
            user,
            password: [0; 32],
            session_id: SessionId::new(auth.0.clock.now(), &*auth.0.random),
        }
    }

    #[tokio::test]
    async fn a_second_use_also_ends_the_session_that_is_not_there_yet() {
        let (auth, _) = open().await;
        let alice = auth.create_account(NewAccount::member("alice", "correct horse battery")).await.unwrap();
        let code = code(&auth, alice.user_id).await;
        let text = auth.issue_code(code.clone()).await.unwrap();
        auth.redeem_code(&text, "app", HERE, VERIFIER).await.unwrap();
        assert!(auth.redeem_code(&text, "app", HERE, VERIFIER).await.is_err());
        let new = NewSession { session_id: Some(code.session_id), ..NewSession::own(&alice, None, "pwd") };
        assert!(matches!(auth.start_session(&alice, new).await, Err(AuthError::InvalidGrant)));
    }
}
