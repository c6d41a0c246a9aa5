//! One open tenant: its store, its services, and which of them answers which path.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bartab_auth::{Auth, AuthMiddleware, AuthService, AuthStores, Config, HashPool, RegistrationPolicy};
use bartab_chat::{Chat, ChatService, ChatStores};
use bartab_core::store::{AccountFeed, AuditStore};
use bartab_core::{Clock, Random};
use bartab_media::{BlobStorage, Connections, Media, MediaService, MediaStores, PicturePool};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};
use bytes::Bytes;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::base_url::BaseUrl;
use crate::body::Body;
use crate::config::Limits;
use crate::folder::DataFolder;
use crate::limited::{Limited, TenantLimits};
use crate::rate::{PrincipalLimits, Rates};
use crate::registry::{OpenError, Opener};
use crate::remembered::Remembered;
use crate::settings::TenantSettings;
use crate::setup::Setup;
use crate::tenant_name::TenantName;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One open tenant.
pub struct Tenant {
    name: TenantName,
    store: SqliteStore,
    /// Identity. A token that is no good is left to it: it must not stand in the way of signing in.
    identity: AuthMiddleware<Limited<AuthService>>,
    chat: AuthMiddleware<Limited<ChatService>>,
    media: AuthMiddleware<Limited<MediaService>>,
    /// The same without layers.
    auth: Auth,
    chat_service: ChatService,
    media_service: MediaService,
    limits: TenantLimits,
    issuer: BaseUrl,
    /// The address that the operator has given, for the tenant or for the server.
    configured_base: bool,
    registration: RegistrationPolicy,
}

/// Why a tenant cannot do its work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotReady {
    pub(crate) check: &'static str,
    pub(crate) reason: &'static str,
}

impl Tenant {
    /// The tenant's identity, in process.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The tenant's chat, in process.
    pub fn chat(&self) -> &Chat {
        self.chat_service.chat()
    }

    /// The tenant's media, in process.
    pub fn media(&self) -> &Media {
        self.media_service.media()
    }

    /// The issuer of the tenant's tokens: where clients reach it.
    pub fn issuer(&self) -> &BaseUrl {
        &self.issuer
    }

    pub(crate) fn configured_base(&self) -> Option<&BaseUrl> {
        self.configured_base.then_some(&self.issuer)
    }

    pub(crate) fn registration(&self) -> RegistrationPolicy {
        self.registration
    }

    /// How many polls wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.chat().waiting()
    }

    /// Whether the store answers and keys are held.
    pub(crate) async fn ready(&self) -> Result<(), NotReady> {
        self.chat().ready().await.map_err(|error| {
            tracing::error!(%error, "the chat's store does not answer");
            NotReady { check: "storage", reason: "the chat's store does not answer" }
        })?;
        self.auth.ready().await.map_err(|error| {
            tracing::error!(%error, "identity is not ready");
            NotReady { check: "keys", reason: "no signing keys are held" }
        })
    }

    pub(crate) fn forget_idle_limits(&self) {
        self.limits.own.iter().for_each(|own| own.forget_idle());
    }

    /// Answers a request whose path is without the tenant's prefix.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // Neither service keeps a request waiting before it takes it.
        if is_identity(request.uri().path()) {
            let Ok(response) = self.identity.clone().call(request).await;
            return response;
        }
        if is_media(request.uri().path()) {
            let Ok(response) = self.media.clone().call(request).await;
            return response;
        }
        let Ok(response) = self.chat.clone().call(request).await;
        response
    }
}

/// Whether the path is one of the auth service's.
pub(crate) fn is_identity(path: &str) -> bool {
    let identity = |rest: &str| {
        matches!(rest.split('/').next(), Some("auth" | "oauth2" | "me" | "invites" | "bots" | "admin" | "accounts"))
    };
    path.strip_prefix("/v1/").map_or_else(|| path.starts_with("/.well-known/"), identity)
}

