//! Bots: accounts of programs, each with somebody who answers for it and a client of its own to ask for tokens.

use std::fmt;
use std::time::Duration;

use bartab_core::store::{
    Account, AccountChange, AccountFilter, AccountKind, AccountState, Admission, ClientKind, ClientSecret, Grant,
    KeyAlgorithm, OAuthClient, ProfileChange, SecretRotation, StoreError, TokenHash,
};
use bartab_core::{Actor, BotId, Scope, Scopes, TenantRole, Timestamp, UserId};
use serde_json::json;
use zeroize::Zeroizing;

use crate::audit::with_details;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rights::{BOT, Permission, refuse_apps, require, require_permission};
use crate::rules::Broken;
use crate::turn::half_done;

/// What a bot may when nothing is said.
const USUAL: Scopes =
    Scopes::NONE.with(Scope::ChatRead).with(Scope::ChatWrite).with(Scope::MediaRead).with(Scope::MediaWrite);
/// How long an old secret stays good beside the new one at most.
const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// So many bots one person makes in a day at most, deleted ones too; more when they may have more at a time.
const MADE_A_DAY: usize = 100;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So many accounts are looked at in one go.
const PAGE: usize = 200;

/// A bot: its account, and the client that it asks for tokens with.
#[derive(Clone, Debug)]
pub struct Bot {
    /// The account.
    pub account: Account,
    /// The client.
    pub client: OAuthClient,
}

/// A bot's secret, which is shown once; `Debug` does not show it.
#[derive(Clone)]
pub struct BotSecret {
    /// The bot.
    pub bot_id: BotId,
    /// Its account.
    pub user_id: UserId,
    /// Its name in OAuth 2.
    pub client_id: String,
    /// The secret.
    pub client_secret: Zeroizing<String>,
}

impl fmt::Debug for BotSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotSecret").field("bot_id", &self.bot_id).finish_non_exhaustive()
    }
}

/// What to change in a bot; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BotChange {
    /// The name that others see.
    pub name: Option<String>,
    /// The most that it is given.
    pub scopes: Option<Scopes>,
}

/// The bot whose account this is: both have one number, so that either is found by the other.
pub(crate) const fn bot_of(user: UserId) -> BotId {
    BotId::from_u128(user.as_u128())
}

const fn user_of(bot: BotId) -> UserId {
    UserId::from_u128(bot.as_u128())
}

impl Bot {
    /// Which bot.
    pub const fn bot_id(&self) -> BotId {
        bot_of(self.account.user_id)
    }
}

/// The least role that can have all of `scopes`. A bot is given no more than that: its owner's other rights are not
/// what it was made for.
const fn role_for(scopes: Scopes) -> TenantRole {
    if scopes.contains(Scope::Admin) { TenantRole::Administrator } else { TenantRole::Member }
}

/// Refuses to hand out scopes that the caller's own credentials do not carry.
fn require_all(actor: &Actor, scopes: Scopes) -> Result<(), AuthError> {
    let missing = Scope::ALL.iter().find(|(scope, _)| scopes.contains(*scope) && !actor.scopes.contains(*scope));
    missing.map_or(Ok(()), |(scope, _)| Err(AuthError::InsufficientScope(*scope)))
}

/// What `scopes` holds beyond `other`.
fn beyond(scopes: Scopes, other: Scopes) -> Scopes {
    let names = Scope::ALL.iter().map(|(scope, _)| *scope);
    names.filter(|scope| scopes.contains(*scope) && !other.contains(*scope)).collect()
}

fn check(name: Option<&str>, scopes: Option<Scopes>) -> Result<(), AuthError> {
    let mut broken = Broken::default();
    if let Some(name) = name {
        broken.name("/name", name);
    }
    if let Some(scopes) = scopes {
        broken.bot_scopes(scopes, BOT);
    }
    broken.into_result()
}

impl Auth {
    /// Makes a bot that `actor` answers for, with `scopes` or else those of daily use; neither has any that the caller's
    /// credentials lack.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`]; [`AuthError::OwnClientOnly`]; [`AuthError::PermissionDenied`], also when only
    /// administrators may;
    /// [`AuthError::Invalid`]; [`AuthError::QuotaExceeded`] when the caller has as many as anybody may, or has made
    /// a hundred within a day.
    pub async fn create_bot(&self, actor: &Actor, name: &str, scopes: Option<Scopes>) -> Result<BotSecret, AuthError> {
        require_permission(actor, Permission::BotsCreate)?;
        if !self.may_make_bots(actor) {
            return Err(AuthError::PermissionDenied(Permission::BotsCreate));
        }
        check(Some(name), scopes)?;
        let scopes = scopes.unwrap_or_else(|| USUAL.intersection(actor.scopes));
        require_all(actor, scopes)?;
        let (actor, name) = (actor.clone(), name.to_owned());
        self.in_turn(|auth| async move { auth.make_bot(&actor, &name, scopes).await }).await
    }

