//! Somebody comes back from a provider.

use bartab_core::TenantRole;
use bartab_core::store::{Account, AccountState, Spending, TicketPurpose, TokenHash};

use super::error::ProviderError;
use super::exchange::{Person, Proof};
use super::start::Begun;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::external::Newcomer;
use crate::parameters::Parameters;
use crate::tickets::payload;

/// What the browser brings back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// The provider, by the path.
    pub(crate) id: &'a str,
    /// The query.
    pub(crate) parameters: &'a Parameters,
}

/// How a sign-in ends.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Where the person goes now: a path of ours.
    pub(crate) return_to: Option<String>,
    pub(crate) result: Result<Ended, AuthError>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Somebody has signed in.
    SignedIn(Box<Account>),
    /// Who began it is this person at the provider from now on.
    Linked,
}

impl Auth {
    /// Ends a sign-in; `same_browser` says whether what was left with the browser at the beginning is still there.
    ///
    /// # Errors
    /// [`ProviderError::NotFound`], [`ProviderError::Stale`]; what fails later is in the outcome.
    pub(crate) async fn arrive(
        &self,
        arrival: Arrival<'_>,
        same_browser: impl Fn(&str) -> bool,
    ) -> Result<Outcome, AuthError> {
        let inner = &*self.0;
        inner.providers.find(arrival.id)?;
        let state = arrival.parameters.get("state").ok_or(ProviderError::Stale)?;
        let state = TokenHash::of(state.as_bytes());
        let ticket = inner.stores.tickets.get(TicketPurpose::ProviderState, &state).await?;
        let begun: Begun = payload(&ticket.ok_or(ProviderError::Stale)?)?;
        if begun.provider != arrival.id || !same_browser(&begun.browser) {
            return Err(ProviderError::Stale.into());
        }
        // Good once: of two that come at the same time one goes on.
        match inner.stores.tickets.spend(TicketPurpose::ProviderState, &state, inner.clock.now()).await? {
            Spending::First(_) => {}
            Spending::Again(_) | Spending::Refused => return Err(ProviderError::Stale.into()),
        }
        let result = self.finish(arrival, &begun).await;
        Ok(Outcome { return_to: begun.return_to, result })
    }

    async fn finish(&self, arrival: Arrival<'_>, begun: &Begun) -> Result<Ended, AuthError> {
        let provider = self.0.providers.find(arrival.id)?;
        let now = self.0.clock.now();
        provider.check_issuer(arrival.parameters.get("iss"), now).await?;
        if let Some(error) = arrival.parameters.get("error") {
            let error: String = error.chars().filter(char::is_ascii_graphic).take(64).collect();
            tracing::info!(provider = arrival.id, error, "a provider has not signed somebody in");
            return Err(ProviderError::Refused.into());
        }
        let code = arrival.parameters.get("code").ok_or(ProviderError::BadAnswer)?;
        let proof = Proof { code, verifier: &begun.verifier, nonce: &begun.nonce };
        let person = provider.person(self.provider_redirect_uri(arrival.id), proof, now).await?;
        let config = provider.config();
        if !config.allowed_domains.is_empty() && !person.email.as_deref().is_some_and(|email| config.admits(email)) {
            return Err(ProviderError::DomainNotAllowed.into());
        }
        if let Some(link) = begun.link {
            return self.link_external(link, config, person.identity).await.map(|()| Ended::Linked);
        }
        let account = if config.allow_registration {
            self.external_account(&newcomer(&person)).await?
        } else {
            let account = self.0.stores.accounts.find_external(&person.identity).await?;
            account.ok_or(ProviderError::NoAccount)?
        };
        Ok(Ended::SignedIn(Box::new(self.active(account)?)))
    }

    pub(super) fn active(&self, account: Account) -> Result<Account, AuthError> {
        if account.state == AccountState::Active { Ok(account) } else { Err(AuthError::Suspended) }
    }
}

/// Somebody who comes, as the provider calls them.
fn newcomer(person: &Person) -> Newcomer<'_> {
    let names = [&person.username, &person.email, &person.name];
    Newcomer {
        identity: person.identity.clone(),
        username: names.into_iter().flatten().map(String::as_str).next(),
        display_name: person.name.as_deref(),
        role: TenantRole::Member,
    }
}
