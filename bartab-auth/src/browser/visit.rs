//! One request of a browser: who is signed in there, and whether a form is one that we showed.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use bartab_core::Timestamp;
use bartab_core::store::Account;
use http::header::{HOST, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::auth::Auth;
use crate::browser::cookie::Names;
use crate::browser::form_token::FormKey;
use crate::browser::page;
use crate::browser::session::BrowserSession;
use crate::error::AuthError;
use crate::extract::{Address, Tenant};
use crate::parameters::Parameters;

/// A request of a browser.
pub(crate) struct Visit {
    pub(crate) auth: Auth,
    /// Where it comes from, when that is known.
    pub(crate) address: Option<IpAddr>,
    /// Who is signed in.
    pub(crate) present: Option<BrowserSession>,
    /// They signed in with this very request.
    pub(crate) fresh: bool,
    /// No other site made the browser send it.
    from_here: bool,
    names: Names,
    key: FormKey,
    /// Cookies to be set.
    cookies: Vec<HeaderValue>,
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Tenant(auth) = Tenant::from_request_parts(parts, state).await.map_err(|failure| failure.into_response())?;
        let Ok(Address(address)) = Address::from_request_parts(parts, state).await;
        Self::of(auth.clone(), address, &parts.headers, &parts.uri)
            .await
            .map_err(|error| page::failure(auth.issuer(), &error))
    }
}

impl Visit {
    pub(crate) async fn of(
        auth: Auth,
        address: Option<IpAddr>,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<Self, AuthError> {
        let names = Names::of(auth.issuer());
        let present = match names.session(headers) {
            Some(cookie) => auth.browser_session(&cookie).await?,
            None => None,
        };
        let mut cookies = Vec::new();
        let key = names.form(headers).unwrap_or_else(|| {
            let mut secret = [0; 32];
            auth.0.random.fill(&mut secret);
            cookies.extend(names.set_form(&secret));
            secret
        });
        let from_here = is_from_here(headers, uri, auth.issuer());
        Ok(Self { auth, address, present, fresh: false, from_here, names, key: FormKey::new(&key), cookies })
    }

    /// How people know the tenant.
    pub(crate) fn site(&self) -> &str {
        page::site(self.auth.issuer())
    }

    /// The URL of a path of ours. The tenant's own base URL stands before it, so it leads nowhere else.
    #[cfg(feature = "openid-providers")]
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.auth.issuer())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.auth.0.clock.now()
    }

    /// The token for a form that is shown now; `about` is all that must be the same when it comes back, its purpose
    /// first.
    pub(crate) fn token(&self, about: &[&str]) -> String {
        self.key.token(about, self.now())
    }

    /// Whether `form` was shown to this browser with this `about`, and is sent from our own page.
    pub(crate) fn accepts(&self, form: &Parameters, about: &[&str]) -> bool {
        let token = form.get("form").unwrap_or_default();
        self.from_here && self.key.accepts(token, about, self.now())
    }

    /// Whether we have made `token` for this browser with this `about`. It may have come by a link of any site.
    #[cfg(feature = "openid-providers")]
    pub(crate) fn has_made(&self, token: &str, about: &[&str]) -> bool {
        self.key.accepts(token, about, self.now())
    }

    /// Signs somebody in here; whoever was before is not any more.
    pub(crate) async fn enter(&mut self, account: Account, methods: &str) -> Result<(), AuthError> {
        let (present, cookie) = self.auth.open_browser_session(account, methods).await?;
        self.leave().await?;
        self.cookies.extend(self.names.set_session(&cookie));
        self.present = Some(present);
        self.fresh = true;
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), AuthError> {
        if let Some(BrowserSession { session, .. }) = self.present.take() {
            self.auth.end(session.user_id, session.session_id).await?;
        }
        Ok(())
    }

    /// Signs out whoever is signed in here, and makes the browser forget them.
    pub(crate) async fn sign_out(&mut self) -> Result<(), AuthError> {
        self.leave().await?;
        self.cookies.extend(self.names.clear_session());
        Ok(())
    }

    /// The answer, with the cookies that belong to it.
    pub(crate) fn answer(self, answer: Result<Response, AuthError>) -> Response {
        let mut response = answer.unwrap_or_else(|error| page::failure(self.auth.issuer(), &error));
        for cookie in self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// Whether the browser says that the request comes from our own page; one that says nothing may be an old browser, and
/// the form's token must do.
fn is_from_here(headers: &HeaderMap, uri: &Uri, issuer: &str) -> bool {
    let sec_fetch_site = HeaderName::from_static("sec-fetch-site");
    if let Some(site) = headers.get(sec_fetch_site) {
        // `none`: the person, by reloading the page that a form has led to.
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    // The second is for a host name that is another name of the same tenant; the browser, not the page, writes `Host`.
    let host = uri.authority().map(|host| host.as_str()).or_else(|| headers.get(HOST)?.to_str().ok());
    let here = |host: &str| origin == format!("https://{host}") || origin == format!("http://{host}");
    origin == page_origin(issuer) || host.is_some_and(here)
}

/// Scheme, host and port of a base URL.
fn page_origin(issuer: &str) -> &str {
    let start = issuer.find("://").map_or(0, |colon| colon + 3);
    let end = issuer.get(start..).and_then(|rest| rest.find('/')).map_or(issuer.len(), |slash| start + slash);
    issuer.get(..end).unwrap_or(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_here(headers: &[(&'static str, &str)], issuer: &str) -> bool {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        is_from_here(&headers.collect(), &Uri::from_static("/v1/oauth2/authorize"), issuer)
    }

    #[test]
    fn the_browser_says_where_a_form_was_sent_from() {
        let issuer = "https://chat.example:8443/t/one";
        for good in [
            &[][..],
            &[("origin", "https://chat.example:8443")],
            &[("origin", "https://other.example"), ("host", "other.example")],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        ] {
            assert!(from_here(good, issuer), "{good:?}");
        }
        for bad in [
            &[("origin", "null")][..],
            &[("origin", "")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://chat.example")],
            &[("origin", "http://chat.example:8443")],
            &[("origin", "https://chat.example:8443/t/one")],
            &[("origin", "https://chat.example:8443"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example"), ("host", "chat.example:8443")],
        ] {
            assert!(!from_here(bad, issuer), "{bad:?}");
        }
        assert_eq!(page_origin("http://localhost:1"), "http://localhost:1");
    }
}