    async fn make_bot(&self, actor: &Actor, name: &str, scopes: Scopes) -> Result<BotSecret, AuthError> {
        let inner = &*self.0;
        let owner = self.account(actor.user_id).await?;
        let rights = self.rights(&owner).await?.ok_or(AuthError::Suspended)?;
        // The role may have changed since the credentials were made.
        if rights.role < TenantRole::Member || !scopes.is_subset(rights.scopes) {
            return Err(AuthError::PermissionDenied(Permission::BotsCreate));
        }
        let limit = inner.config.bots_per_owner as usize;
        // Deleted ones are suspended for ever.
        let mine =
            AccountFilter { owner: Some(owner.user_id), state: Some(AccountState::Active), ..Default::default() };
        let used = inner.stores.accounts.list(&mine, None, limit).await?.len();
        if used >= limit {
            return Err(AuthError::QuotaExceeded { limit: limit as u64, used: used as u64 });
        }
        let now = inner.clock.now();
        // Deleted ones give their places back, but their accounts stay for ever.
        let day_ago = now.as_millis().saturating_sub(DAY.as_millis() as u64);
        let recent = AccountFilter { owner: Some(owner.user_id), ..AccountFilter::default() };
        let (since, daily) = (UserId::from_u128(u128::from(day_ago) << 80), limit.max(MADE_A_DAY));
        let made = inner.stores.accounts.list(&recent, Some(since), daily).await?.len();
        if made >= daily {
            return Err(AuthError::QuotaExceeded { limit: daily as u64, used: made as u64 });
        }
        let account = bot_account(UserId::new(now, &*inner.random), owner.user_id, name, role_for(scopes), now);
        let secret = Zeroizing::new(self.random_text::<32>());
        let client = bot_client(&account, scopes, TokenHash::of(secret.as_bytes()), owner.user_id);
        let made = BotSecret {
            bot_id: bot_of(account.user_id),
            user_id: account.user_id,
            client_id: client.client_id.clone(),
            client_secret: secret,
        };
        let record = self.audited(actor, "bot.created", made.bot_id, None);
        let record = with_details(record, &json!({"scopes": scopes.to_string()}));
        let admission = Admission { client: Some(client), audit: Some(record), ..Admission::default() };
        inner.stores.accounts.create(account, admission).await?;
        inner.accounts_changed();
        Ok(made)
    }

    /// Up to `limit` bots of `owner` that are not deleted, by rising id, from the first one above `after` on.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], [`AuthError::PermissionDenied`] for the bots of somebody else.
    pub async fn bots(
        &self,
        actor: &Actor,
        owner: UserId,
        after: Option<BotId>,
        limit: usize,
    ) -> Result<Vec<Bot>, AuthError> {
        if owner == actor.user_id {
            require(actor, Scope::ProfileWrite)?;
        } else {
            require_permission(actor, Permission::BotsRead)?;
        }
        let filter = AccountFilter { owner: Some(owner), ..AccountFilter::default() };
        let mut after = after.map(user_of);
        let mut bots = Vec::new();
        loop {
            let accounts = self.0.stores.accounts.list(&filter, after, PAGE).await?;
            let last = accounts.last().map(|account| account.user_id).filter(|_| accounts.len() == PAGE);
            for account in accounts {
                let client = self.0.stores.clients.get(&bot_of(account.user_id).to_string()).await?;
                bots.extend(client.map(|client| Bot { account, client }));
                if bots.len() == limit {
                    return Ok(bots);
                }
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(bots),
            }
        }
    }

