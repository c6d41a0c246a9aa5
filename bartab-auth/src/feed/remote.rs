//! The account feed of another process, read over HTTP.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bartab_core::store::{AccountEntry, AccountFeed, BoxError, StoreError};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use reqwest::RequestBuilder;
use reqwest::redirect::Policy;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::wire::EntryView;
use crate::plain_http::PlainHttp;

/// So many entries are asked for at a time, whatever the caller would take.
const PAGE: usize = 200;
/// An entry has less than a kilobyte, unless its invite names a great many rooms.
const MAX_PAGE: usize = 4 * 1024 * 1024;
/// A token answer has about a kilobyte.
const MAX_TOKEN: usize = 64 * 1024;
/// How long an answer may take that is not waited for on purpose.
const PATIENCE: Duration = Duration::from_secs(10);
/// A token is exchanged for a new one so long before it runs out, or when half its time is over if that is later.
const MARGIN: Duration = Duration::from_secs(30);

/// Where the accounts are kept, and as which service they are followed.
#[derive(Clone)]
pub struct RemoteFeedConfig {
    /// The base URL of the tenant at the auth service, without a trailing slash: an `https` URL, or `http` on this very
    /// machine.
    pub issuer: String,
    /// A client of the kind `service` that has the scope `admin`.
    pub client_id: String,
    /// Its secret; `Debug` does not show it.
    pub client_secret: Zeroizing<String>,
    /// Takes `http` to other machines, too: for a private network that nobody listens in on. Not at first.
    pub plain_http: bool,
}

impl RemoteFeedConfig {
    /// The accounts at `issuer`, followed as this client.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: Zeroizing::new(client_secret.into()),
            plain_http: false,
        }
    }
}

impl fmt::Debug for RemoteFeedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFeedConfig")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why a feed cannot be followed at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteFeedError {
    /// Secrets would be sent where others can read them, or nowhere.
    #[error("the issuer must be an https URL, or an http URL of this very machine, without credentials in it")]
    Issuer,
    /// The TLS of this machine cannot be used.
    #[error("no client for HTTP can be made")]
    Client(#[source] BoxError),
}

/// The accounts that another process keeps, for whoever follows them here: chat and media in a process of their own.
///
/// It signs in as a service by `client_credentials`, and again before the token runs out or when it is refused. It never
/// tries twice for anything else: whoever follows the feed asks again. An answer whose entries do not follow one another
/// just above the position is refused whole, so nothing is ever passed over. Clones share everything.
///
/// Errors are [`StoreError::Unavailable`] when the server cannot be reached, does not answer in 10 seconds, or says that
/// it cannot answer now; [`StoreError::Backend`] when it refuses the client or answers what it should not.
#[derive(Clone)]
pub struct RemoteAccountFeed(Arc<Remote>);

struct Remote {
    config: RemoteFeedConfig,
    http: reqwest::Client,
    token: Mutex<Option<Token>>,
    /// The highest number that was given to whoever follows.
    given: AtomicU64,
}

#[derive(Clone)]
struct Token {
    text: Arc<Zeroizing<String>>,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenDocument {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<EntryView>,
}

/// What an answer came to.
enum Answer {
    Entries(Vec<AccountEntry>),
    /// The token is not taken (any more).
    Refused,
}

impl RemoteAccountFeed {
    /// The feed that `config` names; nobody is asked before it is read.
    ///
    /// # Errors
    /// When the issuer may not be asked, or no client can be made.
    pub fn new(config: RemoteFeedConfig) -> Result<Self, RemoteFeedError> {
        if !may_be_asked(&config.issuer, config.plain_http) {
            return Err(RemoteFeedError::Issuer);
        }
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .build()
            .map_err(|error| RemoteFeedError::Client(error.into()))?;
        Ok(Self(Arc::new(Remote { config, http, token: Mutex::new(None), given: AtomicU64::new(0) })))
    }

    /// The highest number that [`AccountFeed::after`] has given, or was asked to go on from.
    pub(super) fn given(&self) -> u64 {
        self.0.given.load(Ordering::Relaxed)
    }

    /// The entries above `position`; when there are none, the first that come within `wait`.
    pub(super) async fn read(
        &self,
        position: u64,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let limit = limit.min(PAGE);
        if limit == 0 {
            return Ok(Vec::new());
        }
        // Twice, for a token can be taken back before it runs out.
        for attempt in 0..2 {
            let token = self.token(attempt > 0).await?;
            if let Answer::Entries(entries) = self.ask(&token, position, limit, wait).await? {
                return Ok(entries);
            }
        }
        Err(StoreError::backend("the issuer refuses the token that it has just given"))
    }

