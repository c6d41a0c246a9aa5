//! Sealing the shared secrets anew once the host has another key.

use std::sync::{Mutex, PoisonError};

use bartab_core::UserId;
use bartab_core::store::{Account, AccountFilter, SecondFactorChange, StoreError, TotpSecret};

use super::context;
use crate::auth::Auth;
use crate::error::AuthError;

/// Accounts that are looked at in one go, so that nobody waits for it.
const PAGE: usize = 200;
/// Secrets that are written in one go.
const WRITES: usize = 20;

/// How far it has got since the tenant was opened.
#[derive(Debug, Default)]
pub(crate) struct Resealing(Mutex<Progress>);

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    after: Option<UserId>,
    /// Somebody changed their second factor at that moment, so it is looked at again.
    missed: bool,
    done: bool,
}

impl Auth {
    /// Seals the shared secrets of a few accounts with the first of the host's keys, those that another one or none
    /// has sealed, and answers whether all are done. Call it now and then: each call goes on where the one before ended, and
    /// costs nothing once every account was looked at. It begins anew when the tenant is opened with other keys.
    ///
    /// A code that is checked at the very moment may be refused; the next try succeeds.
    ///
    /// # Errors
    /// [`AuthError::Store`]; [`AuthError::Sealed`] when none of the host's keys opens a secret, which is then left as it is
    /// and tried again.
    pub async fn reseal_second_factors(&self) -> Result<bool, AuthError> {
        let mut progress = self.0.resealing.get();
        if progress.done || self.0.config.sealing_keys.is_empty() {
            return Ok(true);
        }
        let people = AccountFilter { bot: Some(false), ..AccountFilter::default() };
        let accounts = self.0.stores.accounts.list(&people, progress.after, PAGE).await?;
        let (mut unopened, mut written, mut looked_at) = (None, 0, 0);
        for account in &accounts {
            if written == WRITES {
                break;
            }
            looked_at += 1;
            match self.reseal(account).await {
                Ok(changed) => written += usize::from(changed),
                Err(AuthError::Store(StoreError::Conflict)) => progress.missed = true,
                Err(error @ AuthError::Sealed(_)) => {
                    progress.missed = true;
                    unopened = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let is_end = looked_at == accounts.len() && accounts.len() < PAGE;
        progress = match accounts.get(looked_at.saturating_sub(1)).filter(|_| !is_end) {
            Some(last) => Progress { after: Some(last.user_id), ..progress },
            None => Progress { after: None, missed: false, done: !progress.missed },
        };
        self.0.resealing.set(progress);
        unopened.map_or(Ok(progress.done), Err)
    }

    /// Whether there was something to do.
    async fn reseal(&self, account: &Account) -> Result<bool, AuthError> {
        let Some(factor) = &account.second_factor else { return Ok(false) };
        if !self.0.sealer.is_outdated(factor.secret.as_bytes()) {
            return Ok(false);
        }
        let context = context(account.user_id);
        let plain = self.0.sealer.open(&context, factor.secret.as_bytes())?;
        let to = TotpSecret::new(self.0.sealer.seal(&context, &plain)?);
        let change = SecondFactorChange::Reseal { from: factor.secret.clone(), to };
        self.change_factor(account, change, None).await.map(|_| true)
    }
}

impl Resealing {
    fn get(&self) -> Progress {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, progress: Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}
