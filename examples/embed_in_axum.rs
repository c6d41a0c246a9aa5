//! Chat inside a stranger's axum application, nested under `/chat`, with accounts of its own in one SQLite file.
//!
//! ```text
//! cargo run --example embed_in_axum                              # holds a short conversation with itself
//! cargo run --example embed_in_axum -- --listen 127.0.0.1:8080   # and serves until Ctrl-C
//! ```

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bartab_auth::{AuthService, AuthStores, RegistrationPolicy};
use bartab_chat::{Chat, ChatService, ChatStores};
use bartab_core::{SystemClock, SystemRandom};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};
use clap::Parser;
use tokio::net::TcpListener;
use tower_layer::Layer as _;

use conversation::Outcome;
use register::register;

mod conversation;
mod register;

/// What of BarTAB's identity this application offers; the rest of the paths under `/chat` is chat.
const IDENTITY: [&str; 6] =
    ["/v1/auth/register", "/v1/auth/login", "/v1/auth/logout", "/v1/oauth2/token", "/v1/me", "/.well-known/jwks.json"];

#[derive(Parser)]
struct Args {
    /// Serve here until Ctrl-C instead of ending after the conversation.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Chat with its identity, and the store that both stand on.
struct Embedded {
    auth: AuthService,
    chat: Chat,
    store: SqliteStore,
}

impl Embedded {
    async fn open(folder: &Path, base: String) -> Outcome<Self> {
        let store = SqliteStore::open(folder.join("chat.db"), SqliteOptions::default(), &SystemRandom).await?;
        let ports = Arc::new(store.clone());
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));

        let mut config = bartab_auth::Config::new(base);
        config.registration = RegistrationPolicy::Open;
        let stores = AuthStores::of(ports.clone());
        let auth = AuthService::new(stores, config, clock.clone(), random.clone()).await?;

        let stores = ChatStores { log: ports.clone(), markers: ports.clone(), snapshots: Some(ports) };
        let chat = Chat::open(stores, bartab_chat::Config::default(), clock, random).await?;

        // Whoever signs out, or is suspended, is not served by a poll that still waits.
        let waits = chat.clone();
        auth.revocations().on_revoked(move |session| waits.end_session(session));
        let waits = chat.clone();
        auth.revocations().on_user_revoked(move |user| waits.end_user(user));
        Ok(Self { auth, chat, store })
    }

    fn router(&self) -> Router {
        let identity = |router: Router, path: &&str| router.route_service(path, self.auth.clone());
        let chat = self.auth.layer().layer(ChatService::new(self.chat.clone()));
        IDENTITY.iter().fold(Router::new(), identity).fallback_service(chat)
    }

    async fn close(&self) {
        self.chat.close().await;
        self.store.close().await;
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(args.listen.unwrap_or(([127, 0, 0, 1], 0).into())).await?;
    let base = format!("http://{}/chat", listener.local_addr()?);
    let folder = tempfile::tempdir()?;
    let embedded = Embedded::open(folder.path(), base.clone()).await?;

    let app = Router::new()
        .route("/", get(async || "The shop. People talk under /chat.\n"))
        .route("/opening-hours", get(async || "Nine to five.\n"))
        .nest("/chat", embedded.router());

    let waits = embedded.chat.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        // Either somebody says so, or main ends early and drops its side.
        let _said_or_dropped = stopped.await;
        waits.end_waits();
    });
    let serving = tokio::spawn(serving.into_future());

    if args.listen.is_some() {
        println!("Serving on {base} until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    } else {
        let alice = register(&base, "alice").await?;
        let bob = register(&base, "bob").await?;
        conversation::hold(&alice, &bob).await?;
    }
    drop(stop);
    serving.await??;
    embedded.close().await;
    Ok(())
}
