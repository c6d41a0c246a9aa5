//! Tokens: our own access tokens as others bend them, and a host's to be exchanged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt as _;

use crate::identity::{HOST, Identity, POSSIBLE};

/// A text is an access token only if it is one that the tenant has made; whatever a trusted host signs, its token becomes
/// tokens or is refused, and never an error of ours.
///
/// The input is lines. One alone is a token, in which `{header}`, `{claims}` and `{signature}` stand for those of a good
/// one; two are the JSON of a header and of claims, behind which the good one's signature is put, and which the host signs.
pub fn tokens(data: &[u8]) {
    Identity::run(async |identity| {
        let mut lines = data.splitn(2, |byte| *byte == b'\n');
        let (first, second) = (lines.next().unwrap_or_default(), lines.next());
        let Some(second) = second else {
            let token = identity.fill(first);
            let verified = identity.service.auth().verifier().verify(&token);
            assert_eq!(verified.is_ok(), token == identity.access, "{token}");
            return;
        };
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(first), URL_SAFE_NO_PAD.encode(second));
        let signature = identity.access.rsplit('.').next().unwrap_or_default();
        let bent = format!("{message}.{signature}");
        let verified = identity.service.auth().verifier().verify(&bent);
        assert_eq!(verified.is_ok(), bent == identity.access, "{bent}");
        let signature = identity.host.sign(message.as_bytes());
        exchange(identity, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).await;
    });
}

async fn exchange(identity: &Identity, token: &str) {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
        .append_pair("subject_token", token)
        .finish();
    let request = Request::post("/v1/oauth2/token").header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Full::new(Bytes::from(form))).expect("a request is made of good parts");
    let Ok(response) = identity.service.clone().oneshot(request).await;
    let status = response.status().as_u16();
    assert!(POSSIBLE.contains(&status), "{status}");
    if status == 200 {
        // Only a token that says so becomes one.
        let claims = token.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok()).unwrap_or_default();
        let claims: serde_json::Value = serde_json::from_slice(&claims).expect("claims are JSON");
        assert_eq!(claims["iss"], HOST);
    }
}
