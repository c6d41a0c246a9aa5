//! Chat behind a stranger's own sign-in: a cookie and a middleware of theirs, and nothing of `bartab-auth`.
//!
//! Chat asks for one thing: an `Arc<Actor>` in the request's extensions. Where it comes from is the embedder's affair.
//!
//! ```text
//! cargo run --example own_auth                              # holds a short conversation with itself
//! cargo run --example own_auth -- --listen 127.0.0.1:8080   # and serves until Ctrl-C
//! ```

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bartab_chat::{Chat, ChatService, ChatStores};
use bartab_core::store::{MemoryLog, MemoryMarkers};
use bartab_core::{Actor, Random, SystemClock, SystemRandom, UserId};
use clap::Parser;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use conversation::{Outcome, Person};

mod conversation;

/// Names the stranger's directory of people; with the name in it, it gives everyone one id for ever.
const ISSUER: &str = "https://staff.shop.example";

#[derive(Parser)]
struct Args {
    /// Serve here until Ctrl-C instead of ending after the conversation.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// The stranger's sessions: a cookie's value and who it is.
#[derive(Clone, Default)]
struct Sessions(Arc<RwLock<HashMap<String, Arc<Actor>>>>);

#[derive(Deserialize, Serialize)]
struct SignIn {
    staff_number: u32,
    pin: String,
}

/// `POST /sign-in`: the stranger's own check of who it is.
async fn sign_in(State(sessions): State<Sessions>, Json(form): Json<SignIn>) -> Response {
    let name = match (form.staff_number, form.pin.as_str()) {
        (7, "0007") => "Alice",
        (8, "0008") => "Bob",
        _ => return StatusCode::UNAUTHORIZED.into_response(),
    };
    let user_id = UserId::from_external(ISSUER, &form.staff_number.to_string());
    let mut secret = [0; 16];
    SystemRandom.fill(&mut secret);
    let cookie = format!("session={:032x}", u128::from_be_bytes(secret));
    let mut known = sessions.0.write().unwrap_or_else(PoisonError::into_inner);
    // Made once a session, not once a request: a request then costs a pointer.
    known.insert(cookie.clone(), Arc::new(Actor::person(user_id, name)));
    ([(SET_COOKIE, format!("{cookie}; HttpOnly; SameSite=Strict; Path=/"))], StatusCode::NO_CONTENT).into_response()
}

/// The seam: whoever the cookie names is put where chat looks. Without a cookie chat answers 401 by itself.
async fn who_asks(State(sessions): State<Sessions>, mut request: Request, next: Next) -> Response {
    if let Some(actor) = sessions.actor(request.headers()) {
        request.extensions_mut().insert(actor);
    }
    next.run(request).await
}

impl Sessions {
    fn actor(&self, headers: &HeaderMap) -> Option<Arc<Actor>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let cookies = headers.get(COOKIE)?.to_str().ok()?;
        cookies.split(';').find_map(|cookie| known.get(cookie.trim()).cloned())
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(args.listen.unwrap_or(([127, 0, 0, 1], 0).into())).await?;
    let base = format!("http://{}", listener.local_addr()?);

    let random = Arc::new(SystemRandom);
    let mut log_id = [0; 16];
    random.fill(&mut log_id);
    let log = Arc::new(MemoryLog::new(&log_id));
    let stores = ChatStores { log, markers: Arc::new(MemoryMarkers::new()), snapshots: None };
    let chat = Chat::open(stores, bartab_chat::Config::default(), Arc::new(SystemClock), random).await?;

    let sessions = Sessions::default();
    let app = Router::new()
        .fallback_service(ChatService::new(chat))
        .layer(from_fn_with_state(sessions.clone(), who_asks))
        .route("/sign-in", post(sign_in))
        .with_state(sessions);
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    if args.listen.is_some() {
        println!("Serving on {base} until Ctrl-C; staff 7 has the pin 0007, staff 8 the pin 0008");
        tokio::signal::ctrl_c().await?;
    } else {
        let stranger = reqwest::get(format!("{base}/v1/rooms")).await?;
        println!("Nobody in particular is told: {}", stranger.status());
        if stranger.status() != StatusCode::UNAUTHORIZED {
            return Err("who is not signed in must not be let in".into());
        }
        let alice = signed_in(&base, 7, "0007").await?;
        let bob = signed_in(&base, 8, "0008").await?;
        conversation::hold(&alice, &bob).await?;
    }
    serving.abort();
    Ok(())
}

/// Signs in as a browser would, and keeps the cookie.
async fn signed_in(base: &str, staff_number: u32, pin: &str) -> Outcome<Person> {
    let form = SignIn { staff_number, pin: pin.to_owned() };
    let answer = reqwest::Client::new().post(format!("{base}/sign-in")).json(&form).send().await?;
    let answer = answer.error_for_status()?;
    let cookie = answer.headers().get(SET_COOKIE).ok_or("no cookie")?.to_str()?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    Ok(Person::new(base, HeaderName::from_static("cookie"), cookie))
}
