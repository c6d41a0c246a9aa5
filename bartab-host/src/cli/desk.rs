//! Where a command of the operator's works: in the data folder itself, or through the server that runs on it.
//!
//! Both doors lead to the same code, [`operator::admin`](crate::operator::admin), so a command is written once and does
//! the same either way.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bartab_core::{SystemClock, SystemRandom};
use bytes::Bytes;
use clap::Args;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Outcome, load};
use crate::config::{Config, LogFormat};
use crate::folder::DataFolder;
use crate::host::Host;
use crate::log;
use crate::operator::{Keeper, Turn, admin};
use crate::server::url_of;
use crate::tenant_name::TenantName;

/// No answer is larger.
const LARGEST: usize = 16 * 1024 * 1024;
/// How long an answer may take: a password may have to wait for its turn to be hashed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a check of all files may take.
const LONG_PATIENCE: Duration = Duration::from_hours(24);
const NO_DATA: &str = "no data folder is given; --data names one";

/// Which tenant a command is for, and where it is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The tenant; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    tenant: Option<TenantName>,
    /// The folder that holds the tenants; when a server runs on it, the command goes through that
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file, which may name the folder
    #[arg(long, value_name = "FILE", env = "BARTAB_CONFIG")]
    config: Option<PathBuf>,
}

impl Place {
    /// Works there, and closes what it has opened.
    pub(super) fn work<T>(self, work: impl AsyncFnOnce(&Desk) -> Outcome<T>) -> Outcome<T> {
        let mut config = load(self.config.as_deref())?;
        config.data = self.data.or(config.data);
        let tenant = match self.tenant {
            Some(tenant) => tenant,
            None => only_tenant(&config)?,
        };
        at(&config, tenant, work)
    }
}

fn only_tenant(config: &Config) -> Outcome<TenantName> {
    let data = config.data.as_deref().ok_or(NO_DATA)?;
    match DataFolder::open(data)?.names()?.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err("there is no tenant yet; `bartab tenant create` makes one".into()),
        _ => Err("there are several tenants; --tenant names one".into()),
    }
}

/// Works in `tenant` of the folder that `config` names, and closes what it has opened.
pub(super) fn at<T>(config: &Config, tenant: TenantName, work: impl AsyncFnOnce(&Desk) -> Outcome<T>) -> Outcome<T> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    log::init(&filter, LogFormat::Text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let desk = Desk::open(config, tenant)?;
        let outcome = work(&desk).await;
        desk.close().await;
        outcome
    })
}

/// The operator's place at one tenant.
pub(super) struct Desk {
    tenant: TenantName,
    door: Door,
}

enum Door {
    /// Nobody else works on the folder.
    Here { host: Host, _turn: Turn },
    /// A server does.
    Server { address: SocketAddr, token: String },
}

