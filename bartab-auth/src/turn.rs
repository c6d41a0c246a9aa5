//! Acts on accounts, one after the other and each to its end.

use std::future::Future;
use std::sync::Arc;

use bartab_core::UserId;
use bartab_core::store::{AccountFilter, AccountKind, AccountState, StoreError};
use tracing::Instrument as _;

use crate::auth::Auth;
use crate::error::AuthError;

/// So many bots are looked at in one go.
const PAGE: usize = 200;

impl Auth {
    /// Does `work` when it is its turn, and to its end.
    ///
    /// One act after the other, so that what an act was allowed by still holds when it is done. To its end also when the
    /// caller goes away meanwhile, since what is durable must be told in this process, too. At most one such task is
    /// there for a tenant: callers wait before theirs is made.
    pub(crate) async fn in_turn<T, W, F>(&self, work: W) -> Result<T, AuthError>
    where
        T: Send + 'static,
        W: FnOnce(Self) -> F,
        F: Future<Output = Result<T, AuthError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        let work = work(self.clone());
        let task = async move {
            let done = work.await;
            drop(turn);
            done
        };
        tokio::spawn(task.in_current_span()).await.map_err(AuthError::internal)?
    }

    /// Does `work` to its end, also when the caller goes away meanwhile, without waiting for its turn: for what is
    /// durable at one stroke, of which this process must be told then.
    pub(crate) async fn to_its_end<T, W, F>(&self, work: W) -> Result<T, AuthError>
    where
        T: Send + 'static,
        W: FnOnce(Self) -> F,
        F: Future<Output = Result<T, AuthError>> + Send + 'static,
    {
        tokio::spawn(work(self.clone()).in_current_span()).await.map_err(AuthError::internal)?
    }

    /// From here on the access tokens of `user` that say less than `rights_rev` are refused, and those of its bots, if it
    /// has any, that are older than now.
    pub(crate) async fn rights_changed(&self, user: UserId, rights_rev: u64) {
        self.revoke_user(user, rights_rev);
        // Suspended ones, and so all that are deleted, have had their tokens taken back by that, and got none since.
        let state = Some(AccountState::Active);
        let filter = AccountFilter { owner: Some(user), state, ..AccountFilter::default() };
        let mut after = None;
        loop {
            let bots = match self.0.stores.accounts.list(&filter, after, PAGE).await {
                Ok(bots) => bots,
                Err(error) => {
                    // Which tokens are meant is not known, so every one has to be asked for anew.
                    tracing::error!(%error, "the bots of an account cannot be listed");
                    self.0.revocations.refuse_older(self.0.clock.now());
                    return;
                }
            };
            for bot in &bots {
                self.revoke_user(bot.user_id, bot.rights_rev);
            }
            match bots.last() {
                Some(last) if bots.len() == PAGE => after = Some(last.user_id),
                _ => return,
            }
        }
    }

    fn revoke_user(&self, user: UserId, rights_rev: u64) {
        self.0.revocations.add_user(user, rights_rev, self.0.clock.now(), self.0.config.access_token_life());
    }
}

/// A failure after something was written already: "not written" would be wrong.
pub(crate) fn half_done(error: impl Into<AuthError>) -> AuthError {
    match error.into() {
        AuthError::Store(error) if !matches!(error, StoreError::OutcomeUnknown(_)) => {
            AuthError::Store(StoreError::OutcomeUnknown(error.into()))
        }
        error => error,
    }
}

/// Whether it is a bot's account.
pub(crate) fn is_bot(kind: AccountKind) -> bool {
    matches!(kind, AccountKind::Bot { .. })
}
