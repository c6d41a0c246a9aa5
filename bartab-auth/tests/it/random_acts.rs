//! Whatever people and bots try to do to one another in whatever order: nobody ends with more rights than the rules
//! allow, and the trail has one entry for every act that was done and none for those that were refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartab_auth::{Act, AuthError, NewAccount};
use bartab_core::store::{Account, AccountFilter, AccountKind, AccountState, AuditActor, AuditEntry, AuditFilter};
use bartab_core::{Actor, Scope, Scopes, TenantRole, UserId};
use proptest::prelude::*;

use crate::world::World;

const ROLES: [TenantRole; 5] =
    [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Administrator, TenantRole::Owner];
/// The people at first: each role, those who can do something twice; the two bots of `BOT_OWNERS` come after them.
const PEOPLE: [TenantRole; 7] = [
    TenantRole::Owner,
    TenantRole::Owner,
    TenantRole::Administrator,
    TenantRole::Administrator,
    TenantRole::Moderator,
    TenantRole::Member,
    TenantRole::Guest,
];
const BOT_OWNERS: [usize; 2] = [0, 2];
const EVERYBODY: usize = PEOPLE.len() + BOT_OWNERS.len();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    Role(TenantRole),
    Rate(u32),
    Suspend,
    Restore,
    Erase { messages: bool },
}

#[derive(Clone, Copy, Debug)]
struct Step {
    actor: usize,
    subject: usize,
    what: Try,
    /// With what was known of the actor before the last time that they were somebody else.
    stale: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        6 => prop::sample::select(ROLES.to_vec()).prop_map(Try::Role),
        1 => prop::sample::select(vec![50_u32, 100]).prop_map(Try::Rate),
        2 => Just(Try::Suspend),
        3 => Just(Try::Restore),
        1 => any::<bool>().prop_map(|messages| Try::Erase { messages }),
    ];
    // Those at the top do more than others.
    let actor = prop_oneof![3 => 0..4_usize, 1 => 0..EVERYBODY];
    (actor, 0..EVERYBODY, what, prop::bool::weighted(0.2)).prop_map(|(actor, subject, what, stale)| Step {
        actor,
        subject,
        what,
        stale,
    })
}

/// A tenant with its people and bots, and the first actor of each.
struct Tenant {
    world: World,
    users: Vec<UserId>,
    bots: BTreeMap<UserId, (String, String)>,
    first: Vec<Arc<Actor>>,
}

type Snapshot = BTreeMap<UserId, Account>;

impl Tenant {
    async fn open() -> Self {
        let world = World::open().await;
        let mut users = Vec::new();
        for (place, role) in PEOPLE.into_iter().enumerate() {
            let username = format!("user{place}");
            let new = NewAccount { username: &username, password: None, display_name: None, role, reason: None };
            users.push(world.service.auth().create_account(new).await.unwrap().user_id);
        }
        let mut tenant = Self { world, users, bots: BTreeMap::new(), first: Vec::new() };
        for place in 0..PEOPLE.len() {
            tenant.first.push(tenant.actor(tenant.users[place]).await.unwrap());
        }
        for owner in BOT_OWNERS {
            let all = Scopes::NONE.with(Scope::ChatRead).with(Scope::Admin);
            let auth = tenant.world.service.auth();
            let bot = auth.create_bot(&tenant.first[owner], "Bot", Some(all)).await.unwrap();
            tenant.users.push(bot.user_id);
            tenant.bots.insert(bot.user_id, (bot.client_id, bot.client_secret.to_string()));
            tenant.first.push(tenant.actor(bot.user_id).await.unwrap());
        }
        tenant
    }

    /// Who `user` is to whoever verifies a token that is made now; `None` when none is made.
    async fn actor(&self, user: UserId) -> Option<Arc<Actor>> {
        let auth = self.world.service.auth();
        let token = match self.bots.get(&user) {
            None => auth.sign_in(user, None).await.ok()?.access_token,
            Some((client, secret)) => {
                let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
                let answer = self.world.form("/v1/oauth2/token", &form).await;
                answer.json()["access_token"].as_str()?.to_owned()
            }
        };
        Some(auth.verifier().verify(&token).unwrap())
    }

    async fn accounts(&self) -> Snapshot {
        let all = self.world.stores.accounts.list(&AccountFilter::default(), None, 100).await.unwrap();
        all.into_iter().map(|account| (account.user_id, account)).collect()
    }

    async fn trail(&self) -> Vec<AuditEntry> {
        self.world.stores.audit.list(&AuditFilter::default(), None, 10_000).await.unwrap()
    }

