//! Which OAuth client asks, and whether it is the one that it says (RFC 6749 section 2.3).

use bartab_core::store::{ClientKind, Grant, KeyAlgorithm, OAuthClient, TokenHash};
use bartab_core::{Scope, Scopes, Timestamp};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::parameters::Parameters;
use crate::sessions::OWN_CLIENT;

/// No client of ours has a longer id, so a longer one is not looked up.
const MAX_CLIENT_ID: usize = 128;

/// Basic credentials as clients send them, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Auth {
    /// The client that sends the request: by `client_secret_basic`, `client_secret_post`, or for a public client by its
    /// name alone. A request that names none is our own client's, `bartab`, which is public.
    ///
    /// An unknown client and a wrong secret give the same answer after the same work.
    ///
    /// # Errors
    /// `invalid_client`; `invalid_request` when it authenticates in two ways at once.
    pub(crate) async fn authenticate_client(
        &self,
        headers: &HeaderMap,
        form: &Parameters,
    ) -> Result<OAuthClient, OAuthError> {
        let Proof { client_id, secret, basic } = Proof::of(headers, form)?;
        let client = self.client(&client_id).await?;
        let secret = secret.map(|secret| TokenHash::of(secret.as_bytes()));
        let now = self.0.clock.now();
        let proven = |client: &OAuthClient| match &secret {
            Some(secret) => client.accepts(secret, now),
            None => !client.is_confidential(),
        };
        client.filter(proven).ok_or_else(|| OAuthError::invalid_client(basic))
    }

    /// The client with this id: our own, or one that is registered.
    pub(crate) async fn client(&self, client_id: &str) -> Result<Option<OAuthClient>, AuthError> {
        if client_id == OWN_CLIENT {
            return Ok(Some(own_client()));
        }
        if client_id.len() > MAX_CLIENT_ID {
            return Ok(None);
        }
        Ok(self.0.stores.clients.get(client_id).await?)
    }
}

/// The client that our own login, command line and web page are: public, and in no store.
pub(crate) fn own_client() -> OAuthClient {
    OAuthClient {
        client_id: OWN_CLIENT.to_owned(),
        kind: ClientKind::App,
        name: "BarTAB".to_owned(),
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        scopes: Scopes::PERSON.with(Scope::Admin).with(Scope::Openid).with(Scope::Profile),
        grants: [Grant::RefreshToken, Grant::DeviceCode, Grant::TokenExchange].into_iter().collect(),
        id_token_algorithm: KeyAlgorithm::Rs256,
        created_at: Timestamp::from_secs(0),
        created_by: None,
    }
}

/// What a client says of itself.
struct Proof {
    client_id: String,
    secret: Option<Zeroizing<String>>,
    /// It came in the `Authorization` header.
    basic: bool,
}

impl Proof {
    fn of(headers: &HeaderMap, form: &Parameters) -> Result<Self, OAuthError> {
        let basic = basic_credentials(headers)?;
        let named = form.get("client_id");
        let posted = form.get("client_secret");
        let asserted = form.get("client_assertion").is_some();
        if [basic.is_some(), posted.is_some(), asserted].into_iter().filter(|used| *used).count() > 1 {
            return Err(OAuthError::invalid_request("the client authenticates in more than one way"));
        }
        if asserted {
            return Err(OAuthError::invalid_client(false));
        }
        if let Some((client_id, secret)) = basic {
            if named.is_some_and(|named| named != client_id) {
                return Err(OAuthError::invalid_request("`client_id` is not the client that authenticates"));
            }
            return Ok(Self { client_id, secret: Some(secret), basic: true });
        }
        let secret = posted.map(|secret| Zeroizing::new(secret.to_owned()));
        Ok(Self { client_id: named.unwrap_or(OWN_CLIENT).to_owned(), secret, basic: false })
    }
}

