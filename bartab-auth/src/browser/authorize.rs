//! An authorization request on its way: sign in, allow, go back to the client with a code.

use axum::response::Response;
use bartab_core::store::StoreError;
use bartab_core::{Scopes, SessionId};
use http::StatusCode;

use crate::browser::page::{self, ConsentPage, MessagePage};
use crate::browser::redirect::{form_sources, place};
use crate::browser::request::{Asked, MAX_QUERY, NoWayBack, Refusal, Target, canonical};
use crate::browser::session::BrowserSession;
use crate::browser::sign_in::{Errand, STALE};
use crate::browser::step::{self, Present, Step};
use crate::browser::visit::Visit;
use crate::browser::words::abilities;
use crate::code::AuthorizationCode;
use crate::error::AuthError;
use crate::id_token::Expected;
use crate::parameters::Parameters;
use crate::tickets::password_of;

pub(crate) const UNREADABLE: &str = "The request cannot be read: it is too long, or says something twice.";
const NO_CLIENT: &str = "The application that sent you here is not known here.";
const NO_REDIRECT: &str = "The application that sent you here named an address that is not registered for it.";

/// The URL of the request, as our own pages send their forms to it. It is relative, and so keeps whatever prefix and
/// host name the browser knows us by.
pub(crate) fn resume(parameters: &Parameters) -> String {
    format!("authorize?{}", canonical(parameters, None))
}

/// Nobody can be sent back: an error is for the person to read (RFC 6749 section 4.1.2.1), so that nobody is sent by us
/// to where an attacker wants them.
pub(crate) fn lost(visit: &Visit, text: &str) -> Response {
    let page =
        MessagePage { site: visit.site(), heading: "This request does not work", text, is_error: true, link: None };
    page::html(StatusCode::BAD_REQUEST, &page, "")
}

/// Where a form must be able to end that leads to the request in `query`, a query of ours: its client may be allowed already,
/// and then the person is sent on at once.
#[cfg(feature = "openid-providers")]
pub(crate) async fn sources_of(visit: &Visit, query: &str) -> Result<String, AuthError> {
    let Ok(parameters) = Parameters::parse(query.as_bytes()) else { return Ok(String::new()) };
    let client = match parameters.get("client_id") {
        Some(client_id) => visit.auth.client(client_id).await?,
        None => None,
    };
    Ok(Target::of(client, &parameters).map_or_else(|_| String::new(), |target| form_sources(&target.redirect_uri)))
}

/// How a request goes on.
enum Outcome {
    Page(Response),
    Code(String),
    Refused(Refusal),
}

/// Answers the request in `query`; `form` is what the person has said on the page before.
pub(crate) async fn run(visit: &mut Visit, query: &str, form: Option<&Parameters>) -> Result<Response, AuthError> {
    if query.len() > MAX_QUERY {
        return Ok(lost(visit, UNREADABLE));
    }
    let Ok(parameters) = Parameters::parse(query.as_bytes()) else { return Ok(lost(visit, UNREADABLE)) };
    let client = match parameters.get("client_id") {
        Some(client_id) => visit.auth.client(client_id).await?,
        None => None,
    };
    let target = match Target::of(client, &parameters) {
        Ok(target) => target,
        Err(NoWayBack::Client) => return Ok(lost(visit, NO_CLIENT)),
        Err(NoWayBack::RedirectUri) => return Ok(lost(visit, NO_REDIRECT)),
    };
    let outcome = match Asked::of(&target, &parameters, &visit.auth.0.config) {
        Ok(asked) => Request { target: &target, asked: &asked, parameters: &parameters }.go_on(visit, form).await,
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    };
    let issuer = visit.auth.issuer();
    Ok(match outcome {
        Ok(Outcome::Page(page)) => page,
        Ok(Outcome::Code(code)) => page::see_other(&target.with_code(issuer, &code)),
        Ok(Outcome::Refused(refusal)) => page::see_other(&target.with_error(issuer, refusal)),
        Err(error) => {
            error.log();
            let busy = matches!(error, AuthError::Busy | AuthError::Store(StoreError::Unavailable(_)));
            let name = if busy { "temporarily_unavailable" } else { "server_error" };
            page::see_other(&target.with_error(issuer, Refusal::new(name, "the server failed; try again later")))
        }
    })
}

/// A request that makes sense.
#[derive(Clone, Copy)]
struct Request<'a> {
    target: &'a Target,
    asked: &'a Asked,
    parameters: &'a Parameters,
}

