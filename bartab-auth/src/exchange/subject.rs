//! Reading a token that is to be exchanged, without I/O: who made it, and what it says of somebody.

use bartab_core::Timestamp;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::TrustedIssuer;
use crate::token::{Audience, CLOCK_SKEW_SECONDS, Jws, TokenError};

/// OpenID Connect Core section 2.
const MAX_SUBJECT: usize = 255;

/// What sort of token it is said to be (RFC 8693 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    Jwt,
    AccessToken,
    IdToken,
}

impl SubjectKind {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Jwt, "urn:ietf:params:oauth:token-type:jwt"),
        (Self::AccessToken, ACCESS_TOKEN),
        (Self::IdToken, "urn:ietf:params:oauth:token-type:id_token"),
    ];

    /// The kind with this name in the protocol.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(kind, _)| kind)
    }

    /// Whether a token whose header says `typ` can be one; a token for something else altogether is none, whoever signed
    /// it: a logout token, a proof of possession, a security event.
    fn admits(self, typ: Option<&str>) -> bool {
        match typ {
            None | Some("jwt") => true,
            Some("at+jwt") => self != Self::IdToken,
            Some(_) => false,
        }
    }
}

/// The name of an access token in the protocol.
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Somebody for whom an issuer has vouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) subject: String,
    pub(crate) username: Option<String>,
    pub(crate) display_name: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Seconds,
    iat: Option<Seconds>,
    nbf: Option<Seconds>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Seconds since 1970, perhaps with a fraction (RFC 7519 section 2), which is left off.
#[derive(Clone, Copy)]
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_u64().or_else(|| {
            let seconds = number.as_f64()?;
            // Far below where a float loses whole seconds.
            (0.0..1e12).contains(&seconds).then_some(seconds as u64)
        });
        whole.map(Self).ok_or_else(|| de::Error::custom("no number of seconds"))
    }
}

/// Whom the token says that it is from; nothing of that is to be believed yet.
pub(crate) fn issuer_of(jws: &Jws<'_>) -> Result<String, TokenError> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let claims: Issuer = serde_json::from_slice(&jws.unverified()?).map_err(|_| TokenError::Malformed)?;
    Ok(claims.iss)
}

/// Whether the header can be that of a token of this kind.
pub(crate) fn check_type(jws: &Jws<'_>, kind: SubjectKind) -> Result<(), TokenError> {
    if kind.admits(jws.typ().as_deref()) { Ok(()) } else { Err(TokenError::WrongType) }
}

/// What a token of `issuer` says whose signature is right; `claims` are its JSON.
pub(crate) fn read(claims: &[u8], issuer: &TrustedIssuer, now: Timestamp) -> Result<Subject, TokenError> {
    let claims: Claims = serde_json::from_slice(claims).map_err(|_| TokenError::Malformed)?;
    if claims.iss != issuer.issuer {
        return Err(TokenError::WrongIssuer);
    }
    if !claims.aud.names(&issuer.audience) {
        return Err(TokenError::WrongAudience);
    }
    if now.as_secs() >= claims.exp.0 {
        return Err(TokenError::Expired);
    }
    let latest = now.as_secs() + CLOCK_SKEW_SECONDS;
    if [claims.iat, claims.nbf].into_iter().flatten().any(|Seconds(from)| from > latest) {
        return Err(TokenError::NotYetValid);
    }
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT {
        return Err(TokenError::Malformed);
    }
    let text = |claim: &str| claims.rest.get(claim).and_then(Value::as_str).map(str::to_owned);
    let username = if issuer.username_claim == "sub" { Some(claims.sub.clone()) } else { text(&issuer.username_claim) };
    Ok(Subject { username, display_name: text(&issuer.name_claim), subject: claims.sub })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: u64 = 1_750_000_000;

    fn issuer() -> TrustedIssuer {
        TrustedIssuer::new("https://host.example", "chat", "https://host.example/jwks")
    }

    fn changed(field: &str, value: Value) -> Result<Subject, TokenError> {
        let mut claims = json!({
            "iss": "https://host.example", "sub": "42", "aud": "chat", "iat": NOW, "exp": NOW + 60,
            "preferred_username": "alice", "name": "Alice",
        });
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(field)),
            value => claims[field] = value,
        }
        read(claims.to_string().as_bytes(), &issuer(), Timestamp::from_millis(NOW * 1000 + 999))
    }

    #[test]
    fn what_is_good_is_read() {
        let alice = Subject {
            subject: "42".to_owned(),
            username: Some("alice".to_owned()),
            display_name: Some("Alice".to_owned()),
        };
        for (field, value) in [
            ("x", json!({"deep": [1]})),
            ("aud", json!(["other", "chat"])),
            ("exp", json!(NOW + 1)),
            ("exp", json!((NOW + 1) as f64 + 0.5)),
            ("iat", Value::Null),
            ("iat", json!(NOW + 5)),
            ("nbf", json!(NOW + 5)),
        ] {
            assert_eq!(changed(field, value.clone()).as_ref(), Ok(&alice), "{field} {value}");
        }
        assert_eq!(changed("preferred_username", Value::Null).unwrap().username, None);
        assert_eq!(changed("name", json!(7)).unwrap().display_name, None);
    }

    #[test]
    fn what_is_not_is_refused() {
        for (field, value, error) in [
            ("iss", json!("https://host.example/"), TokenError::WrongIssuer),
            ("iss", json!("HTTPS://host.example"), TokenError::WrongIssuer),
            ("aud", json!("Chat"), TokenError::WrongAudience),
            ("aud", json!([]), TokenError::WrongAudience),
            ("aud", Value::Null, TokenError::Malformed),
            ("exp", json!(NOW), TokenError::Expired),
            ("exp", json!(NOW as f64 + 0.9), TokenError::Expired),
            ("exp", Value::Null, TokenError::Malformed),
            ("exp", json!("never"), TokenError::Malformed),
            ("exp", json!(-1), TokenError::Malformed),
            ("exp", json!(1e300), TokenError::Malformed),
            ("iat", json!(NOW + 6), TokenError::NotYetValid),
            ("nbf", json!(NOW + 6), TokenError::NotYetValid),
            ("sub", json!(""), TokenError::Malformed),
            ("sub", json!("x".repeat(256)), TokenError::Malformed),
            ("sub", json!(42), TokenError::Malformed),
            ("sub", Value::Null, TokenError::Malformed),
        ] {
            assert_eq!(changed(field, value.clone()), Err(error), "{field} {value}");
        }
        for garbage in ["", "[]", "null", "{\"iss\":1}", "{\"iss\":\"a\",\"iss\":\"b\"}"] {
            assert_eq!(read(garbage.as_bytes(), &issuer(), Timestamp::from_secs(NOW)), Err(TokenError::Malformed));
        }
    }

    #[test]
    fn a_token_for_something_else_is_no_subject_token() {
        for (_, name) in SubjectKind::ALL {
            let kind = SubjectKind::from_name(name).unwrap();
            assert!(kind.admits(None) && kind.admits(Some("jwt")));
            assert_eq!(kind.admits(Some("at+jwt")), kind != SubjectKind::IdToken);
            for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "", "jwe"] {
                assert!(!kind.admits(Some(typ)), "{name} {typ}");
            }
        }
        assert_eq!(SubjectKind::from_name("urn:ietf:params:oauth:token-type:saml2"), None);
    }
}
