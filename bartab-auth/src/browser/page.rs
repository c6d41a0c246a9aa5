//! The pages: plain HTML that needs no script, escaped by the template engine, and the headers that keep them safe.

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER};
use http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderValue, StatusCode};

use crate::error::AuthError;

/// The one stylesheet. The policy names its hash, so that no other style is applied.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// A link to somewhere else.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) href: String,
}

/// Username and password.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    pub(crate) site: &'a str,
    pub(crate) action: &'a str,
    pub(crate) token: &'a str,
    pub(crate) alert: Option<&'a str>,
    /// The client that sent the person here.
    pub(crate) client: Option<&'a str>,
    pub(crate) username: &'a str,
    /// Other providers that people may sign in with.
    pub(crate) providers: &'a [Link],
}

/// The code of the second factor.
#[derive(Template)]
#[template(path = "second_factor.html")]
pub(crate) struct SecondFactorPage<'a> {
    pub(crate) site: &'a str,
    pub(crate) action: &'a str,
    pub(crate) token: &'a str,
    pub(crate) alert: Option<&'a str>,
    /// The sign-in that waits for the code.
    pub(crate) ticket: &'a str,
}

/// Whether a client or a device may have what it asks for.
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage<'a> {
    pub(crate) site: &'a str,
    pub(crate) action: &'a str,
    pub(crate) token: &'a str,
    pub(crate) alert: Option<&'a str>,
    pub(crate) client: &'a str,
    pub(crate) display_name: &'a str,
    pub(crate) username: &'a str,
    /// Where to sign in as somebody else.
    pub(crate) other: &'a str,
    /// What the device must show.
    pub(crate) user_code: Option<&'a str>,
    /// What it would be able to do.
    pub(crate) can: &'a [&'static str],
    /// Where the person goes afterwards.
    pub(crate) place: Option<&'a str>,
}

/// The code that a device shows.
#[derive(Template)]
#[template(path = "device.html")]
pub(crate) struct DevicePage<'a> {
    pub(crate) site: &'a str,
    pub(crate) action: &'a str,
    pub(crate) token: &'a str,
    pub(crate) alert: Option<&'a str>,
    pub(crate) user_code: &'a str,
}

/// A new password, for somebody who comes by a one-time link.
#[derive(Template)]
#[template(path = "new_password.html")]
pub(crate) struct NewPasswordPage<'a> {
    pub(crate) site: &'a str,
    pub(crate) action: &'a str,
    pub(crate) token: &'a str,
    pub(crate) alert: Option<&'a str>,
    pub(crate) heading: &'a str,
    pub(crate) about: &'a str,
    pub(crate) username: &'a str,
    /// The name that others see, when it and the username are to be chosen too.
    pub(crate) display_name: Option<&'a str>,
}

/// Whether to sign out of this browser.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub(crate) struct SignOutPage<'a> {
    pub(crate) site: &'a str,
    pub(crate) token: &'a str,
    pub(crate) alert: Option<&'a str>,
    pub(crate) display_name: &'a str,
    pub(crate) username: &'a str,
}

/// Something to read.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) site: &'a str,
    pub(crate) heading: &'a str,
    pub(crate) text: &'a str,
    pub(crate) is_error: bool,
    pub(crate) link: Option<Link>,
}

/// How people know the tenant: its base URL without what is the same everywhere.
pub(crate) fn site(issuer: &str) -> &str {
    issuer.split_once("://").map_or(issuer, |(_, site)| site)
}

/// An answer that is a page; its forms may go to `'self'` and to `form_sources`.
pub(crate) fn html(status: StatusCode, page: &impl Template, form_sources: &str) -> Response {
    let Ok(text) = page.render() else {
        tracing::error!("a page cannot be written");
        return secured(StatusCode::INTERNAL_SERVER_ERROR.into_response(), "");
    };
    let response = (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], Bytes::from(text)).into_response();
    secured(response, form_sources)
}

/// An answer that sends the browser on. 303: with `GET`, whatever it came with, so that no form and no password is sent
/// there again (RFC 9700 section 4.12).
pub(crate) fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        tracing::error!("a redirect has characters that no header has");
        return secured(StatusCode::INTERNAL_SERVER_ERROR.into_response(), "");
    };
    secured((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(), "")
}