/// Whether the path is one of the media service's.
pub(crate) fn is_media(path: &str) -> bool {
    path.strip_prefix("/v1/").is_some_and(|rest| matches!(rest.split('/').next(), Some("media" | "uploads")))
}

/// Opens tenants: the store in the tenant's folder, identity and chat on it.
pub struct TenantOpener {
    pub(crate) folder: DataFolder,
    /// How clients reach the server: as configured, or by the address that it listens on.
    pub(crate) public_url: Result<BaseUrl, BaseUrl>,
    pub(crate) root: Option<TenantName>,
    pub(crate) auth: bartab_auth::Config,
    pub(crate) chat: bartab_chat::Config,
    pub(crate) media: bartab_media::Config,
    /// Where the bytes of files are.
    pub(crate) blobs: BlobStorage,
    /// What `tenant.toml` may change of them.
    pub(crate) limits: Limits,
    pub(crate) rates: Arc<Rates>,
    pub(crate) setup: Arc<Setup>,
    pub(crate) remembered: Remembered,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl TenantOpener {
    /// Where clients reach the tenant, and whether the operator has said so.
    fn issuer(&self, name: &TenantName, settings: &TenantSettings) -> (BaseUrl, bool) {
        if let Some(own) = &settings.base_url {
            return (own.clone(), true);
        }
        let configured = self.public_url.is_ok();
        let server = self.public_url.as_ref().unwrap_or_else(|listening| listening);
        let issuer = if self.root.as_ref() == Some(name) { server.clone() } else { server.of_tenant(name) };
        (issuer, configured)
    }
}

impl Opener for TenantOpener {
    type Tenant = Tenant;

    async fn open(&self, name: &TenantName, settings: &TenantSettings) -> Result<Tenant, OpenError> {
        if !self.folder.tenant(name).is_dir() {
            return Err(OpenError::Gone);
        }
        let (issuer, configured_base) = self.issuer(name, settings);
        let config = Config { issuer: issuer.as_str().to_owned(), ..settings.auth.over(&self.auth) };
        let registration = config.registration;

        let failed = |part| move |source: BoxError| OpenError::Failed { part, source };
        let blobs = self.blobs.of_tenant(name.as_str(), self.folder.media(name));
        let blobs = blobs.map_err(|error| failed("the storage of files")(error.into()))?;
        let store = SqliteStore::open(self.folder.store(name), SqliteOptions::default(), &*self.random).await;
        let store = store.map_err(|error| failed("the store")(error.into()))?;
        let stores: Arc<SqliteStore> = Arc::new(store.clone());
        let identity = AuthStores::of(stores.clone());
        let accounts: Arc<dyn AccountFeed> = Arc::clone(&identity.feed);
        let audit = Arc::clone(&identity.audit);
        let files = MediaStores::of(stores.clone(), blobs);
        let chat = ChatStores { log: stores.clone(), markers: stores.clone(), snapshots: Some(stores) };
        let (pool, attempts) = (HashPool::shared(), self.remembered.opens(name, &*self.random));
        let auth = Auth::open_with(identity, config, pool, attempts, self.clock.clone(), self.random.clone());
        let chat = Chat::open(chat, self.chat.clone(), self.clock.clone(), self.random.clone());
        let (auth, chat) = match tokio::join!(auth, chat) {
            (Ok(auth), Ok(chat)) => (AuthService::from(auth), chat),
            (auth, chat) => {
                if let Ok(chat) = &chat {
                    chat.close().await;
                }
                store.close().await;
                self.remembered.closes(name, self.clock.now());
                return Err(match (auth.err(), chat.err()) {
                    (Some(error), _) => failed("identity")(error.into()),
                    (_, Some(error)) => failed("chat")(error.into()),
                    (None, None) => OpenError::Gone,
                });
            }
        };
        let media = settings.media.over(&self.media);
        let media = Media::open(files, media, PicturePool::shared(), self.clock.clone(), self.random.clone());
        let nudged = (chat.clone(), media.clone());
        auth.auth().on_accounts_changed(move || {
            nudged.0.accounts_changed();
            nudged.1.accounts_changed();
        });
        // Whoever has an account is known to chat before anybody is served.
        if let Err(error) = chat.follow_accounts(Arc::clone(&accounts)).await {
            media.close().await;
            chat.close().await;
            store.close().await;
            self.remembered.closes(name, self.clock.now());
            return Err(failed("accounts")(error.into()));
        }
        connect(&chat, &media, accounts, audit);
        self.setup.opened(name, auth.auth()).await;
        let waits = chat.clone();
        auth.revocations().on_revoked(move |session| waits.end_session(session));
        let waits = chat.clone();
        auth.revocations().on_user_revoked(move |user| waits.end_user(user));
        let own = settings.limits.as_ref().filter(|_| self.limits.enabled);
        let limits = TenantLimits {
            rates: Arc::clone(&self.rates),
            own: own.map(|own| Arc::new(PrincipalLimits::principals(&own.over(&self.limits.principal)))),
            tenant: tag(name),
        };
        let (chat_service, media_service) = (ChatService::new(chat), MediaService::new(media));
        Ok(Tenant {
            name: name.clone(),
            store,
            identity: auth.layer().lenient().layer(Limited { service: auth.clone(), limits: limits.clone() }),
            chat: auth.layer().layer(Limited { service: chat_service.clone(), limits: limits.clone() }),
            media: auth.layer().layer(Limited { service: media_service.clone(), limits: limits.clone() }),
            auth: auth.auth().clone(),
            chat_service,
            media_service,
            limits,
            issuer,
            configured_base,
            registration,
        })
    }

