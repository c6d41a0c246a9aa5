//! Asking a provider, with bounds: no redirects, not for long, not too much.

use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;

use bartab_core::store::BoxError;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

use crate::plain_http::PlainHttp;

/// What providers answer has a few kilobytes; nobody gets us to read more than this.
const MAX_ANSWER: usize = 256 * 1024;

/// Asks one provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Http {
    timeout: Duration,
    /// Where it may be asked without TLS: here, when it is here itself.
    plain: PlainHttp,
}

/// Why there is no answer; for the log.
#[derive(Debug, thiserror::Error)]
#[error("the provider does not answer as it should")]
pub(super) struct HttpError(#[source] BoxError);

impl Http {
    pub(super) fn new(issuer: &str, timeout: Duration) -> Self {
        let plain = if PlainHttp::Nowhere.allows(issuer) { PlainHttp::Nowhere } else { PlainHttp::Here };
        Self { timeout, plain }
    }

    /// Whether the provider may name this URL for itself.
    pub(super) fn allows(&self, url: &str) -> bool {
        self.plain.allows(url)
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