impl Request<'_> {
    async fn go_on(self, visit: &mut Visit, form: Option<&Parameters>) -> Result<Outcome, AuthError> {
        let action = resume(self.parameters);
        let errand = Errand {
            action: &action,
            client: Some(&self.target.client.name),
            hint: self.asked.login_hint.as_deref(),
            form_sources: &form_sources(&self.target.redirect_uri),
        };
        let decision = form.filter(|form| form.get("step") == Some("decide"));
        if let (Some(form), None) = (form, decision)
            && let Err(page) = visit.sign_in(&errand, form).await
        {
            return Ok(Outcome::Page(page));
        }
        let client_id = &self.target.client.client_id;
        let expected = visit.auth.expected(self.parameters.get("id_token_hint"), client_id);
        let other = visit.present.as_ref().is_some_and(|there| expected.is_not(there.account.user_id));
        if other && visit.fresh {
            // They were asked for this very request, and are who they are.
            return Ok(Outcome::Refused(Refusal::new("login_required", "somebody else signed in than was expected")));
        }
        if expected == Expected::Unknown && self.asked.prompt.none {
            return Ok(Outcome::Refused(Refusal::new(
                "login_required",
                "whom `id_token_hint` is about cannot be told",
            )));
        }
        let Some(there) = visit.present.clone().filter(|_| !other) else {
            return Ok(match step::next(self.asked, None, visit.now()) {
                Step::Refuse(refusal) => Outcome::Refused(refusal),
                _ => Outcome::Page(visit.ask_to_sign_in(&errand)),
            });
        };
        // What is shown, allowed and granted is no more than the account may have at all.
        let scopes = there.effective_scopes(&visit.auth, self.asked.scopes).await?;
        let consent = Consent { request: self, errand, there: &there, scopes };
        if let Some(form) = decision.filter(|form| consent.was_shown(visit, form)) {
            return consent.decided(visit, form).await;
        }
        let allowed = if self.target.is_the_client() {
            visit.auth.0.stores.clients.consent(there.account.user_id, client_id).await?
        } else {
            // What was allowed before was allowed to somebody else, maybe.
            Scopes::NONE
        };
        let present = Present { since: there.session.created_at, fresh: visit.fresh, scopes, allowed };
        match step::next(self.asked, Some(&present), visit.now()) {
            Step::SignIn => Ok(Outcome::Page(visit.ask_to_sign_in(&errand))),
            Step::Ask => Ok(Outcome::Page(consent.page(visit, decision.is_some()))),
            Step::Grant => self.issue(visit, &there, scopes).await,
            Step::Refuse(refusal) => Ok(Outcome::Refused(refusal)),
        }
    }

    async fn issue(self, visit: &Visit, there: &BrowserSession, scopes: Scopes) -> Result<Outcome, AuthError> {
        let auth = &visit.auth;
        let Target { client, redirect_uri, named, .. } = self.target;
        let code = AuthorizationCode {
            client_id: client.client_id.clone(),
            redirect_uri: named.then(|| redirect_uri.clone()),
            challenge: self.asked.challenge.clone(),
            scopes,
            nonce: self.asked.nonce.clone(),
            auth_time: there.session.created_at,
            methods: there.session.methods.clone(),
            user: there.account.user_id,
            password: password_of(&there.account),
            session_id: SessionId::new(visit.now(), &*auth.0.random),
        };
        Ok(Outcome::Code(auth.issue_code(code).await?))
    }
}

/// The question whether a client may have `scopes`, for somebody who is signed in as recently as the request wants.
struct Consent<'a> {
    request: Request<'a>,
    errand: Errand<'a>,
    there: &'a BrowserSession,
    scopes: Scopes,
}

impl Consent<'_> {
    /// What must be the same when the answer comes: whom it was shown, the whole request, what would be allowed. So an
    /// answer that is accepted also says that whatever else the request wants was so when the page was shown.
    fn about(&self) -> [String; 4] {
        let session = self.there.session.session_id.to_string();
        ["decide".to_owned(), session, self.errand.action.to_owned(), self.scopes.to_string()]
    }

    fn was_shown(&self, visit: &Visit, form: &Parameters) -> bool {
        let about = self.about();
        visit.accepts(form, &about.each_ref().map(String::as_str))
    }

    fn page(&self, visit: &Visit, stale: bool) -> Response {
        let about = self.about();
        let other = format!("authorize?{}", canonical(self.request.parameters, Some("login")));
        let page = ConsentPage {
            site: visit.site(),
            action: self.errand.action,
            token: &visit.token(&about.each_ref().map(String::as_str)),
            alert: stale.then_some(STALE),
            client: &self.request.target.client.name,
            display_name: &self.there.account.display_name,
            username: &self.there.account.username,
            other: &other,
            user_code: None,
            can: &abilities(self.scopes),
            place: place(&self.request.target.redirect_uri),
        };
        let status = if stale { StatusCode::FORBIDDEN } else { StatusCode::OK };
        page::html(status, &page, self.errand.form_sources)
    }

    async fn decided(&self, visit: &Visit, form: &Parameters) -> Result<Outcome, AuthError> {
        if form.get("decision") != Some("allow") {
            return Ok(Outcome::Refused(Refusal::new("access_denied", "the person has not allowed it")));
        }
        let client_id = &self.request.target.client.client_id;
        let user = self.there.account.user_id;
        match visit.auth.0.stores.clients.allow(user, client_id, self.scopes).await {
            Ok(()) => self.request.issue(visit, self.there, self.scopes).await,
            // Removed a moment ago; nobody is sent to where it was.
            Err(StoreError::NotFound) => Ok(Outcome::Page(lost(visit, NO_CLIENT))),
            Err(error) => Err(error.into()),
        }
    }
}