    async fn end_waits(&self, tenant: &Tenant) {
        tenant.auth.end_waits();
        tenant.chat().end_waits();
    }

    async fn close(&self, tenant: &Tenant) {
        tenant.auth.end_waits();
        tenant.media().close().await;
        tenant.chat().close().await;
        tenant.store.close().await;
        self.remembered.closes(&tenant.name, self.clock.now());
    }
}

/// Lets chat and media ask one another. Chat holds media, and media does not hold chat.
fn connect(chat: &Chat, media: &Media, accounts: Arc<dyn AccountFeed>, audit: Arc<dyn AuditStore>) {
    chat.use_media(Arc::new(media.clone()));
    let nudged = media.clone();
    chat.on_references_changed(move || nudged.references_changed());
    let asked = Arc::new(chat.downgrade());
    media.connect(Connections {
        access: asked.clone(),
        references: asked,
        accounts: Some(accounts),
        audit: Some(audit),
    });
}

/// Tells the people of one tenant from those of another.
fn tag(name: &TenantName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl fmt::Debug for TenantOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantOpener").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_answers_its_own_paths() {
        let identity = [
            "/v1/auth/login",
            "/v1/auth/providers/a/callback",
            "/v1/oauth2/token",
            "/v1/me",
            "/v1/me/mfa/totp",
            "/v1/invites",
            "/v1/invites/x",
            "/v1/bots/x/secret",
            "/v1/admin/users",
            "/v1/accounts/feed",
            "/.well-known/jwks.json",
        ];
        for path in identity {
            assert!(is_identity(path), "{path}");
        }
        let paths =
            |document: serde_json::Value| document["paths"].as_object().cloned().unwrap_or_default().into_iter();
        for (path, _) in paths(bartab_auth::openapi()) {
            assert!(is_identity(&path), "{path}");
        }
        for (path, _) in paths(bartab_chat::openapi()) {
            assert!(!is_identity(&path) && !is_media(&path), "{path}");
        }
        for (path, _) in paths(bartab_media::openapi()) {
            assert!(is_media(&path) && !is_identity(&path), "{path}");
        }
        for path in ["/v1/rooms", "/v1/sync", "/v1/menu", "/v1/administer", "/v1/users", "/", "/v1", "/v2/auth"] {
            assert!(!is_identity(path), "{path}");
        }
    }
}