    /// The token that is good now, or a new one.
    async fn token(&self, anew: bool) -> Result<Arc<Zeroizing<String>>, StoreError> {
        let Remote { config, http, token, .. } = &*self.0;
        // Held meanwhile, so that those who need the same token wait for one.
        let mut token = token.lock().await;
        if let Some(token) = token.as_ref().filter(|token| !anew && Instant::now() < token.renew_at) {
            return Ok(Arc::clone(&token.text));
        }
        let request = http
            .post(format!("{}/v1/oauth2/token", config.issuer))
            .basic_auth(&config.client_id, Some(config.client_secret.as_str()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials&scope=admin");
        let (status, body) = send(request, PATIENCE, MAX_TOKEN).await?;
        if status != StatusCode::OK {
            return Err(refusal("the token endpoint", status));
        }
        let document: TokenDocument =
            serde_json::from_slice(&Zeroizing::new(body)).map_err(|_| malformed("the token answer is none"))?;
        let life = Duration::from_secs(document.expires_in);
        let new = Token {
            text: Arc::new(Zeroizing::new(document.access_token)),
            renew_at: Instant::now() + life.saturating_sub(MARGIN).max(life / 2).min(Duration::from_hours(24)),
        };
        Ok(Arc::clone(&token.insert(new).text))
    }

    async fn ask(&self, token: &str, position: u64, limit: usize, wait: Duration) -> Result<Answer, StoreError> {
        let Remote { config, http, .. } = &*self.0;
        let timeout = wait.as_millis();
        let url = format!("{}/v1/accounts/feed?after={position}&limit={limit}&timeout={timeout}", config.issuer);
        let request = http.get(url).bearer_auth(token).header(ACCEPT, "application/json");
        let (status, body) = send(request, wait + PATIENCE, MAX_PAGE).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Ok(Answer::Refused),
            status => return Err(refusal("the account feed", status)),
        }
        let page: Page = serde_json::from_slice(&body).map_err(StoreError::backend)?;
        if page.items.len() > limit {
            return Err(malformed("there are more entries than were asked for"));
        }
        let entries = page.items.into_iter().map(AccountEntry::try_from);
        let entries: Vec<AccountEntry> = entries.collect::<Result<_, _>>().map_err(StoreError::Backend)?;
        let numbers = position.saturating_add(1)..;
        if !entries.iter().map(|entry| entry.number).eq(numbers.take(entries.len())) {
            return Err(malformed("the entries do not follow one another"));
        }
        Ok(Answer::Entries(entries))
    }
}

#[async_trait]
impl AccountFeed for RemoteAccountFeed {
    async fn after(&self, position: u64, limit: usize) -> Result<Vec<AccountEntry>, StoreError> {
        let entries = self.read(position, limit, Duration::ZERO).await?;
        let last = entries.last().map_or(position, |entry| entry.number);
        self.0.given.fetch_max(last, Ordering::Relaxed);
        Ok(entries)
    }
}

/// The status and the body, if there are no more bytes than `most`.
async fn send(request: RequestBuilder, patience: Duration, most: usize) -> Result<(StatusCode, Vec<u8>), StoreError> {
    // Its text can hold a URL, never a secret: those travel in headers.
    let unreachable = |error: reqwest::Error| StoreError::Unavailable(Some(error.into()));
    let mut answer = request.timeout(patience).send().await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > most {
            return Err(malformed("the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status(), body))
}

fn malformed(what: &'static str) -> StoreError {
    StoreError::backend(what)
}

/// Another answer than was hoped for: a server that is busy may give a better one later.
fn refusal(whose: &str, status: StatusCode) -> StoreError {
    let error: BoxError = format!("{whose} answered {status}").into();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        StoreError::Unavailable(Some(error))
    } else {
        StoreError::Backend(error)
    }
}

/// Whether secrets may be sent there.
fn may_be_asked(issuer: &str, plain_http: bool) -> bool {
    let plain = if plain_http { PlainHttp::Anywhere } else { PlainHttp::Here };
    plain.allows(issuer) && !issuer.contains(['?', '#']) && !issuer.ends_with('/')
}

impl fmt::Debug for RemoteAccountFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteAccountFeed").field("config", &self.0.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_sent_by_tls_or_at_home() {
        for url in ["https://chat.example", "https://chat.example/t/acme", "http://127.0.0.1:1/t/a", "http://[::1]:9"] {
            assert!(may_be_asked(url, false), "{url}");
        }
        for url in ["http://auth.internal:8080", "http://10.0.0.1"] {
            assert!(!may_be_asked(url, false) && may_be_asked(url, true), "{url}");
        }
        for url in [
            "",
            "chat.example",
            "ftp://chat.example",
            "https://a:b@chat.example",
            "https://chat.example/?a",
            "https://chat.example/",
        ] {
            assert!(!may_be_asked(url, true), "{url}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let config = RemoteFeedConfig::new("https://chat.example", "client_x", "hush-hush");
        let feed = RemoteAccountFeed::new(config.clone()).unwrap();
        let shown = format!("{config:?} {feed:?}");
        assert!(shown.contains("client_x") && !shown.contains("hush"), "{shown}");
    }
}