    /// Changes a bot of the caller's. Taking scopes away also takes back the access tokens that are about.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], also for a new scope that the caller's credentials lack;
    /// [`AuthError::PermissionDenied`], [`AuthError::Invalid`], [`AuthError::BotNotFound`].
    pub async fn change_bot(&self, actor: &Actor, bot: BotId, change: BotChange) -> Result<Bot, AuthError> {
        require_permission(actor, Permission::BotsCreate)?;
        check(change.name.as_deref(), change.scopes)?;
        let actor = actor.clone();
        self.in_turn(|auth| async move {
            let bot = auth.own_bot(&actor, bot).await?;
            let bot = match change.scopes.filter(|scopes| *scopes != bot.client.scopes) {
                Some(scopes) => auth.set_bot_scopes(&actor, bot, scopes).await?,
                None => bot,
            };
            match change.name.filter(|name| *name != bot.account.display_name) {
                Some(name) => auth.rename_bot(&actor, bot, name).await,
                None => Ok(bot),
            }
        })
        .await
    }

    async fn set_bot_scopes(&self, actor: &Actor, bot: Bot, scopes: Scopes) -> Result<Bot, AuthError> {
        let before = bot.client.scopes;
        require_all(actor, beyond(scopes, before))?;
        let record = self.audited(actor, "bot.scopes_changed", bot.bot_id(), None);
        let record = with_details(record, &json!({"from": before.to_string(), "to": scopes.to_string()}));
        let client = self.0.stores.clients.set_scopes(&bot.client.client_id, scopes, Some(record)).await?;
        let Bot { mut account, .. } = bot;
        // A role that an administrator gave it beyond what its scopes take stays, but for that of an administrator.
        let (had, needs) = (role_for(before), role_for(scopes));
        if had != needs {
            account = self.change_of_bot(&account, AccountChange::Role(needs)).await?;
        }
        if !before.is_subset(scopes) {
            account = self.change_of_bot(&account, AccountChange::Revoke).await?;
        }
        Ok(Bot { account, client })
    }

    async fn rename_bot(&self, actor: &Actor, bot: Bot, name: String) -> Result<Bot, AuthError> {
        let record = self.audited(actor, "bot.renamed", bot.bot_id(), None);
        let change = AccountChange::Profile(ProfileChange { display_name: Some(name), avatar: None });
        let account = self.0.stores.accounts.change(bot.account.user_id, change, record.at, Some(record)).await?;
        self.0.accounts_changed();
        Ok(Bot { account, ..bot })
    }

    /// What follows from a change that was written already.
    async fn change_of_bot(&self, bot: &Account, change: AccountChange) -> Result<Account, AuthError> {
        let changed = self.0.stores.accounts.change(bot.user_id, change, self.0.clock.now(), None).await;
        let changed = changed.map_err(half_done)?;
        if changed.rights_rev != bot.rights_rev {
            self.rights_changed(bot.user_id, changed.rights_rev).await;
        }
        self.0.accounts_changed();
        Ok(changed)
    }

    /// Gives a bot of the caller's another secret. The old one stays good for `overlap`, at most a week; without any, the
    /// access tokens that are about are refused, too.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], also for a scope of the bot's that the caller's credentials lack: who holds the
    /// secret has them all; [`AuthError::PermissionDenied`], [`AuthError::Invalid`], [`AuthError::BotNotFound`].
    pub async fn rotate_bot_secret(
        &self,
        actor: &Actor,
        bot: BotId,
        overlap: Duration,
    ) -> Result<BotSecret, AuthError> {
        require_permission(actor, Permission::BotsCreate)?;
        let mut broken = Broken::default();
        if overlap > MAX_OVERLAP {
            broken.out_of_range("/overlap_seconds", "at most 604800 seconds, which is a week");
        }
        broken.into_result()?;
        let actor = actor.clone();
        self.in_turn(move |auth| async move {
            let bot = auth.own_bot(&actor, bot).await?;
            require_all(&actor, bot.client.scopes)?;
            let secret = Zeroizing::new(auth.random_text::<32>());
            let now = auth.0.clock.now();
            let next = TokenHash::of(secret.as_bytes());
            let rotation = SecretRotation { next, now, old_until: now.after(overlap) };
            let record = auth.audited(&actor, "bot.secret_rotated", bot.bot_id(), None);
            let record = with_details(record, &json!({"overlap_seconds": overlap.as_secs()}));
            let client = auth.0.stores.clients.rotate_secret(&bot.client.client_id, rotation, Some(record)).await?;
            if overlap.is_zero() {
                auth.change_of_bot(&bot.account, AccountChange::Revoke).await?;
            }
            Ok(BotSecret {
                bot_id: bot.bot_id(),
                user_id: bot.account.user_id,
                client_id: client.client_id,
                client_secret: secret,
            })
        })
        .await
    }

