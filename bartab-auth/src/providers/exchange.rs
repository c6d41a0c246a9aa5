//! A code becomes a person: asked of the provider, and believed only as far as its signature goes.

use std::sync::Arc;
use std::time::Duration;

use bartab_core::Timestamp;
use bartab_core::store::ExternalIdentity;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreClient, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm,
    CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    EmptyAdditionalClaims, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse as _,
    PkceCodeVerifier, RedirectUrl, SignatureVerificationError, TokenResponse as _,
};

use super::discovery::{Known, Provider};
use super::error::ProviderError;
use crate::error::chain;

/// How far the provider's clock may be from ours when it says when a token was made.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);
/// OpenID Connect Core 1.0 section 2: a subject has at most 255 characters.
const MAX_SUBJECT: usize = 255;

pub(super) type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Who somebody is, by the provider's word.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) identity: ExternalIdentity,
    /// The address, when the provider has verified it.
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) username: Option<String>,
}

/// What a sign-in has begun with and must end with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof<'a> {
    pub(super) code: &'a str,
    pub(super) verifier: &'a str,
    pub(super) nonce: &'a str,
}

/// The tenant as the provider's client.
pub(super) fn client(provider: &Provider, known: &Known, redirect_uri: String) -> Result<Client, ProviderError> {
    let config = provider.config();
    let secret = config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.text().to_owned()));
    let redirect_uri = RedirectUrl::new(redirect_uri).map_err(|error| {
        tracing::error!(%error, "the issuer is no URL");
        ProviderError::Unavailable
    })?;
    let client_id = ClientId::new(config.client_id.clone());
    let client = CoreClient::from_provider_metadata(known.metadata.clone(), client_id, secret);
    Ok(client.set_redirect_uri(redirect_uri).set_auth_type(auth_type(known)))
}

/// How the tenant proves who it is: by Basic, which every provider knows, unless this one says that it does not.
fn auth_type(known: &Known) -> AuthType {
    use openidconnect::core::CoreClientAuthMethod::{ClientSecretBasic, ClientSecretPost};
    match known.metadata.token_endpoint_auth_methods_supported() {
        Some(methods) if !methods.contains(&ClientSecretBasic) && methods.contains(&ClientSecretPost) => {
            AuthType::RequestBody
        }
        _ => AuthType::BasicAuth,
    }
}

