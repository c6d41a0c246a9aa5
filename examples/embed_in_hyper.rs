//! Chat inside a stranger's program on plain hyper, beside routes of its own, with everything in memory.
//!
//! ```text
//! cargo run --example embed_in_hyper                              # holds a short conversation with itself
//! cargo run --example embed_in_hyper -- --listen 127.0.0.1:8080   # and serves until Ctrl-C
//! ```

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bartab_auth::{AuthMiddleware, AuthService, AuthStores, RegistrationPolicy};
use bartab_chat::{Chat, ChatService, ChatStores};
use bartab_core::store::{MemoryIdentity, MemoryLog, MemoryMarkers};
use bartab_core::{Random as _, SystemClock, SystemRandom};
use bytes::Bytes;
use clap::Parser;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower_layer::Layer as _;
use tower_service::Service as _;

use conversation::Outcome;
use register::register;

mod conversation;
mod register;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

#[derive(Parser)]
struct Args {
    /// Serve here until Ctrl-C instead of ending after the conversation.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Everything that a connection is answered by; a clone is a handle.
#[derive(Clone)]
struct App {
    auth: AuthService,
    chat: AuthMiddleware<ChatService>,
}

impl App {
    async fn open(base: String) -> Outcome<Self> {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let people = Arc::new(MemoryIdentity::new());
        let mut config = bartab_auth::Config::new(base);
        config.registration = RegistrationPolicy::Open;
        let stores = AuthStores::of(people);
        let auth = AuthService::new(stores, config, clock.clone(), random.clone()).await?;

        let mut log_id = [0; 16];
        random.fill(&mut log_id);
        let log = Arc::new(MemoryLog::new(&log_id));
        let stores = ChatStores { log, markers: Arc::new(MemoryMarkers::new()), snapshots: None };
        let chat = Chat::open(stores, bartab_chat::Config::default(), clock, random).await?;
        // Whoever signs out, or is suspended, is not served by a poll that still waits.
        let waits = chat.clone();
        auth.revocations().on_revoked(move |session| waits.end_session(session));
        let waits = chat.clone();
        auth.revocations().on_user_revoked(move |user| waits.end_user(user));
        let chat = auth.layer().layer(ChatService::new(chat));
        Ok(Self { auth, chat })
    }

    /// Hands the request to whom it is for.
    async fn answer(mut self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        // Both services are always ready, and neither ever fails: what goes wrong is an answer.
        if path == "/" {
            let page = Full::from("The shop. People talk under /v1.\n").map_err(|never| match never {});
            Ok(Response::new(page.boxed_unsync()))
        } else if ["/v1/auth/", "/v1/oauth2/", "/v1/me", "/.well-known/"].iter().any(|start| path.starts_with(start)) {
            let response = self.auth.call(request).await?;
            Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
        } else {
            let response = self.chat.call(request).await?;
            Ok(response.map(|body| body.boxed_unsync()))
        }
    }
}

async fn serve(listener: TcpListener, app: App) -> Outcome<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let app = app.clone();
        let service = service_fn(move |request| app.clone().answer(request));
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(args.listen.unwrap_or(([127, 0, 0, 1], 0).into())).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let app = App::open(base.clone()).await?;

    let serving = tokio::spawn(serve(listener, app));
    if args.listen.is_some() {
        println!("Serving on {base} until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    } else {
        let alice = register(&base, "alice").await?;
        let bob = register(&base, "bob").await?;
        conversation::hold(&alice, &bob).await?;
    }
    // Nothing in memory outlives the program, so there is nothing to close.
    serving.abort();
    Ok(())
}
