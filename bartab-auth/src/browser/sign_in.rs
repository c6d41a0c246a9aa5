//! Signing in on a page, on the way to something else.

use axum::response::Response;
use http::StatusCode;

use crate::browser::page::{self, Link, SignInPage};
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::parameters::Parameters;

/// What a form is told that was open for too long, or that is none of ours.
pub(crate) const STALE: &str = "This page was open for too long, or your browser keeps no cookies. Try again.";
const MAX_USERNAME: usize = 64;

/// What somebody is on their way to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand<'a> {
    /// The URL that it goes on at, and that forms are sent to.
    pub(crate) action: &'a str,
    /// The client that has sent them.
    pub(crate) client: Option<&'a str>,
    /// Who is expected.
    pub(crate) hint: Option<&'a str>,
    /// Where a form may end, beside here.
    pub(crate) form_sources: &'a str,
}

impl Visit {
    /// Asks for username and password.
    pub(crate) fn ask_to_sign_in(&self, errand: &Errand<'_>) -> Response {
        self.sign_in_page(errand, errand.hint.unwrap_or_default(), None, StatusCode::OK)
    }

    /// Signs in whoever has filled in the form; otherwise gives the page that comes next.
    pub(crate) async fn sign_in(&mut self, errand: &Errand<'_>, form: &Parameters) -> Result<(), Response> {
        match form.get("step") {
            Some("code") => self.check_code(errand, form).await,
            _ => self.check_form(errand, form).await,
        }
    }

    async fn check_form(&mut self, errand: &Errand<'_>, form: &Parameters) -> Result<(), Response> {
        let username: String = form.get("username").unwrap_or_default().trim().chars().take(MAX_USERNAME).collect();
        if !self.accepts(form, &["sign_in", errand.action]) {
            return Err(self.sign_in_page(errand, &username, Some(STALE), StatusCode::FORBIDDEN));
        }
        let password = form.get("password").unwrap_or_default();
        match self.auth.check_password(&username, password, None, self.address).await {
            Ok(signed_in) => {
                self.enter(signed_in.account, signed_in.methods).await.map_err(|error| self.failed(&error))
            }
            Err(AuthError::OtpRequired) => {
                Err(self.ask_for_code(errand, &username).await.unwrap_or_else(|error| self.failed(&error)))
            }
            Err(error) => {
                error.log();
                let (status, alert) = page::told(&error);
                Err(page::with_retry(self.sign_in_page(errand, &username, Some(&alert), status), &error))
            }
        }
    }

    pub(crate) fn sign_in_page(
        &self,
        errand: &Errand<'_>,
        username: &str,
        alert: Option<&str>,
        status: StatusCode,
    ) -> Response {
        let page = SignInPage {
            site: self.site(),
            action: errand.action,
            token: &self.token(&["sign_in", errand.action]),
            alert,
            client: errand.client,
            username,
            providers: &self.providers(errand.action),
        };
        page::html(status, &page, errand.form_sources)
    }

    /// The links to other providers that lead on to `action`.
    #[cfg(feature = "openid-providers")]
    fn providers(&self, action: &str) -> Vec<Link> {
        let providers = self.auth.0.providers.configs();
        providers.map(|provider| crate::providers::link_of(&provider.id, &provider.name, action)).collect()
    }

    #[cfg(not(feature = "openid-providers"))]
    fn providers(&self, _: &str) -> [Link; 0] {
        []
    }

    /// A page for what failed.
    pub(crate) fn failed(&self, error: &AuthError) -> Response {
        page::failure(self.auth.issuer(), error)
    }
}