/// The server, or the tenant, refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl Desk {
    fn open(config: &Config, tenant: TenantName) -> Outcome<Self> {
        let data = config.data.as_deref().ok_or(NO_DATA)?;
        let folder = DataFolder::open(data)?;
        let door = match Keeper::of(&folder)? {
            Keeper::Server { address, token } => Door::Server { address, token },
            Keeper::Silent => {
                return Err("a server runs on this folder and has no listener for the operator: \
                            start it with --operator-listen, or stop it"
                    .into());
            }
            Keeper::Nobody(turn) => {
                let url = url_of(config.listen)?;
                let host = Host::new(data, url, config, Arc::new(SystemClock), Arc::new(SystemRandom))?;
                Door::Here { host, _turn: turn }
            }
        };
        Ok(Self { tenant, door })
    }

    async fn close(self) {
        if let Door::Here { host, _turn } = self.door {
            host.registry().close_all().await;
        }
    }

    pub(super) async fn get(&self, path: &str) -> Outcome<Value> {
        self.ask(Method::GET, path, &Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.ask(Method::POST, path, body).await
    }

    /// The same for what takes as long as there is data.
    pub(super) async fn post_long(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.ask_within(LONG_PATIENCE, Method::POST, path, body).await
    }

    /// Asks for `path` below the tenant's.
    ///
    /// # Errors
    /// Whatever is not answered 2xx, as the answer says it.
    pub(super) async fn ask(&self, method: Method, path: &str, body: &Value) -> Outcome<Value> {
        self.ask_within(PATIENCE, method, path, body).await
    }

    async fn ask_within(&self, patience: Duration, method: Method, path: &str, body: &Value) -> Outcome<Value> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let uri = format!("{}{}/{path}", admin::TENANTS, self.tenant);
        let request = Request::builder().method(method).uri(uri).body(Full::new(body))?;
        let (status, body) = match &self.door {
            Door::Here { host, .. } => {
                let (parts, body) = admin::answer(host, request, true).await.into_parts();
                (parts.status, body.collect().await?.to_bytes())
            }
            Door::Server { address, token } => {
                let asking = through_server(*address, token, request);
                tokio::time::timeout(patience, asking).await.map_err(|_| "the server does not answer")??
            }
        };
        let answer: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        if status.is_success() { Ok(answer) } else { Err(Refused(explain(status, &answer)).into()) }
    }

    /// Every item of a list, page by page. `path` may have a query.
    pub(super) async fn list(&self, path: &str, mut each: impl FnMut(&Value)) -> Outcome {
        let mut next = path.to_owned();
        loop {
            let page = self.get(&next).await?;
            page["items"].as_array().into_iter().flatten().for_each(&mut each);
            let Some(cursor) = page["next_cursor"].as_str() else { return Ok(()) };
            let separator = if path.contains('?') { '&' } else { '?' };
            next = format!("{path}{separator}cursor={}", segment(cursor)?);
        }
    }
}

async fn through_server(
    address: SocketAddr,
    token: &str,
    mut request: Request<Full<Bytes>>,
) -> Outcome<(StatusCode, Bytes)> {
    let headers = request.headers_mut();
    headers.insert(header::HOST, address.to_string().parse()?);
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    authorization.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, authorization);
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        Ok((parts.status, Limited::new(body, LARGEST).collect().await?.to_bytes()))
    };
    tokio::pin!(answering);
    tokio::select! {
        answer = &mut answering => answer,
        ended = connection => {
            ended?;
            answering.await
        }
    }
}

/// What a problem says, for people.
fn explain(status: StatusCode, problem: &Value) -> String {
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let mut told = match problem["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None => text("title"),
    };
    for field in problem["errors"].as_array().into_iter().flatten() {
        let part = |name: &str| field[name].as_str().unwrap_or_default();
        told = format!("{told}; {}: {}", part("pointer").trim_start_matches('/'), part("detail"));
    }
    format!("{told} ({status}, {})", text("code"))
}

/// A part of a path or query as it stands; nothing that we name needs more than these characters.
pub(super) fn segment(text: &str) -> Outcome<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~' | b':');
    if !text.is_empty() && text.bytes().all(plain) && !matches!(text, "." | "..") {
        Ok(text)
    } else {
        Err(format!("nothing can be called `{}`", text.escape_default()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_is_told_with_every_wrong_field() {
        let problem = json!({"title": "The request is not valid", "code": "request.invalid", "errors": [
            {"pointer": "/username", "code": "too_long", "detail": "at most 32 characters"},
        ]});
        assert_eq!(
            explain(StatusCode::BAD_REQUEST, &problem),
            "The request is not valid; username: at most 32 characters (400 Bad Request, request.invalid)"
        );
        assert_eq!(explain(StatusCode::NOT_FOUND, &Value::Null), " (404 Not Found, )");
    }

    #[test]
    fn what_is_no_name_reaches_no_path() {
        assert!(segment("alice.b-c_d").is_ok());
        for bad in ["", "..", "a/b", "a?b", "a b", "ä", "a%2fb"] {
            assert!(segment(bad).is_err(), "{bad}");
        }
    }
}