/// Id and secret of the `Authorization` header, if it is there and is Basic.
///
/// A stale bearer token that a client sends along is no attempt to authenticate as a client.
fn basic_credentials(headers: &HeaderMap) -> Result<Option<(String, Zeroizing<String>)>, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(OAuthError::invalid_request("the request carries more than one set of credentials"));
    }
    let mut words = value.as_bytes().splitn(2, |byte| *byte == b' ');
    if !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic")) {
        return Ok(None);
    }
    let credentials = decode(words.next().unwrap_or_default().trim_ascii());
    credentials.map(Some).ok_or_else(|| OAuthError::invalid_client(true))
}

/// The two halves, each of which is form-encoded (RFC 6749 section 2.3.1).
fn decode(text: &[u8]) -> Option<(String, Zeroizing<String>)> {
    let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (form_value(&bytes[..colon])?, form_value(&bytes[colon + 1..])?);
    Some((id, Zeroizing::new(secret)))
}

fn form_value(encoded: &[u8]) -> Option<String> {
    // Both are written as `%xx` in a form, so what has them is no form-encoded text.
    if encoded.iter().any(|byte| matches!(byte, b'&' | b'=')) {
        return None;
    }
    Some(form_urlencoded::parse(encoded).next().map_or_else(String::new, |(text, _)| text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn proof(authorization: &[&str], form: &str) -> Result<(String, Option<String>, bool), &'static str> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let proof = Proof::of(&headers, &Parameters::parse(form.as_bytes()).unwrap());
        let proof = proof.map_err(|error| error.name())?;
        Ok((proof.client_id, proof.secret.map(|secret| secret.to_string()), proof.basic))
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", BASE64.encode(text))
    }

    #[test]
    fn the_three_ways_are_read() {
        let told = |id: &str, secret: Option<&str>, basic| Ok((id.to_owned(), secret.map(str::to_owned), basic));
        assert_eq!(proof(&[], ""), told("bartab", None, false));
        assert_eq!(proof(&[], "client_id=a"), told("a", None, false));
        assert_eq!(proof(&[], "client_id=a&client_secret=b"), told("a", Some("b"), false));
        assert_eq!(proof(&[], "client_secret=b"), told("bartab", Some("b"), false));
        assert_eq!(proof(&[&basic("a:b")], ""), told("a", Some("b"), true));
        assert_eq!(proof(&[&basic("a:b")], "client_id=a"), told("a", Some("b"), true));
        assert_eq!(proof(&[&basic("a:")], ""), told("a", Some(""), true));
        assert_eq!(proof(&["Bearer stale"], "client_id=a"), told("a", None, false));
    }

    #[test]
    fn basic_credentials_are_form_encoded_and_base64_with_padding_or_without() {
        assert_eq!(proof(&[&basic("a%3Ab:c+d%25:e")], "").unwrap().1.as_deref(), Some("c d%:e"));
        for text in ["Basic YTpiYg==", "basic YTpiYg", "BASIC  YTpiYg== "] {
            assert_eq!(proof(&[text], "").unwrap().1.as_deref(), Some("bb"), "{text}");
        }
        for text in ["Basic", "Basic ", "Basic !", "Basic YQ==", "Basic YTpi YTpi", &basic("a:b&c"), &basic("a=b:c")] {
            assert_eq!(proof(&[text], ""), Err("invalid_client"), "{text}");
        }
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let credentials = basic("a:b");
        for (headers, form) in [
            (vec![credentials.as_str()], "client_secret=b"),
            (vec![credentials.as_str()], "client_id=other"),
            (vec![credentials.as_str()], "client_assertion=x"),
            (vec![credentials.as_str(), credentials.as_str()], ""),
            (vec![credentials.as_str(), "Bearer x"], ""),
            (vec![], "client_id=a&client_secret=b&client_assertion=x"),
        ] {
            assert_eq!(proof(&headers, form), Err("invalid_request"), "{headers:?} {form}");
        }
        assert_eq!(proof(&[], "client_id=a&client_assertion=x"), Err("invalid_client"));
    }
}
