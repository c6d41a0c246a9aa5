//! Accounts, and the feed of their changes.

use async_trait::async_trait;

use super::{Holder, MemoryIdentity, Records};
use crate::actor::Profile;
use crate::id::UserId;
use crate::store::{
    Account, AccountChange, AccountEntry, AccountFeed, AccountFilter, AccountKind, AccountNews, AccountState,
    AccountStore, Admission, AuditRecord, ClientKind, ExternalIdentity, StoreError,
};
use crate::time::Timestamp;

/// An entry of the feed as it is kept: what the account is now is looked up when it is read.
pub(super) struct News {
    user_id: UserId,
    at: Timestamp,
    news: AccountNews,
}

#[async_trait]
impl AccountStore for MemoryIdentity {
    async fn create(&self, account: Account, admission: Admission) -> Result<(), StoreError> {
        let mut records = self.records();
        let taken = records.accounts.contains_key(&account.user_id)
            || records.usernames.contains_key(&account.username_key)
            || admission.external.as_ref().is_some_and(|external| records.external.contains_key(external))
            || admission.client.as_ref().is_some_and(|client| records.clients.contains_key(&client.client_id));
        if taken {
            return Err(StoreError::Conflict);
        }
        let (mut rooms, mut invited_by) = (Vec::new(), None);
        if let Some((invite, now)) = admission.invite {
            let invite = records.invites.get_mut(&invite).filter(|invite| invite.is_usable(now));
            let invite = invite.ok_or(StoreError::NotFound)?;
            invite.uses += 1;
            rooms.clone_from(&invite.rooms);
            invited_by = invite.created_by;
        }
        if let Some(external) = admission.external {
            records.external.insert(external, Holder { user: account.user_id, linked: false });
        }
        if let Some(client) = admission.client {
            records.clients.insert(client.client_id.clone(), client);
        }
        let news =
            News { user_id: account.user_id, at: account.created_at, news: AccountNews::Created { rooms, invited_by } };
        records.feed.push(news);
        records.usernames.insert(account.username_key.clone(), account.user_id);
        records.accounts.insert(account.user_id, account);
        records.audit(admission.audit);
        Ok(())
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.records().accounts.get(&user).cloned())
    }

    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError> {
        let records = self.records();
        Ok(records.usernames.get(username_key).and_then(|user| records.accounts.get(user)).cloned())
    }

    async fn find_external(&self, identity: &ExternalIdentity) -> Result<Option<Account>, StoreError> {
        let records = self.records();
        Ok(records.external.get(identity).and_then(|holder| records.accounts.get(&holder.user)).cloned())
    }

    async fn external_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        let records = self.records();
        let own = records.external.iter().filter(|(_, holder)| holder.user == user);
        Ok(own.map(|(identity, _)| identity.clone()).collect())
    }

    async fn link(
        &self,
        user: UserId,
        identity: ExternalIdentity,
        audit: Option<AuditRecord>,
    ) -> Result<(), StoreError> {
        let mut records = self.records();
        if records.accounts.get(&user).is_none_or(|account| account.state != AccountState::Active) {
            return Err(StoreError::NotFound);
        }
        match records.external.get(&identity) {
            Some(holder) if holder.user == user => Ok(()),
            Some(_) => Err(StoreError::Conflict),
            None => {
                records.external.insert(identity, Holder { user, linked: true });
                records.audit(audit);
                Ok(())
            }
        }
    }

    async fn unlink(&self, user: UserId, issuer: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError> {
        let mut records = self.records();
        let before = records.external.len();
        records.external.retain(|identity, holder| holder.user != user || identity.issuer != issuer);
        let unlinked = records.external.len() < before;
        records.audit(audit.filter(|_| unlinked));
        Ok(unlinked)
    }

    async fn list(
        &self,
        filter: &AccountFilter,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let records = self.records();
        let rest = records.accounts.values().filter(|account| after.is_none_or(|after| account.user_id > after));
        Ok(rest.filter(|account| filter.admits(account)).take(limit).cloned().collect())
    }

    async fn change(
        &self,
        user: UserId,
        change: AccountChange,
        at: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<Account, StoreError> {
        let mut records = self.records();
        let account = records.accounts.get_mut(&user).ok_or(StoreError::NotFound)?;
        let (username, rights_rev) = (account.username_key.clone(), account.rights_rev);
        let news = change.apply(account, at)?;
        let account = account.clone();
        if account.rights_rev != rights_rev {
            let bots = records.accounts.values_mut().filter(|bot| bot.kind == AccountKind::Bot { owner: user });
            bots.for_each(|bot| bot.revoke(at));
        }
        if let Some(news) = news {
            records.feed.push(News { user_id: user, at, news });
        }
        if matches!(change, AccountChange::Erase { .. }) {
            records.usernames.remove(&username);
            records.usernames.insert(account.username_key.clone(), user);
            records.forget(user);
        }
        if matches!(change, AccountChange::Reset) {
            records.external.retain(|_, holder| holder.user != user || !holder.linked);
        }
        records.audit(audit);
        Ok(account)
    }

    async fn rights_changed_since(&self, since: Timestamp) -> Result<Vec<(UserId, u64)>, StoreError> {
        let records = self.records();
        let changed = records.accounts.values().filter(|account| account.rights_rev > 0 && account.rights_at >= since);
        Ok(changed.map(|account| (account.user_id, account.rights_rev)).collect())
    }
}

impl Records {
    /// Removes what belongs to an account that is erased.
    fn forget(&mut self, user: UserId) {
        self.external.retain(|_, holder| holder.user != user);
        self.consents.retain(|(of, _), _| *of != user);
        self.tickets.retain(|_, ticket| ticket.user != Some(user));
        self.clients.retain(|_, client| !matches!(client.kind, ClientKind::Bot { user: of, .. } if of == user));
        for session in self.sessions.values_mut().filter(|session| session.user_id == user) {
            session.device_name = None;
        }
    }
}

#[async_trait]
impl AccountFeed for MemoryIdentity {
    async fn after(&self, position: u64, limit: usize) -> Result<Vec<AccountEntry>, StoreError> {
        let records = self.records();
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let entry = |(place, kept): (usize, &News)| {
            let account =
                records.accounts.get(&kept.user_id).ok_or_else(|| StoreError::backend("an entry of nobody"))?;
            Ok(AccountEntry {
                number: place as u64 + 1,
                user_id: kept.user_id,
                at: kept.at,
                news: kept.news.clone(),
                kind: account.kind,
                role: account.role,
                state: account.state,
                profile: Profile {
                    name: account.display_name.as_str().into(),
                    avatar: account.avatar,
                    rev: account.profile_rev,
                },
            })
        };
        records.feed.iter().enumerate().skip(position).take(limit).map(entry).collect()
    }
}
