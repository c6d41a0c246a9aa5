//! A person and a device that waits: enter its code, sign in, allow it or not.

use axum::response::Response;
use bartab_core::Scopes;
use bartab_core::store::OAuthClient;
use http::StatusCode;

use crate::browser::page::{self, ConsentPage, DevicePage, MessagePage};
use crate::browser::session::BrowserSession;
use crate::browser::sign_in::{Errand, STALE};
use crate::browser::visit::Visit;
use crate::browser::words::abilities;
use crate::device::{DeviceDecision, normal_user_code, shown};
use crate::error::AuthError;
use crate::parameters::Parameters;
use crate::tickets::password_of;

const NO_DEVICE: &str = "No device waits with this code. Look at it again, or begin anew on the device.";

/// The page to enter a code on, with the one that the link names, if it can be one.
pub(crate) fn enter(visit: &Visit, parameters: &Parameters) -> Response {
    let user_code = parameters.get("user_code").and_then(normal_user_code);
    match (parameters.get("prompt"), &user_code) {
        (Some("login"), Some(code)) => visit.ask_to_sign_in(&errand(&action(code))),
        _ => enter_page(visit, &user_code.as_deref().map(shown).unwrap_or_default(), None, StatusCode::OK),
    }
}

fn enter_page(visit: &Visit, user_code: &str, alert: Option<&str>, status: StatusCode) -> Response {
    let token = visit.token(&["enter"]);
    let page = DevicePage { site: visit.site(), action: "device", token: &token, alert, user_code };
    page::html(status, &page, "")
}

pub(crate) fn action(code: &str) -> String {
    format!("device?user_code={}", shown(code))
}

/// Nobody leaves from here, so the forms go nowhere but here.
fn errand(action: &str) -> Errand<'_> {
    Errand { action, client: None, hint: None, form_sources: "" }
}

/// Answers what a person says on one of the pages; `parameters` are the query that it was shown for.
pub(crate) async fn run(visit: &mut Visit, parameters: &Parameters, form: &Parameters) -> Result<Response, AuthError> {
    let entered = form.get("step") == Some("enter");
    let typed = if entered { form.get("user_code") } else { parameters.get("user_code") }.unwrap_or_default();
    let Some(code) = normal_user_code(typed) else {
        return Ok(enter_page(visit, "", Some(NO_DEVICE), StatusCode::BAD_REQUEST));
    };
    if entered && !visit.accepts(form, &["enter"]) {
        return Ok(enter_page(visit, &shown(&code), Some(STALE), StatusCode::FORBIDDEN));
    }
    let action = action(&code);
    let errand = errand(&action);
    let decides = form.get("step") == Some("decide");
    if !entered
        && !decides
        && let Err(page) = visit.sign_in(&errand, form).await
    {
        return Ok(page);
    }
    let Some(there) = visit.present.clone() else { return Ok(visit.ask_to_sign_in(&errand)) };
    let question = match Question::of(visit, &there, &code).await {
        Ok(Some(question)) => question,
        Ok(None) => return Ok(enter_page(visit, "", Some(NO_DEVICE), StatusCode::BAD_REQUEST)),
        Err(error @ AuthError::SlowDown(_)) => {
            let (status, alert) = page::told(&error);
            return Ok(page::with_retry(enter_page(visit, "", Some(&alert), status), &error));
        }
        Err(error) => return Err(error),
    };
    if decides && question.was_shown(visit, form) {
        return question.decided(visit, form).await;
    }
    Ok(question.page(visit, &action, decides))
}

/// The question whether a device may have `scopes`. It is asked anew for each device: whoever sends somebody a link must
/// not find the answer given already.
struct Question<'a> {
    there: &'a BrowserSession,
    code: &'a str,
    client: OAuthClient,
    scopes: Scopes,
}

impl<'a> Question<'a> {
    async fn of(visit: &Visit, there: &'a BrowserSession, code: &'a str) -> Result<Option<Self>, AuthError> {
        let auth = &visit.auth;
        let Some(device) = auth.find_device(code, there.account.user_id).await? else { return Ok(None) };
        // The client may have been removed since the device began.
        let Some(client) = auth.client(&device.client_id).await? else { return Ok(None) };
        let scopes = there.effective_scopes(auth, device.scopes.intersection(client.scopes)).await?;
        Ok((scopes != Scopes::NONE).then_some(Self { there, code, client, scopes }))
    }

    fn about(&self) -> [String; 5] {
        let session = self.there.session.session_id.to_string();
        let client = self.client.client_id.clone();
        ["device".to_owned(), session, self.code.to_owned(), client, self.scopes.to_string()]
    }

    fn was_shown(&self, visit: &Visit, form: &Parameters) -> bool {
        visit.accepts(form, &self.about().each_ref().map(String::as_str))
    }

    fn page(&self, visit: &Visit, action: &str, stale: bool) -> Response {
        let other = format!("{action}&prompt=login");
        let page = ConsentPage {
            site: visit.site(),
            action,
            token: &visit.token(&self.about().each_ref().map(String::as_str)),
            alert: stale.then_some(STALE),
            client: &self.client.name,
            display_name: &self.there.account.display_name,
            username: &self.there.account.username,
            other: &other,
            user_code: Some(&shown(self.code)),
            can: &abilities(self.scopes),
            place: None,
        };
        let status = if stale { StatusCode::FORBIDDEN } else { StatusCode::OK };
        page::html(status, &page, "")
    }

    async fn decided(&self, visit: &Visit, form: &Parameters) -> Result<Response, AuthError> {
        let allowed = form.get("decision") == Some("allow");
        let decision = DeviceDecision {
            user: self.there.account.user_id,
            allowed: allowed.then_some(self.scopes),
            auth_time: self.there.session.created_at,
            methods: &self.there.session.methods,
            password: password_of(&self.there.account),
        };
        if visit.auth.decide_device(self.code, decision).await?.is_none() {
            return Ok(enter_page(visit, "", Some(NO_DEVICE), StatusCode::BAD_REQUEST));
        }
        let (heading, text) = if allowed {
            ("The device is connected", "It goes on by itself in a moment. You can close this page.")
        } else {
            ("The device is not connected", "It was told no. You can close this page.")
        };
        let page = MessagePage { site: visit.site(), heading, text, is_error: false, link: None };
        Ok(page::html(StatusCode::OK, &page, ""))
    }
}