    async fn attempt(&self, actor: Arc<Actor>, subject: UserId, what: Try) -> Result<Account, AuthError> {
        let (auth, act) = (self.world.service.auth(), Act::of(actor, "as it comes"));
        match what {
            Try::Role(role) => auth.set_role(&act, subject, role).await,
            Try::Rate(percent) => auth.set_rate_percent(&act, subject, percent).await,
            Try::Suspend => auth.suspend(&act, subject).await,
            Try::Restore => auth.restore(&act, subject).await,
            Try::Erase { messages } => auth.erase(&act, subject, messages).await,
        }
    }
}

/// The role that somebody has in truth: a bot's is no higher than its owner's.
fn true_role(accounts: &Snapshot, user: UserId) -> Option<TenantRole> {
    let account = &accounts[&user];
    let owner = match account.kind {
        AccountKind::Bot { owner } => Some(&accounts[&owner]),
        _ => None,
    };
    let usable = account.state == AccountState::Active && owner.is_none_or(|owner| owner.state == AccountState::Active);
    usable.then(|| owner.map_or(account.role, |owner| owner.role.min(account.role)))
}

/// What an account is apart from what follows from others.
fn essence(account: &Account) -> Account {
    Account { rights_rev: 0, rights_at: account.created_at, ..account.clone() }
}

fn active_owners(accounts: &Snapshot) -> usize {
    let owns = |account: &&Account| account.role == TenantRole::Owner && account.state == AccountState::Active;
    accounts.values().filter(owns).count()
}

/// What every act that changed something must have been.
fn check_done(before: &Snapshot, after: &Snapshot, actor: UserId, subject: UserId, what: Try) {
    let role = true_role(before, actor).unwrap();
    assert!(role >= TenantRole::Administrator, "{role:?} {what:?}");
    let (was, is) = (&before[&subject], &after[&subject]);
    let steps_down = actor == subject && role == TenantRole::Owner;
    assert!(was.role < role || steps_down, "{role:?} on {:?}", was.role);
    assert!(is.role < role || role == TenantRole::Owner, "{role:?} made {:?}", is.role);
    if actor == subject {
        assert!(matches!(what, Try::Role(_) | Try::Rate(_)), "{what:?}");
    }
    if was.state == AccountState::Erased {
        assert_eq!(what, Try::Erase { messages: true });
        assert_eq!((was.messages_erased, &Account { messages_erased: true, ..was.clone() }), (false, is));
    }
    assert!(is.kind == AccountKind::Person || is.role != TenantRole::Owner);
    // Nobody else is touched, but that the bots of who is erased are gone.
    for (user, account) in before {
        let own_bot = account.kind == AccountKind::Bot { owner: subject } && matches!(what, Try::Erase { .. });
        if *user != subject && !own_bot {
            assert_eq!(essence(account), essence(&after[user]));
        }
    }
}

async fn run(steps: Vec<Step>) {
    let tenant = Tenant::open().await;
    for step in steps {
        let (actor, subject) = (tenant.users[step.actor], tenant.users[step.subject]);
        let (before, trail) = (tenant.accounts().await, tenant.trail().await);
        let fresh = if step.stale { None } else { tenant.actor(actor).await };
        let known = fresh.unwrap_or_else(|| Arc::clone(&tenant.first[step.actor]));
        let result = tenant.attempt(known, subject, step.what).await;
        let (after, mut longer) = (tenant.accounts().await, tenant.trail().await);
        if before[&subject] == after[&subject] {
            assert_eq!(before, after, "{step:?} {result:?}");
            assert_eq!(longer, trail, "{step:?} {result:?}");
        } else {
            assert!(result.is_ok(), "{step:?} {result:?}");
            check_done(&before, &after, actor, subject, step.what);
            let entry = longer.remove(0);
            assert_eq!((entry.actor, entry.subject), (AuditActor::User(actor), Some(subject.to_string())));
            assert_eq!(longer, trail, "{step:?}");
        }
        assert!(active_owners(&after) > 0, "{step:?}");
        for user in [actor, subject] {
            let (role, now) = (true_role(&after, user), tenant.actor(user).await);
            assert_eq!(now.as_ref().map(|actor| actor.tenant_role), role.filter(|_| now.is_some()), "{step:?}");
            assert!(now.is_none() || role.is_some(), "{step:?}");
            if let Some(actor) = now {
                let administers = actor.scopes.contains(Scope::Admin);
                assert!(!administers || role >= Some(TenantRole::Administrator), "{step:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nobody_ends_with_more_than_the_rules_allow(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
