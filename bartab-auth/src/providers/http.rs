//! Asking a provider, with bounds: no redirects, not for long, not too much.

use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;

use bartab_core::store::BoxError;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::Url;
use reqwest::redirect::Policy;

/// What providers answer has a few kilobytes; nobody gets us to read more than this.
const MAX_ANSWER: usize = 256 * 1024;

/// Asks one provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Http {
    timeout: Duration,
    /// Whether the provider is on this very machine, so that nobody listens in.
    plain: bool,
}

/// Why there is no answer; for the log.
#[derive(Debug, thiserror::Error)]
#[error("the provider does not answer as it should")]
pub(super) struct HttpError(#[source] BoxError);

impl Http {
    pub(super) fn new(issuer: &str, timeout: Duration) -> Self {
        Self { timeout, plain: is_plain(issuer) }
    }

    /// Whether the provider may name this URL for itself.
    pub(super) fn allows(&self, url: &str) -> bool {
        is_allowed(url, self.plain)
    }

    async fn ask(self, request: HttpRequest) -> Result<HttpResponse, BoxError> {
        // Made once and shared by all tenants: it holds the roots of trust and the open connections.
        static CLIENT: LazyLock<Result<reqwest::Client, reqwest::Error>> = LazyLock::new(|| {
            let client = reqwest::Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(3));
            client.pool_max_idle_per_host(2).build()
        });
        if !self.allows(&request.uri().to_string()) {
            return Err("the URL is neither https nor of this very machine".into());
        }
        let client = CLIENT.as_ref().map_err(ToString::to_string)?;
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(self.timeout);
        let mut answer = client.execute(request).await?;
        let mut head = http::Response::builder().status(answer.status());
        if let Some(headers) = head.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err("the answer is too large".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(head.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.ask(request).await.map_err(HttpError) })
    }
}

/// Whether a provider may be asked at this URL: with TLS, or without where nobody listens in.
pub(super) fn is_allowed(url: &str, plain: bool) -> bool {
    Url::parse(url).is_ok_and(|parsed| {
        let named = parsed.username().is_empty() && parsed.password().is_none() && parsed.has_host();
        named && (parsed.scheme() == "https" || (plain && is_plain(url)))
    })
}

/// Whether it is an `http` URL of this very machine.
fn is_plain(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    url.scheme() == "http" && (host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_asked_by_tls_or_at_home() {
        for url in ["https://login.example/realm", "https://login.example:8443"] {
            assert!(is_allowed(url, false) && is_allowed(url, true), "{url}");
        }
        for url in ["http://127.0.0.1:1/t/a", "http://localhost", "http://[::1]:9/x", "http://127.9.9.9"] {
            assert!(is_allowed(url, true) && !is_allowed(url, false), "{url}");
        }
        for url in [
            "http://login.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://169.254.169.254/latest",
            "http://10.0.0.1",
            "https://user:secret@login.example",
            "https://",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "login.example",
            "",
        ] {
            assert!(!is_allowed(url, true), "{url}");
        }
    }
}