fn secured(mut response: Response, form_sources: &str) -> Response {
    static STYLE_HASH: LazyLock<String> =
        LazyLock::new(|| STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes())));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        *STYLE_HASH, form_sources,
    );
    let policy = HeaderValue::try_from(policy.trim_end());
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static("default-src 'none'")));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Nothing to anybody else, as `no-referrer`; but that would also make the `Origin` of our own forms `null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a person is told when something failed, and the status that goes with it.
pub(crate) fn told(error: &AuthError) -> (StatusCode, String) {
    let problem = error.to_problem();
    let status = match StatusCode::from_u16(problem.status) {
        // The service knows an answer of the router's own by this one.
        Ok(StatusCode::NOT_FOUND) => StatusCode::BAD_REQUEST,
        status => status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let text = match error {
        // No header asks the browser for credentials, so this is no 401.
        AuthError::BadCredentials => return (StatusCode::FORBIDDEN, "Username or password is wrong.".to_owned()),
        AuthError::LinkInvalid => {
            let text = "This link is good no more: it was used, its time is over, or a newer one took its place.";
            return (StatusCode::GONE, text.to_owned());
        }
        AuthError::Suspended => "This account may not be used for now.".to_owned(),
        AuthError::SlowDown(slow_down) => {
            format!("Too many attempts have failed. Try again in {}.", span(slow_down.retry_after))
        }
        AuthError::Invalid(fields) => sentence(fields.first().map_or("something is not right", |field| &field.detail)),
        #[cfg(feature = "openid-providers")]
        AuthError::Provider(error) => sentence(&error.to_string()),
        AuthError::Busy => "There is much to do just now. Try again in a moment.".to_owned(),
        _ if status.is_server_error() => "Something went wrong here. Try again in a moment.".to_owned(),
        _ => sentence(problem.detail.as_deref().unwrap_or(problem.title)),
    };
    (status, text)
}

/// A page for what failed.
pub(crate) fn failure(issuer: &str, error: &AuthError) -> Response {
    error.log();
    let (status, text) = told(error);
    let page =
        MessagePage { site: site(issuer), heading: "That did not work", text: &text, is_error: true, link: None };
    with_retry(html(status, &page, ""), error)
}

/// The answer with when to try again and what is left, if that is known.
pub(crate) fn with_retry(mut response: Response, error: &AuthError) -> Response {
    let headers = response.headers_mut();
    if let Some(seconds) = error.to_problem().retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let AuthError::SlowDown(slow_down) = error {
        let told = slow_down.headers().into_iter().filter_map(|(name, value)| Some((name, value.parse().ok()?)));
        headers.extend(told);
    }
    response
}

fn span(seconds: u64) -> String {
    match seconds {
        0 | 1 => "a second".to_owned(),
        2..120 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// The text as a sentence: a capital letter first, a full stop last.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    format!("{}{}.", first.into_iter().flatten().collect::<String>(), letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_clients_call_themselves_is_text() {
        let hostile = "<script>alert('1')</script> \"x\" & </style>";
        let page = ConsentPage {
            site: hostile,
            action: hostile,
            token: hostile,
            alert: Some(hostile),
            client: hostile,
            display_name: hostile,
            username: hostile,
            other: hostile,
            user_code: Some(hostile),
            can: &[],
            place: Some(hostile),
        };
        let text = page.render().unwrap();
        assert!(!text.contains("<script") && !text.contains("\"x\""), "{text}");
        assert_eq!(text.matches("</style>").count(), 1);
        assert_eq!(text.matches("&#60;script&#62;").count(), 11, "{text}");
    }

    #[test]
    fn what_is_told_reads_as_a_sentence() {
        assert_eq!(sentence("a name has no control characters"), "A name has no control characters.");
        assert_eq!((sentence(""), sentence("x.")), (".".to_owned(), "X.".to_owned()));
        assert_eq!([1, 2, 119, 120, 121].map(span), ["a second", "2 seconds", "119 seconds", "2 minutes", "3 minutes"]);
    }
}
