//! Accounts in memory, and a chat that follows them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bartab_chat::Config;
use bartab_core::store::{
    Account, AccountChange, AccountEntry, AccountFeed, AccountKind, AccountState, AccountStore, Admission, Invite,
    InviteStore, MemoryIdentity, StoreError, TokenHash,
};
use bartab_core::{Actor, ActorKind, InviteId, TenantRole, Timestamp, UserId};

use crate::support::{Client, World, person};

/// The accounts of a tenant, kept elsewhere.
#[derive(Clone, Default)]
pub(super) struct Accounts(Arc<Inner>);

#[derive(Default)]
struct Inner {
    identity: MemoryIdentity,
    fails: AtomicBool,
    reads: AtomicUsize,
    entries: AtomicUsize,
}

#[async_trait]
impl AccountFeed for Inner {
    async fn after(&self, position: u64, limit: usize) -> Result<Vec<AccountEntry>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(None));
        }
        let entries = self.identity.after(position, limit).await?;
        self.entries.fetch_add(entries.len(), Ordering::SeqCst);
        Ok(entries)
    }
}

fn id(name: &str) -> UserId {
    person(name).user_id
}

fn account(name: &str) -> Account {
    let at = Timestamp::from_secs(1_700_000_000);
    Account {
        user_id: id(name),
        username: name.to_owned(),
        username_key: name.to_owned(),
        kind: AccountKind::Person,
        display_name: name.to_owned(),
        avatar: None,
        profile_rev: 1,
        password: None,
        role: TenantRole::Member,
        state: AccountState::Active,
        messages_erased: false,
        second_factor: None,
        rate_percent: 100,
        rights_rev: 0,
        rights_at: at,
        created_at: at,
    }
}

impl Accounts {
    pub(super) fn feed(&self) -> Arc<dyn AccountFeed> {
        self.0.clone()
    }

    /// Makes an account, by an invite when it names rooms.
    pub(super) async fn register(&self, name: &str, rooms: &[&str]) {
        self.invited(name, rooms, None).await;
    }

    /// The same by an invite of this person.
    pub(super) async fn invited(&self, name: &str, rooms: &[&str], created_by: Option<UserId>) {
        let mut admission = Admission::default();
        if !rooms.is_empty() {
            let account = account(name);
            let invite = Invite {
                invite_id: InviteId::from_u128(account.user_id.as_u128()),
                code: TokenHash::of(name.as_bytes()),
                created_by,
                role: TenantRole::Member,
                rooms: rooms.iter().map(|room| room.parse().unwrap()).collect(),
                max_uses: None,
                uses: 0,
                created_at: account.created_at,
                expires_at: None,
                revoked_at: None,
            };
            admission.invite = Some((invite.invite_id, account.created_at));
            InviteStore::create(&self.0.identity, invite, None).await.unwrap();
        }
        AccountStore::create(&self.0.identity, account(name), admission).await.unwrap();
    }

    pub(super) async fn bot(&self, name: &str, owner: &str) {
        let bot = Account { kind: AccountKind::Bot { owner: id(owner) }, ..account(name) };
        AccountStore::create(&self.0.identity, bot, Admission::default()).await.unwrap();
    }

    pub(super) async fn change(&self, name: &str, change: AccountChange) {
        let at = Timestamp::from_secs(1_700_000_001);
        AccountStore::change(&self.0.identity, id(name), change, at, None).await.unwrap();
    }

    /// Makes reading the feed fail, or work again.
    pub(super) fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    /// How often the feed was read.
    pub(super) fn reads(&self) -> usize {
        self.0.reads.load(Ordering::SeqCst)
    }

    /// How many entries were given.
    pub(super) fn entries(&self) -> usize {
        self.0.entries.load(Ordering::SeqCst)
    }
}

/// A chat that follows accounts.
pub(super) struct Tenant {
    pub(super) world: World,
}

impl Tenant {
    pub(super) async fn open(accounts: &Accounts) -> Self {
        Self::follow(World::new().await, accounts).await
    }

    pub(super) async fn follow(world: World, accounts: &Accounts) -> Self {
        world.chat.follow_accounts(accounts.feed()).await.unwrap();
        Self { world }
    }

    /// The same stores opened again.
    pub(super) async fn reopen(&self, accounts: &Accounts) -> Self {
        self.world.chat.close().await;
        Self::follow(World::over(self.world.stores.clone(), Config::default()).await, accounts).await
    }

    /// Somebody with a token that was made when the account was new.
    pub(super) fn person(&self, name: &str) -> Client {
        self.world.person(name)
    }

    pub(super) fn bot(&self, name: &str, owner: &str) -> Client {
        self.world.client(Actor { kind: ActorKind::Bot { owner: id(owner) }, ..person(name) })
    }
}
