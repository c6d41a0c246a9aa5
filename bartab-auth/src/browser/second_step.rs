//! The second step of signing in on a page: the code of the second factor.
//!
//! What was proved in the first step is kept in a ticket, so that no page carries a password. The ticket is good for the
//! browser that it was made for alone, for a few minutes and a few codes.

use std::time::Duration;

use axum::response::Response;
use bartab_core::store::{Account, AccountState, Spending, TicketPurpose, TokenHash};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::browser::page::{self, SecondFactorPage};
use crate::browser::sign_in::Errand;
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::parameters::Parameters;
use crate::rules::username_key;
use crate::tickets::{password_of, payload};

const LIFE: Duration = Duration::from_secs(5 * 60);
/// So many codes may be tried; what slows down the guessing of passwords counts each of them too.
const MOST_TRIES: u32 = 5;

const WRONG: &str = "This code is wrong, or was used before.";
const AGAIN: &str = "Signing in took too long, or too many codes were wrong. Start again.";

/// A sign-in whose password was right.
#[derive(Serialize, Deserialize)]
struct HalfWay {
    /// The hash of the password's hash: another password since then makes this good for nothing.
    password: [u8; 32],
    tries: u32,
}

impl Visit {
    /// Asks whoever has just shown the right password for a code.
    pub(crate) async fn ask_for_code(&self, errand: &Errand<'_>, username: &str) -> Result<Response, AuthError> {
        let account = self.auth.0.stores.accounts.find(&username_key(username)).await?;
        let account = account.ok_or(AuthError::BadCredentials)?;
        let half_way = HalfWay { password: password_of(&account), tries: 0 };
        let ticket = self.auth.issue_ticket(TicketPurpose::SignIn, Some(account.user_id), &half_way, LIFE).await?;
        Ok(self.code_page(errand, &ticket, None, StatusCode::OK))
    }

    /// Signs in whoever shows the right code; otherwise gives the page that comes next.
    pub(crate) async fn check_code(&mut self, errand: &Errand<'_>, form: &Parameters) -> Result<(), Response> {
        let secret = form.get("ticket").unwrap_or_default();
        if !self.accepts(form, &["code", errand.action, secret]) {
            return Err(self.start_again(errand));
        }
        let found = self.half_way(secret).await;
        let Some(account) = found.map_err(|error| self.failed(&error))? else {
            return Err(self.start_again(errand));
        };
        let code = form.get("otp").unwrap_or_default();
        let methods = match self.auth.check_second_factor(&account, code, self.address).await {
            Ok(methods) => methods,
            Err(AuthError::BadCredentials) => {
                return Err(self.code_page(errand, secret, Some(WRONG), StatusCode::FORBIDDEN));
            }
            Err(error) => {
                error.log();
                let (status, alert) = page::told(&error);
                return Err(page::with_retry(self.code_page(errand, secret, Some(&alert), status), &error));
            }
        };
        let now = self.now();
        let tickets = &self.auth.0.stores.tickets;
        match tickets.spend(TicketPurpose::SignIn, &TokenHash::of(secret.as_bytes()), now).await {
            Ok(Spending::First(_)) => self.enter(account, methods).await.map_err(|error| self.failed(&error)),
            // It was used, or its time came, while the code was looked at.
            Ok(_) => Err(self.start_again(errand)),
            Err(error) => Err(self.failed(&error.into())),
        }
    }

    /// Whose sign-in waits for a code with this secret, if one does; one more try is counted.
    async fn half_way(&self, secret: &str) -> Result<Option<Account>, AuthError> {
        let stores = &self.auth.0.stores;
        let now = self.now();
        let secret = TokenHash::of(secret.as_bytes());
        let ticket = stores.tickets.get(TicketPurpose::SignIn, &secret).await?;
        let Some(ticket) = ticket.filter(|ticket| ticket.is_good(now)) else { return Ok(None) };
        let Some(user) = ticket.user else { return Ok(None) };
        let half_way: HalfWay = payload(&ticket)?;
        if half_way.tries >= MOST_TRIES {
            return Ok(None);
        }
        // Of two tries at once one does not count, and is not looked at either.
        let tried = HalfWay { tries: half_way.tries + 1, ..half_way };
        let payload = serde_json::to_vec(&tried).map_err(AuthError::internal)?;
        if !stores.tickets.replace(TicketPurpose::SignIn, &secret, ticket.version, Some(user), payload, now).await? {
            return Ok(None);
        }
        let same = |account: &Account| account.state == AccountState::Active && password_of(account) == tried.password;
        Ok(stores.accounts.get(user).await?.filter(same))
    }

    fn start_again(&self, errand: &Errand<'_>) -> Response {
        self.sign_in_page(errand, "", Some(AGAIN), StatusCode::FORBIDDEN)
    }

    fn code_page(&self, errand: &Errand<'_>, ticket: &str, alert: Option<&str>, status: StatusCode) -> Response {
        let token = self.token(&["code", errand.action, ticket]);
        let page = SecondFactorPage { site: self.site(), action: errand.action, token: &token, alert, ticket };
        page::html(status, &page, errand.form_sources)
    }
}
