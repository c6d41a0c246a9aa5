//! The rest of a tenant: chat and accounts, as media asks them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bartab_core::store::{
    AccountEntry, AccountFeed, AccountKind, AccountNews, AccountState, AuditEntry, AuditFilter, AuditRecord,
    AuditStore, Holder, MediaAccess, ReferenceChange, ReferenceFeed, ReferencePage, StoreError,
};
use bartab_core::{Actor, EventId, MediaId, Profile, TenantRole, Timestamp, UserId};
use bartab_media::Connections;

/// Chat and accounts.
#[derive(Default)]
pub(crate) struct Tenant {
    log: Mutex<Vec<Option<ReferenceChange>>>,
    accounts: Mutex<Vec<AccountEntry>>,
    readers: Mutex<BTreeSet<(UserId, Holder)>>,
    suspended: Mutex<BTreeSet<UserId>>,
    pub(crate) audit: Mutex<Vec<AuditRecord>>,
    /// Whether it can be asked now.
    pub(crate) is_down: AtomicBool,
}

pub(crate) fn message(number: u128) -> Holder {
    Holder::Message(EventId::from_u128(number))
}

impl Tenant {
    pub(crate) fn connections(self: &Arc<Self>) -> Connections {
        Connections {
            access: self.clone(),
            references: self.clone(),
            accounts: Some(self.clone()),
            audit: Some(self.clone()),
        }
    }

    /// Events that carry nothing.
    pub(crate) fn chatter(&self, events: usize) {
        self.log.lock().unwrap().extend(std::iter::repeat_n(None, events));
    }

    /// An event that says what the holder carries from now on.
    pub(crate) fn carries(&self, holder: Holder, media: &[MediaId]) {
        self.log.lock().unwrap().push(Some(ReferenceChange { holder, media: media.to_vec() }));
    }

    /// That somebody may read what the holder carries.
    pub(crate) fn may_read(&self, reader: &Actor, holder: Holder) {
        self.readers.lock().unwrap().insert((reader.user_id, holder));
    }

    /// That nobody may read what the holder carries any more.
    pub(crate) fn hide(&self, holder: Holder) {
        self.readers.lock().unwrap().retain(|(_, other)| *other != holder);
    }

    /// That somebody's account may not be used.
    pub(crate) fn suspend(&self, user: UserId) {
        self.suspended.lock().unwrap().insert(user);
    }

    /// What happened to an account, and its picture since.
    pub(crate) fn account(&self, user_id: UserId, news: AccountNews, avatar: Option<MediaId>) {
        let mut accounts = self.accounts.lock().unwrap();
        let state = match news {
            AccountNews::Erased { .. } => AccountState::Erased,
            AccountNews::Suspended => AccountState::Suspended,
            _ => AccountState::Active,
        };
        let number = accounts.len() as u64 + 1;
        accounts.push(AccountEntry {
            number,
            user_id,
            at: Timestamp::from_secs(1),
            news,
            kind: AccountKind::Person,
            role: TenantRole::Member,
            state,
            profile: Profile { avatar, ..Profile::default() },
        });
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(StoreError::Unavailable(None)),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ReferenceFeed for Tenant {
    async fn after(&self, position: u64, limit: usize) -> Result<ReferencePage, StoreError> {
        self.check()?;
        let log = self.log.lock().unwrap();
        let rest: Vec<_> = log.iter().skip(position as usize).take(limit).cloned().collect();
        let position = position + rest.len() as u64;
        Ok(ReferencePage { changes: rest.into_iter().flatten().collect(), position })
    }
}

#[async_trait]
impl MediaAccess for Tenant {
    async fn may_read(&self, actor: &Actor, holders: &[Holder]) -> Result<bool, StoreError> {
        self.check()?;
        if self.suspended.lock().unwrap().contains(&actor.user_id) {
            return Ok(false);
        }
        if holders.contains(&Holder::Profile(actor.user_id)) {
            return Ok(true);
        }
        let readers = self.readers.lock().unwrap();
        Ok(holders.iter().any(|holder| readers.contains(&(actor.user_id, *holder))))
    }
}

#[async_trait]
impl AccountFeed for Tenant {
    async fn after(&self, position: u64, limit: usize) -> Result<Vec<AccountEntry>, StoreError> {
        self.check()?;
        let accounts = self.accounts.lock().unwrap();
        Ok(accounts.iter().filter(|entry| entry.number > position).take(limit).cloned().collect())
    }
}

#[async_trait]
impl AuditStore for Tenant {
    async fn append(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.check()?;
        self.audit.lock().unwrap().push(record);
        Ok(())
    }

    async fn list(&self, _: &AuditFilter, _: Option<u64>, _: usize) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(Vec::new())
    }
}
