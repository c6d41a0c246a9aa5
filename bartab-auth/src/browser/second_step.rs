//! The second step of signing in: the code of the second factor, after a password or another provider's word.
//!
//! What was proved in the first step is kept in a ticket, so that no page carries a password. The ticket is good for the
//! browser that it was made for alone, for a few minutes and a few codes.
//!
//! Whatever a provider says of how it knows somebody, it says it of its own account: who has linked one to an account that
//! they have taken over would be asked for nothing. So the code is asked for here.

use std::net::IpAddr;
use std::time::Duration;

use axum::response::Response;
use bartab_core::store::{Account, AccountState, Spending, TicketPurpose, TokenHash};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::browser::page::{self, SecondFactorPage};
use crate::browser::sign_in::Errand;
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::parameters::Parameters;
use crate::rules::username_key;
use crate::second_factor::PASSWORD_AND_CODE;
#[cfg(feature = "openid-providers")]
use crate::second_factor::PROVIDER_AND_CODE;
use crate::sign_in::SignedIn;
use crate::tickets::{password_of, payload};

pub(crate) const LIFE: Duration = Duration::from_secs(5 * 60);
/// So many codes may be tried; what slows down the guessing of passwords counts each of them too.
const MOST_TRIES: u32 = 5;

const WRONG: &str = "This code is wrong, or was used before.";
const AGAIN: &str = "Signing in took too long, or too many codes were wrong. Start again.";

/// What was shown in the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FirstStep {
    Password,
    #[cfg(feature = "openid-providers")]
    Provider,
}

impl FirstStep {
    /// How somebody has proved who they are who has shown a code, too.
    const fn with_code(self) -> &'static str {
        match self {
            Self::Password => PASSWORD_AND_CODE,
            #[cfg(feature = "openid-providers")]
            Self::Provider => PROVIDER_AND_CODE,
        }
    }
}

/// A sign-in whose first step is done.
#[derive(Serialize, Deserialize)]
struct HalfWay {
    first: FirstStep,
    /// The hash of the password's hash: another password since then makes this good for nothing.
    password: [u8; 32],
    tries: u32,
}

/// Why nobody is signed in yet.
pub(crate) enum NotYet {
    /// This page comes next.
    Page(Response),
    /// It has to begin again.
    Again,
}

impl Visit {
    /// Asks whoever has just shown the right password for a code.
    pub(crate) async fn ask_for_code(&self, errand: &Errand<'_>, username: &str) -> Result<Response, AuthError> {
        let account = self.auth.0.stores.accounts.find(&username_key(username)).await?;
        let account = account.ok_or(AuthError::BadCredentials)?;
        let ticket = self.auth.begin_second_step(&account, FirstStep::Password).await?;
        Ok(self.code_page(errand, &ticket, None, StatusCode::OK))
    }

    /// Signs in whoever shows the right code; otherwise gives the page that comes next.
    pub(crate) async fn check_code(&mut self, errand: &Errand<'_>, form: &Parameters) -> Result<(), Response> {
        match self.take_code(errand, form).await {
            Ok(()) => Ok(()),
            Err(NotYet::Page(page)) => Err(page),
            Err(NotYet::Again) => Err(self.start_again(errand)),
        }
    }

    /// The same; a sign-in that has to begin again does so where the caller knows.
    pub(crate) async fn take_code(&mut self, errand: &Errand<'_>, form: &Parameters) -> Result<(), NotYet> {
        let secret = form.get("ticket").unwrap_or_default();
        if !self.accepts(form, &["code", errand.action, secret]) {
            return Err(NotYet::Again);
        }
        let code = form.get("otp").unwrap_or_default();
        match self.auth.take_second_step(secret, code, self.address).await {
            Ok(Some(SignedIn { account, methods })) => {
                self.enter(account, methods).await.map_err(|error| NotYet::Page(self.failed(&error)))
            }
            Ok(None) => Err(NotYet::Again),
            Err(AuthError::BadCredentials) => {
                Err(NotYet::Page(self.code_page(errand, secret, Some(WRONG), StatusCode::FORBIDDEN)))
            }
            Err(error) => {
                error.log();
                let (status, alert) = page::told(&error);
                let page = self.code_page(errand, secret, Some(&alert), status);
                Err(NotYet::Page(page::with_retry(page, &error)))
            }
        }
    }

    fn start_again(&self, errand: &Errand<'_>) -> Response {
        self.sign_in_page(errand, "", Some(AGAIN), StatusCode::FORBIDDEN)
    }

    pub(crate) fn code_page(
        &self,
        errand: &Errand<'_>,
        ticket: &str,
        alert: Option<&str>,
        status: StatusCode,
    ) -> Response {
        let token = self.token(&["code", errand.action, ticket]);
        let page = SecondFactorPage { site: self.site(), action: errand.action, token: &token, alert, ticket };
        page::html(status, &page, errand.form_sources)
    }
}

impl Auth {
    /// A secret by which the sign-in to `account`, whose first step is done, goes on with a code.
    pub(crate) async fn begin_second_step(&self, account: &Account, first: FirstStep) -> Result<String, AuthError> {
        let half_way = HalfWay { first, password: password_of(account), tries: 0 };
        self.issue_ticket(TicketPurpose::SignIn, Some(account.user_id), &half_way, LIFE).await
    }

    /// Who signs in with this secret and this code; `None` when no sign-in waits with the secret, and it has to begin again.
    ///
    /// # Errors
    /// [`AuthError::BadCredentials`] for a wrong code; [`AuthError::SlowDown`].
    pub(crate) async fn take_second_step(
        &self,
        secret: &str,
        code: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<SignedIn>, AuthError> {
        let Some((account, first)) = self.half_way(secret).await? else { return Ok(None) };
        self.check_second_factor(&account, code, address).await?;
        let secret = TokenHash::of(secret.as_bytes());
        let spent = self.0.stores.tickets.spend(TicketPurpose::SignIn, &secret, self.0.clock.now()).await?;
        // Otherwise it was used, or its time came, while the code was looked at.
        let first_use = matches!(spent, Spending::First(_));
        Ok(first_use.then(|| SignedIn { account, methods: first.with_code() }))
    }

    /// Whose sign-in waits for a code with this secret, if one does; one more try is counted.
    async fn half_way(&self, secret: &str) -> Result<Option<(Account, FirstStep)>, AuthError> {
        let stores = &self.0.stores;
        let now = self.0.clock.now();
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
        Ok(stores.accounts.get(user).await?.filter(same).map(|account| (account, tried.first)))
    }
}