impl Provider {
    /// Exchanges the code of `proof` for the person who has signed in at the provider.
    pub(super) async fn person(
        &self,
        redirect_uri: String,
        proof: Proof<'_>,
        now: Timestamp,
    ) -> Result<Person, ProviderError> {
        let _place = self.begin()?;
        let known = self.known(now).await?;
        let client = client(self, &known, redirect_uri.clone())?;
        let tokens = self.exchange(&client, proof).await?;
        let id_token = tokens.id_token().ok_or_else(|| self.refuse("it gives no ID token"))?;
        let claims = match verified(&client, id_token, proof.nonce, now) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                // The provider may have exchanged its keys since.
                let newer = self.newer(&known, now).await?;
                if Arc::ptr_eq(&newer, &known) {
                    return Err(self.refuse("it signs with a key that it does not publish"));
                }
                let client = self::client(self, &newer, redirect_uri)?;
                verified(&client, id_token, proof.nonce, now)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| self.refuse(&chain(&error)))?;
        self.check_access_token(&client, &tokens, id_token, &claims, now)?;
        // OpenID Connect Core 1.0 section 3.1.3.7, step 5, which the library leaves to us.
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.config().client_id) {
            return Err(self.refuse("the ID token was made for another client"));
        }
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.len() > MAX_SUBJECT {
            return Err(self.refuse("its subject is empty or too long"));
        }
        let mut person = Person {
            identity: ExternalIdentity { issuer: self.config().issuer.clone(), subject: subject.to_owned() },
            email: claims.email().filter(|_| claims.email_verified() == Some(true)).map(|email| email.to_string()),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            username: claims.preferred_username().map(|name| name.to_string()),
        };
        if person.email.is_none() || person.name.is_none() || person.username.is_none() {
            self.complete(&mut person, &client, &tokens, &claims).await;
        }
        Ok(person)
    }

    async fn exchange(&self, client: &Client, proof: Proof<'_>) -> Result<CoreTokenResponse, ProviderError> {
        let request = client
            .exchange_code(AuthorizationCode::new(proof.code.to_owned()))
            .map_err(|_| self.refuse("it has no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(proof.verifier.to_owned()));
        request.request_async(self.http()).await.map_err(|error| match error {
            openidconnect::RequestTokenError::Request(error) => {
                tracing::warn!(provider = %self.config().id, error = chain(&error), "a provider does not answer");
                ProviderError::Unavailable
            }
            // What it says is for the log, and only the name of it: the rest is the provider's own words.
            openidconnect::RequestTokenError::ServerResponse(refusal) => {
                tracing::warn!(provider = %self.config().id, error = ?refusal.error(), "a provider refuses a code");
                ProviderError::Refused
            }
            _ => self.refuse("it answers with something that is no token answer"),
        })
    }

    /// An access token that comes with a hash in the ID token must have it (OpenID Connect Core 1.0 section 3.1.3.8).
    fn check_access_token(
        &self,
        client: &Client,
        tokens: &CoreTokenResponse,
        id_token: &CoreIdToken,
        claims: &CoreIdTokenClaims,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let Some(expected) = claims.access_token_hash() else { return Ok(()) };
        let algorithm = id_token.signing_alg().map_err(|error| self.refuse(&chain(&error)))?;
        // Its key is needed for EdDSA alone, to tell the two curves apart.
        let verifier = verifier(client, now);
        let key = id_token.signing_key(&verifier).map_err(|error| self.refuse(&chain(&error)))?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        match actual {
            Ok(actual) if actual == *expected => Ok(()),
            _ => Err(self.refuse("the access token is not the one that the ID token is about")),
        }
    }

    /// Asks for what the ID token does not say: by the code flow many providers keep it for here (OpenID Connect Core
    /// 1.0 section 5.4). Without an answer the person stays as they are.
    async fn complete(
        &self,
        person: &mut Person,
        client: &Client,
        tokens: &CoreTokenResponse,
        claims: &CoreIdTokenClaims,
    ) {
        let token = tokens.access_token().secret();
        // It goes into a header.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return;
        }
        let subject = Some(claims.subject().clone());
        let Ok(request) = client.user_info(AccessToken::new(token.clone()), subject) else { return };
        let answer: Result<CoreUserInfoClaims, _> =
            request.request_async::<EmptyAdditionalClaims, _, CoreGenderClaim>(self.http()).await;
        match answer {
            Ok(more) => {
                let email = more.email().filter(|_| more.email_verified() == Some(true));
                person.email = person.email.take().or_else(|| email.map(|email| email.to_string()));
                let name = more.name().and_then(|name| name.get(None));
                person.name = person.name.take().or_else(|| name.map(|name| name.to_string()));
                let username = more.preferred_username();
                person.username = person.username.take().or_else(|| username.map(|name| name.to_string()));
            }
            Err(error) => {
                tracing::warn!(provider = %self.config().id, error = chain(&error), "a provider tells nothing of a person");
            }
        }
    }

    /// The answer proves nothing; why is for the log.
    fn refuse(&self, why: &str) -> ProviderError {
        tracing::warn!(provider = %self.config().id, why, "a provider's answer is refused");
        ProviderError::BadAnswer
    }
}

/// The claims of an ID token that is the provider's, for us, good now, and made for this very sign-in.
fn verified(
    client: &Client,
    id_token: &CoreIdToken,
    nonce: &str,
    now: Timestamp,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let nonce = Nonce::new(nonce.to_owned());
    id_token.claims(&verifier(client, now), &nonce).cloned()
}

/// Issuer, audience, signature and nonce are checked by default; the times are checked by the tenant's clock, and
/// nothing is taken that is signed with a secret or not at all.
fn verifier(client: &Client, now: Timestamp) -> CoreIdTokenVerifier<'_> {
    use CoreJwsSigningAlgorithm as Alg;
    let at = date(now);
    let made_about_now = move |issued: DateTime<Utc>| {
        let apart = (issued - at).abs().to_std().unwrap_or(Duration::MAX);
        if apart <= CLOCK_SKEW { Ok(()) } else { Err("the ID token was not made now".to_owned()) }
    };
    client
        .id_token_verifier()
        .set_allowed_algs([
            Alg::RsaSsaPkcs1V15Sha256,
            Alg::RsaSsaPkcs1V15Sha384,
            Alg::RsaSsaPkcs1V15Sha512,
            Alg::RsaSsaPssSha256,
            Alg::RsaSsaPssSha384,
            Alg::RsaSsaPssSha512,
            Alg::EcdsaP256Sha256,
            Alg::EcdsaP384Sha384,
            Alg::EdDsa,
        ])
        .set_time_fn(move || at)
        .set_issue_time_verifier_fn(made_about_now)
}

fn date(time: Timestamp) -> DateTime<Utc> {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