    /// Deletes a bot of the caller's: its account is suspended for ever, its client is gone, and its access tokens are
    /// refused. What it wrote stays, under its name.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], [`AuthError::OwnClientOnly`], [`AuthError::BotNotFound`].
    pub async fn delete_bot(&self, actor: &Actor, bot: BotId) -> Result<(), AuthError> {
        refuse_apps(actor)?;
        require(actor, Scope::ProfileWrite)?;
        let actor = actor.clone();
        self.in_turn(move |auth| async move {
            let bot = auth.own_bot(&actor, bot).await?;
            auth.retire_bot(&bot.account).await?;
            let record = auth.audited(&actor, "bot.deleted", bot.bot_id(), None);
            auth.0.stores.clients.remove(&bot.client.client_id, Some(record)).await.map_err(half_done)?;
            Ok(())
        })
        .await
    }

    /// Deletes the bots of somebody who is gone; the entry in the trail is that person's.
    pub(crate) async fn delete_bots_of(&self, owner: UserId) -> Result<(), AuthError> {
        let filter = AccountFilter { owner: Some(owner), ..AccountFilter::default() };
        let mut after = None;
        loop {
            let bots = self.0.stores.accounts.list(&filter, after, PAGE).await.map_err(half_done)?;
            for bot in &bots {
                self.retire_bot(bot).await?;
                self.0.stores.clients.remove(&bot_of(bot.user_id).to_string(), None).await.map_err(half_done)?;
            }
            match bots.last() {
                Some(last) if bots.len() == PAGE => after = Some(last.user_id),
                _ => return Ok(()),
            }
        }
    }

    /// Puts secrets that nobody knows in the place of those of the bots of `owner`, who makes new ones when they are back;
    /// the access tokens of the bots are taken back with those of the owner.
    pub(crate) async fn disable_secrets_of(&self, owner: UserId) -> Result<(), AuthError> {
        let filter = AccountFilter { owner: Some(owner), ..AccountFilter::default() };
        let mut after = None;
        loop {
            let bots = self.0.stores.accounts.list(&filter, after, PAGE).await?;
            for bot in &bots {
                let now = self.0.clock.now();
                let next = TokenHash::of(self.random_text::<32>().as_bytes());
                let rotation = SecretRotation { next, now, old_until: now };
                match self.0.stores.clients.rotate_secret(&bot_of(bot.user_id).to_string(), rotation, None).await {
                    // It is deleted.
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            match bots.last() {
                Some(last) if bots.len() == PAGE => after = Some(last.user_id),
                _ => return Ok(()),
            }
        }
    }

    async fn retire_bot(&self, bot: &Account) -> Result<(), AuthError> {
        if bot.state == AccountState::Active {
            self.change_of_bot(bot, AccountChange::Suspend).await?;
        }
        Ok(())
    }

    /// The caller's bot. Somebody else's is no other than none.
    async fn own_bot(&self, actor: &Actor, bot: BotId) -> Result<Bot, AuthError> {
        let account = self.0.stores.accounts.get(user_of(bot)).await?;
        let own = |account: &Account| account.kind == AccountKind::Bot { owner: actor.user_id };
        let account = account.filter(own).ok_or(AuthError::BotNotFound)?;
        let client = self.0.stores.clients.get(&bot.to_string()).await?.ok_or(AuthError::BotNotFound)?;
        Ok(Bot { account, client })
    }
}

fn bot_account(user_id: UserId, owner: UserId, name: &str, role: TenantRole, now: Timestamp) -> Account {
    let username = bot_of(user_id).to_string();
    Account {
        user_id,
        username_key: username.clone(),
        username,
        kind: AccountKind::Bot { owner },
        display_name: name.to_owned(),
        avatar: None,
        profile_rev: 1,
        password: None,
        role,
        state: AccountState::Active,
        messages_erased: false,
        second_factor: None,
        rate_percent: 100,
        rights_rev: 0,
        rights_at: now,
        created_at: now,
    }
}

fn bot_client(account: &Account, scopes: Scopes, secret: TokenHash, owner: UserId) -> OAuthClient {
    let bot = bot_of(account.user_id);
    OAuthClient {
        client_id: bot.to_string(),
        kind: ClientKind::Bot { bot, user: account.user_id },
        name: account.display_name.clone(),
        secrets: vec![ClientSecret { hash: secret, created_at: account.created_at, expires_at: None }],
        redirect_uris: Vec::new(),
        scopes,
        grants: [Grant::ClientCredentials].into_iter().collect(),
        id_token_algorithm: KeyAlgorithm::EdDsa,
        created_at: account.created_at,
        created_by: Some(owner),
    }
}
