//! The listeners: accepts connections, speaks HTTP/1.1 on them, and lets them end when the server stops.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bartab_core::{Clock, Random};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base_url::{BaseUrl, BaseUrlError};
use crate::body::Body;
use crate::client::Peer;
use crate::config::{Config, ServerConfig};
use crate::crowd::{Crowd, Seat};
use crate::folder::{DataFolder, FolderError};
use crate::host::Host;
use crate::operator::{self, Claim, reachable};
use crate::registry::Chain;

/// Connections that the system holds ready for us: enough for a thousand clients that come back at once.
const BACKLOG: u32 = 4096;
/// How long no connection is accepted after the system has run out of something.
const BREATH: Duration = Duration::from_millis(100);
/// hyper refuses a smaller buffer.
const LEAST_BUFFER: usize = 8192;

/// The server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration names no data folder.
    #[error("no data folder is given")]
    NoData,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The address is no start of a URL.
    #[error(transparent)]
    Url(#[from] BaseUrlError),
    /// The data folder cannot be used.
    #[error("the data folder cannot be used")]
    Data(#[from] FolderError),
}

/// A server that answers requests until it is told to stop. Dropped, it goes on.
#[derive(Debug)]
pub struct Running {
    host: Host,
    url: BaseUrl,
    address: SocketAddr,
    operator_address: Option<SocketAddr>,
    lines: Lines,
    patience: Duration,
    /// The folder is this server's until the last tenant is closed.
    _claim: Arc<Claim>,
}

/// What every connection listens to, and where it is counted.
#[derive(Clone, Debug)]
struct Lines {
    /// No new connections and requests; those under way end.
    stop: CancellationToken,
    /// Those under way are cut off.
    cut: CancellationToken,
    tasks: TaskTracker,
}

/// Starts the server that `config` describes; it listens when this returns. No tenant is opened yet.
///
/// # Errors
/// [`StartError`]: an address or the data folder cannot be used.
pub async fn start(config: &Config, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Running, StartError> {
    let data = config.data.as_deref().ok_or(StartError::NoData)?;
    let (listener, address) = listen(config.listen)?;
    let operator = config.operator_listen.0.map(listen).transpose()?;
    let url = url_of(address)?;
    let claim = Arc::new(Claim::take(&DataFolder::open(data)?).await?);
    let operator = match operator {
        Some((listener, address)) => {
            let token = claim.token(&*random)?;
            Some((listener, address, token))
        }
        None => None,
    };
    let host = Host::new(data, url.clone(), config, clock, random)?;

    let lines = Lines { stop: CancellationToken::new(), cut: CancellationToken::new(), tasks: TaskTracker::new() };
    let for_clients = {
        let host = host.clone();
        let crowd = Crowd::new(&config.server, host.inner().proxies.clone());
        move |peer: SocketAddr| Some(client_service(host.clone(), peer, crowd.enter(peer.ip())?))
    };
    lines.tasks.spawn(accept(
        listener,
        http(&config.server),
        config.server.max_connections,
        lines.clone(),
        for_clients,
    ));
    let operator_address = operator.as_ref().map(|(_, address, _)| *address);
    claim.announce(operator_address)?;
    if let Some((listener, _, token)) = operator {
        const OPERATORS: usize = 64;
        let host = host.clone();
        let for_operators = move |_| Some(operator::service(host.clone(), token));
        lines.tasks.spawn(accept(listener, http(&config.server), OPERATORS, lines.clone(), for_operators));
    }
    lines.tasks.spawn({
        let (host, stop) = (host.clone(), lines.stop.clone());
        let claim = Arc::clone(&claim);
        async move {
            let _claimed = claim;
            // So that the first request need not wait: until a scan has ended, requests by host name do.
            if let Err(error) = host.registry().scan().await {
                tracing::error!(error = %Chain(&error), "the tenants cannot be listed");
            }
            stop.run_until_cancelled(host.keep_house()).await
        }
    });
    let patience = Duration::from_secs(config.server.shutdown_seconds);
    Ok(Running { host, url, address, operator_address, lines, patience, _claim: claim })
}

impl Running {
    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How clients on this machine reach it.
    pub fn url(&self) -> &BaseUrl {
        &self.url
    }

    /// Where the operator's tools connect.
    pub fn operator_address(&self) -> Option<SocketAddr> {
        self.operator_address
    }

    /// The host that answers.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Stops: refuses new connections, lets waiting polls go with what they have, waits for requests that are under
    /// way as long as the configuration allows, and closes every tenant.
    pub async fn shutdown(self) {
        self.lines.stop.cancel();
        self.lines.tasks.close();
        self.host.registry().end_waits().await;
        if tokio::time::timeout(self.patience, self.lines.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.lines.tasks.len(), "connections are cut off: they did not end in time");
            self.lines.cut.cancel();
            self.lines.tasks.wait().await;
        }
        self.host.registry().close_all().await;
    }
}

/// Binds with a longer queue than the default, and also where a stopped server's connections still linger.
fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound().map_err(|source| StartError::Listen { address, source })
}

