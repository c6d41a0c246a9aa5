//! The host as a `tower::Service`: a request goes to the tenant that its host name or its path prefix names.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bartab_auth::Auth;
use bartab_core::{Clock, Random};
use bartab_media::BlobStorage;
use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::base_url::BaseUrl;
use crate::body::Body;
use crate::client::TrustedProxies;
use crate::config::Config;
use crate::folder::{DataFolder, FolderError};
use crate::inbound::Bounds;
use crate::metrics::{Metrics, OpenConnection};
use crate::rate::Rates;
use crate::registry::{Chain, InUse, Registry};
use crate::remembered::Remembered;
use crate::request_id::RequestIds;
use crate::setup::Setup;
use crate::stack;
use crate::tenant::{Tenant, TenantOpener};
use crate::tenant_name::TenantName;

/// All tenants of a data folder behind one service.
///
/// A clone is another handle to the same host. It answers every request, and never with an error of its own. A request
/// should carry its [`Peer`](crate::Peer) in its extensions.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) registry: Registry<TenantOpener>,
    pub(crate) folder: DataFolder,
    pub(crate) setup: Arc<Setup>,
    pub(crate) ids: RequestIds,
    pub(crate) metrics: Metrics,
    pub(crate) rates: Arc<Rates>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) bounds: Bounds,
    /// What the body of an upload may be.
    pub(crate) upload_bounds: Bounds,
    pub(crate) chat: bartab_chat::Config,
}

impl Host {
    /// The host of the tenants under `data`, which clients reach at `public_url`. No tenant is opened yet.
    ///
    /// # Errors
    /// The data folder cannot be made or read.
    pub fn new(
        data: &Path,
        public_url: BaseUrl,
        config: &Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, FolderError> {
        let folder = DataFolder::open(data)?;
        let rates = Arc::new(Rates::new(&config.limits));
        let setup = Arc::new(Setup::default());
        let opener = TenantOpener {
            folder: folder.clone(),
            public_url: config.public_url.clone().ok_or(public_url),
            root: config.root_tenant.clone(),
            auth: config.auth.clone(),
            chat: config.chat.clone(),
            media: config.media.clone(),
            blobs: BlobStorage::open(&config.media.storage, config.media.file_bytes)?,
            limits: config.limits.clone(),
            rates: Arc::clone(&rates),
            setup: Arc::clone(&setup),
            remembered: Remembered::default(),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
        };
        let registry = Registry::new(folder.clone(), config.root_tenant.clone(), opener, config.tenants.clone(), clock);
        let bounds = Bounds {
            max_bytes: config.server.max_body_bytes,
            timeout: Duration::from_secs(config.server.body_timeout_seconds),
            per_piece: false,
        };
        let inner = Inner {
            registry,
            folder,
            setup,
            ids: RequestIds::new(&*random),
            metrics: Metrics::new(),
            rates,
            proxies: TrustedProxies::new(config.trusted_proxies.clone(), config.forwarded),
            bounds,
            upload_bounds: bounds.of_upload(config.media.idle_time().saturating_add(bounds.timeout)),
            chat: config.chat.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The tenants.
    pub fn registry(&self) -> &Registry<TenantOpener> {
        &self.inner.registry
    }

    /// The tenant of that name for code in this process, opened if need be; it stays open while the answer is held.
    /// `None` when there is none, or it cannot be opened now.
    pub async fn tenant(&self, name: &str) -> Option<InUse<Tenant>> {
        self.inner.registry.by_name(name).await.ok()
    }

    /// Tells `announce`, from now on, of each tenant that is opened and that nobody runs: a link that makes its first owner,
    /// good once and for a day. It is a secret for the operator alone. The root tenant, and some of those that have never
    /// been opened, are opened for that now; the others with their first request.
    ///
    /// # Errors
    /// The tenants cannot be listed.
    pub async fn announce_setup(
        &self,
        announce: impl Fn(&TenantName, &str) + Send + Sync + 'static,
    ) -> Result<(), FolderError> {
        /// No start opens thousands of tenants.
        const MOST: usize = 16;
        self.inner.setup.tell(announce);
        let folder = &self.inner.folder;
        let new = folder.names()?.into_iter().filter(|name| !folder.store(name).exists()).take(MOST);
        for name in new {
            let _it_is_told_of_when_it_opens = self.tenant(name.as_str()).await;
        }
        let _the_same = self.inner.registry.root().await;
        Ok(())
    }

    /// The metrics as Prometheus reads them. They belong on the operator's listener alone.
    pub fn metrics(&self) -> String {
        let open = self.inner.registry.open();
        let waiting = open.iter().map(|(_, open)| open.tenant.waiting()).sum();
        self.inner.metrics.render(open.len(), waiting)
    }

    /// Closes idle tenants, forgets idle limits and old records, and exchanges signing keys whose time has come, for as
    /// long as it is awaited.
    pub async fn keep_house(&self) {
        const EVERY: Duration = Duration::from_secs(5);
        /// What takes the store is done once in so many rounds: every minute.
        const CHORES: u64 = 12;
        for round in 1_u64.. {
            tokio::time::sleep(EVERY).await;
            self.inner.registry.close_idle().await;
            self.inner.rates.forget_idle();
            // Held one at a time: who holds an open tenant keeps its place from others.
            let open = self.inner.registry.open().into_iter().map(|(name, open)| (name, Arc::downgrade(&open)));
            for (name, open) in open.collect::<Vec<_>>() {
                let Some(open) = open.upgrade() else { continue };
                open.tenant.forget_idle_limits();
                if round % CHORES == 0 {
                    chores(&name, open.tenant.auth()).await;
                }
            }
            self.inner.metrics.upkeep();
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn connection(&self) -> OpenConnection {
        self.inner.metrics.connection()
    }

    /// Answers one request.
    pub fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + Send + use<B>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        stack::answer(Arc::clone(&self.inner), request)
    }
}

/// Looks after the keys of a tenant, and clears away what is over.
async fn chores(name: &TenantName, auth: &Auth) {
    if let Err(error) = auth.tend_keys().await {
        tracing::error!(tenant = %name, error = %Chain(&error), "the signing keys cannot be looked after");
    }
    if let Err(error) = auth.reseal_second_factors().await {
        tracing::error!(tenant = %name, error = %Chain(&error), "second factors cannot be sealed with the host's new key");
    }
    if let Err(error) = auth.clear_away().await {
        tracing::warn!(tenant = %name, error = %Chain(&error), "old sessions and tickets cannot be cleared away");
    }
}

impl<B> Service<Request<B>> for Host
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answering = self.answer(request);
        Box::pin(async { Ok(answering.await) })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("registry", &self.inner.registry).finish_non_exhaustive()
    }
}
