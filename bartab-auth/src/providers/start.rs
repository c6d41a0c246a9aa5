//! Sending somebody to a provider.

use std::time::Duration;

use bartab_core::store::TicketPurpose;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope};
use serde::{Deserialize, Serialize};

use super::exchange::client;
use super::link::Linking;
use crate::auth::Auth;
use crate::browser::page::Link;
use crate::error::AuthError;

/// A sign-in at a provider has to end within this time.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// No way back is longer.
pub(super) const MAX_RETURN_TO: usize = 8 * 1024;

/// A sign-in that is to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure<'a> {
    /// The provider.
    pub(crate) id: &'a str,
    /// Where the person goes afterwards: a path of ours.
    pub(crate) return_to: Option<&'a str>,
    /// Whoever is to be this person at the provider from then on.
    pub(crate) link: Option<Linking>,
    /// The person must show there who they are, whatever the provider remembers.
    pub(crate) anew: bool,
    /// What says that the end comes from the same browser.
    pub(crate) browser: &'a str,
}

/// What is remembered of a sign-in until the provider sends the person back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) provider: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) return_to: Option<String>,
    pub(super) link: Option<Linking>,
    pub(super) browser: String,
}

impl Auth {
    /// Begins a sign-in, and gives the URL that the person has to be sent to.
    ///
    /// # Errors
    /// [`AuthError::Provider`].
    pub(crate) async fn depart(&self, departure: Departure<'_>) -> Result<String, AuthError> {
        let inner = &*self.0;
        let provider = inner.providers.find(departure.id)?;
        let known = {
            let _place = provider.begin()?;
            provider.known(inner.clock.now()).await?
        };
        let (nonce, verifier) = (self.random_text::<32>(), self.random_text::<32>());
        let begun = Begun {
            provider: departure.id.to_owned(),
            nonce: nonce.clone(),
            verifier: verifier.clone(),
            return_to: departure.return_to.map(str::to_owned),
            link: departure.link,
            browser: departure.browser.to_owned(),
        };
        let user = departure.link.map(|link| link.user);
        let state = self.issue_ticket(TicketPurpose::ProviderState, user, &begun, LIFE).await?;
        let client = client(provider, &known, self.provider_redirect_uri(departure.id))?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .set_pkce_challenge(challenge)
            .add_scopes(provider.config().scopes.iter().cloned().map(Scope::new));
        if departure.anew {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        let (url, ..) = request.url();
        Ok(url.into())
    }

    pub(super) fn provider_redirect_uri(&self, id: &str) -> String {
        format!("{}/v1/auth/providers/{id}/callback", self.issuer())
    }
}

/// Whether somebody may be sent to this place after a sign-in: a path below the tenant's own base URL, which is put in
/// front of it, so that it cannot name another host.
pub(crate) fn is_own_path(path: &str) -> bool {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}#".contains(&byte));
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    // Neither a way out of the tenant's prefix, nor what some browser might take for one.
    let up = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    plain && path.len() <= MAX_RETURN_TO && path.starts_with('/') && !path.starts_with("//") && !path.split('/').any(up)
}

/// The link by which a person on their way to `action`, a URL as our own pages write it, signs in with a provider.
pub(crate) fn link_of(id: &str, name: &str, action: &str) -> Link {
    let (page, query) = action.split_once('?').unwrap_or((action, ""));
    let mut anew = false;
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        // What asks for a fresh sign-in is done by then: asked again, it would never end.
        match &*key {
            "max_age" => anew = true,
            "prompt" => {
                let others = value.split(' ').filter(|name| !matches!(*name, "login" | "select_account"));
                let others: Vec<&str> = others.collect();
                anew |= others.len() < value.split(' ').count();
                if !others.is_empty() {
                    kept.append_pair(&key, &others.join(" "));
                }
            }
            _ => {
                kept.append_pair(&key, &value);
            }
        }
    }
    let kept = kept.finish();
    let between = if kept.is_empty() { "" } else { "?" };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", &format!("/v1/oauth2/{page}{between}{kept}"));
    if anew {
        query.append_pair("prompt", "login");
    }
    // Our pages are at `/v1/oauth2/…`, below whatever prefix the browser knows.
    Link { name: name.to_owned(), href: format!("../auth/providers/{id}/start?{}", query.finish()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_is_a_path_of_ours() {
        for good in [
            "/",
            "/app",
            "/v1/oauth2/authorize?client_id=a&redirect_uri=https%3A%2F%2Fapp.example%2F..%2F&scope=a+b",
            "/v1/oauth2/device?user_code=A-B&x=//y/../z",
            "/a..b/.c",
        ] {
            assert!(is_own_path(good), "{good}");
        }
        for bad in [
            "",
            "app",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/..",
            "/../other",
            "/a/../../other",
            "/%2e%2e/other",
            "/a/.%2E/b",
            "/./x",
            "/a b",
            "/a\r\nLocation: x",
            "/a\t",
            "/\u{e9}",
            "/a#b",
            "javascript:alert(1)",
            ".evil.example",
            "@evil.example",
            &format!("/{}", "a".repeat(MAX_RETURN_TO)),
        ] {
            assert!(!is_own_path(bad), "{bad}");
        }
    }

    #[test]
    fn a_link_goes_on_where_the_person_was_and_asks_for_a_sign_in_once() {
        let href = |action: &str| link_of("corp", "Work", action).href;
        let start = "../auth/providers/corp/start?return_to=%2Fv1%2Foauth2%2F";
        assert_eq!(href("device"), format!("{start}device"));
        assert_eq!(
            href("authorize?client_id=a&state=%26"),
            format!("{start}authorize%3Fclient_id%3Da%26state%3D%2526")
        );
        for (asked, kept) in [
            ("prompt=login", "authorize"),
            ("prompt=login+consent", "authorize%3Fprompt%3Dconsent"),
            ("prompt=select_account", "authorize"),
            ("max_age=0", "authorize"),
        ] {
            assert_eq!(href(&format!("authorize?{asked}")), format!("{start}{kept}&prompt=login"), "{asked}");
        }
        assert_eq!(href("authorize?prompt=consent"), format!("{start}authorize%3Fprompt%3Dconsent"));
    }
}