/// How clients on this machine reach a server that listens there.
pub(crate) fn url_of(address: SocketAddr) -> Result<BaseUrl, BaseUrlError> {
    format!("http://{}", reachable(address)).parse()
}

fn http(config: &ServerConfig) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(config.header_timeout_seconds.max(1)))
        .max_buf_size(config.max_head_bytes.max(LEAST_BUFFER));
    http
}

fn client_service(
    host: Host,
    peer: SocketAddr,
    seat: Seat,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Send {
    let counted = host.connection();
    service_fn(move |mut request: Request<Incoming>| {
        // The service lives as long as its connection, and so do the counts.
        let _held = (&counted, &seat);
        request.extensions_mut().insert(Peer(peer));
        let answering = host.answer(request);
        async { Ok(answering.await) }
    })
}

/// Accepts connections until the server stops. At the cap further ones wait in the system's queue; one for which there
/// is no `service` is closed.
async fn accept<S, F>(listener: TcpListener, http: http1::Builder, cap: usize, lines: Lines, service: F)
where
    F: Fn(SocketAddr) -> Option<S> + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(cap.clamp(1, Semaphore::MAX_PERMITS)));
    let next = async || {
        let place = Arc::clone(&places).acquire_owned().await;
        (listener.accept().await, place)
    };
    while let Some((accepted, place)) = lines.stop.run_until_cancelled(next()).await {
        match accepted {
            Ok((stream, peer)) => {
                let Some(service) = service(peer) else { continue };
                let connection = connection(stream, &http, service, &lines);
                lines.tasks.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Whether accepting failed because the client went away, not because something has run out.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection until it ends.
fn connection<S>(
    stream: TcpStream,
    http: &http1::Builder,
    service: S,
    lines: &Lines,
) -> impl Future<Output = ()> + Send + use<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Send + 'static,
{
    // An answer is written whole; waiting for more to send would only delay it.
    let _kept_as_it_was = stream.set_nodelay(true);
    let serving = http.serve_connection(TokioIo::new(stream), service);
    let (stop, cut) = (lines.stop.clone(), lines.cut.clone());
    async move {
        let mut serving = pin!(serving);
        let ended = match stop.run_until_cancelled(serving.as_mut()).await {
            Some(ended) => ended,
            None => {
                serving.as_mut().graceful_shutdown();
                cut.run_until_cancelled(serving).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            // A client that hangs up or sends no HTTP is its own affair.
            tracing::debug!(error = %Chain(&error), "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_url_can_be_reached_from_this_machine() {
        let url = |address: &str| url_of(address.parse().unwrap()).unwrap().to_string();
        assert_eq!(url("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(url("[::]:8080"), "http://[::1]:8080");
        assert_eq!(url("192.0.2.1:8080"), "http://192.0.2.1:8080");
    }
}
