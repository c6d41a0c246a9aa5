//! The tenant's signing keys: made when they are first needed, kept, and exchanged for others in time.

mod plan;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bartab_core::store::{
    AuditActor, AuditRecord, KeyAlgorithm, KeyChange, KeyState, KeyStore, SigningKey, StoreError,
};
use bartab_core::{Clock, Random, Timestamp};
use serde::Serialize;
use tokio::sync::Mutex;

use self::plan::{Plan, Policy, Seen, Wish, plan};
use crate::acts::{Act, Authority};
use crate::auth::{Auth, AuthStores};
use crate::config::Config;
use crate::error::AuthError;
use crate::rights::Permission;
use crate::seal::Sealer;
use crate::token::{Ring, generate};

/// So often a change is decided anew because another node was faster.
const ATTEMPTS: usize = 8;
/// How far the clocks of those who make and those who check tokens may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The signing keys of a tenant, in the store and in use.
pub(crate) struct Keys {
    store: Arc<dyn KeyStore>,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    policy: Policy,
    ring: Ring,
    /// Held from reading the store until what was read is in use, so that nothing old replaces something new.
    turn: Mutex<()>,
}

/// What one wants to know of a key; its private half is not among it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// Its name in tokens: the RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// What it is used for.
    pub state: KeyState,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// Since when it is in this state.
    pub state_since: Timestamp,
    /// When it goes on by itself: the next one begins to sign, the one that signs is replaced, the retired one is gone.
    /// `None`: only when somebody says so.
    pub changes_at: Option<Timestamp>,
}

/// Another key is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyRotation {
    /// Which one is to be replaced; `None`: all of them.
    pub algorithm: Option<KeyAlgorithm>,
    /// At once, with a key that nobody knows yet: for emergencies. Who verifies with a copy of the key set asks for it
    /// anew when it meets the first token; the old key's tokens stay good, unless it is retired by its name.
    pub now: bool,
}

impl Keys {
    /// The keys that the store holds, one for the tenant's access tokens among them.
    pub(crate) async fn open(
        stores: &AuthStores,
        config: &Config,
        sealer: &Arc<Sealer>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Result<Self, AuthError> {
        let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
        let policy = Policy {
            rotate_after: (config.rotate_after_days > 0).then(|| days(config.rotate_after_days)),
            publish_ahead: Duration::from_secs(config.publish_ahead_seconds),
            token_life: config.longest_token_life() + CLOCK_SKEW,
        };
        // Nothing signs before the first key is there.
        let ring = Ring::new(Vec::new(), sealer)?;
        let keys = Self {
            store: Arc::clone(&stores.keys),
            sealer: Arc::clone(sealer),
            clock: Arc::clone(clock),
            random: Arc::clone(random),
            policy,
            ring,
            turn: Mutex::new(()),
        };
        keys.change(Wish::Ensure(config.token_algorithm), None).await?;
        Ok(keys)
    }

    pub(crate) const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Changes the keys as `wish` and their age demand, and goes over to what is then stored. Without an act, the program
    /// does so by itself.
    async fn change(&self, wish: Wish<'_>, act: Option<&Act>) -> Result<(), AuthError> {
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let stored = self.store.list().await?;
            let now = self.clock.now();
            check(wish, &stored)?;
            let plan = self.plan(&stored, wish, now);
            if plan == Plan::default() {
                return self.ring.exchange(stored, &self.sealer);
            }
            let change = self.realise(&plan, &stored, now).await?;
            let audit = record(wish, &plan, &change, act, now);
            match self.store.change(change, audit).await {
                Ok(stored) => return self.ring.exchange(stored, &self.sealer),
                // Another node was faster: what is to be done now may be something else.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AuthError::internal("the signing keys change too fast"))
    }

    fn plan(&self, stored: &[SigningKey], wish: Wish<'_>, now: Timestamp) -> Plan {
        let ring = self.ring.load();
        let seen: Vec<Seen<'_>> = stored
            .iter()
            .map(|key| Seen {
                key,
                last_signed: ring.last_signed(&key.kid),
                outdated: key.state != KeyState::Retired && self.sealer.is_outdated(key.private.as_bytes()),
            })
            .collect();
        plan(&seen, wish, &self.policy, now)
    }

    /// The change that `plan` means, with the keys that it wants made.
    async fn realise(&self, plan: &Plan, stored: &[SigningKey], now: Timestamp) -> Result<KeyChange, AuthError> {
        let mut insert = Vec::with_capacity(plan.make.len());
        for (algorithm, state) in plan.make.iter().copied() {
            let (random, sealer) = (Arc::clone(&self.random), Arc::clone(&self.sealer));
            // An RSA key takes its time.
            let making = tokio::task::spawn_blocking(move || generate(algorithm, state, &*random, &sealer, now));
            insert.push(making.await.map_err(AuthError::internal)??);
        }
        let (set, remove) = (plan.set.clone(), plan.remove.clone());
        Ok(KeyChange { insert, set, remove, ..KeyChange::from_state(stored) })
    }

    fn info(&self, key: &SigningKey) -> KeyInfo {
        let after = |duration| key.state_since.after(duration);
        KeyInfo {
            kid: key.kid.clone(),
            algorithm: key.algorithm,
            state: key.state,
            created_at: key.created_at,
            state_since: key.state_since,
            changes_at: match key.state {
                KeyState::Next => Some(after(self.policy.publish_ahead)),
                KeyState::Active => self.policy.rotate_after.map(after),
                _ => Some(after(self.policy.token_life)),
            },
        }
    }
}

/// Refuses what names a key that is not there.
fn check(wish: Wish<'_>, stored: &[SigningKey]) -> Result<(), AuthError> {
    let there = match wish {
        Wish::Retire(kid) => stored.iter().any(|key| key.kid == kid),
        Wish::Rotate { algorithm: Some(algorithm), .. } => stored.iter().any(|key| key.algorithm == algorithm),
        _ => true,
    };
    if there { Ok(()) } else { Err(AuthError::KeyNotFound) }
}

/// What the audit trail says of a change; nothing of the first key of all.
fn record(wish: Wish<'_>, plan: &Plan, change: &KeyChange, act: Option<&Act>, at: Timestamp) -> Option<AuditRecord> {
    #[derive(Serialize)]
    struct Details<'a> {
        published: Vec<&'a str>,
        activated: Vec<&'a str>,
        retired: Vec<&'a str>,
        removed: Vec<&'a str>,
    }
    let made = |wanted: KeyState| change.insert.iter().filter(move |key| key.state == wanted).map(|key| &*key.kid);
    let set = |wanted: KeyState| plan.set.iter().filter(move |(_, state, _)| *state == wanted).map(|(kid, ..)| &**kid);
    let details = Details {
        published: made(KeyState::Next).collect(),
        activated: made(KeyState::Active).chain(set(KeyState::Active)).collect(),
        retired: set(KeyState::Retired).collect(),
        removed: plan.remove.iter().map(String::as_str).collect(),
    };
    let (action, subject) = match wish {
        Wish::Ensure(_) if change.expected.is_empty() => return None,
        Wish::Ensure(_) if details.retired.is_empty() && !change.insert.is_empty() => {
            ("key.made", details.activated.first().copied())
        }
        Wish::Retire(kid) => ("key.retired", Some(kid)),
        _ if !details.activated.is_empty() => ("key.rotated", details.activated.first().copied()),
        _ if !details.published.is_empty() => ("key.published", details.published.first().copied()),
        _ => ("key.removed", details.removed.first().copied()),
    };
    let actor = act.map_or(AuditActor::System, Act::actor);
    let reason = act.map(|act| act.reason.clone());
    let subject = subject.map(str::to_owned);
    Some(AuditRecord { at, actor, action, subject, reason, details: serde_json::to_string(&details).ok() })
}

impl Auth {
    /// The signing keys as they are in use, oldest first.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`].
    pub fn keys(&self, by: &Authority) -> Result<Vec<KeyInfo>, AuthError> {
        by.require(Permission::KeysManage)?;
        Ok(self.keys_in_use())
    }

    fn keys_in_use(&self) -> Vec<KeyInfo> {
        let keys = &self.0.keys;
        keys.ring.load().records().iter().map(|key| keys.info(key)).collect()
    }

    /// Does what the age of the keys demands, and takes over what another process has changed: publishes the next one,
    /// lets it sign once it has been published for long enough, and removes those whose tokens are dead.
    ///
    /// The program that holds the service calls this now and then: every few minutes is enough. Opening does it too.
    /// Several processes on one store may.
    ///
    /// # Errors
    /// [`AuthError::Store`], [`AuthError::Sealed`]; the keys in use are then as they were.
    pub async fn tend_keys(&self) -> Result<(), AuthError> {
        self.0.keys.change(Wish::Nothing, None).await
    }

    /// Sees to it that there is a key to sign with for `algorithm`; the first time it is made.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub(crate) async fn ensure_key(&self, algorithm: KeyAlgorithm) -> Result<(), AuthError> {
        if self.0.keys.ring.load().signs_with(algorithm) {
            return Ok(());
        }
        self.0.keys.change(Wish::Ensure(algorithm), None).await
    }

    /// Puts other keys in the place of those that sign, and gives the keys as they are then.
    ///
    /// Unless it is to be now, the next key is only published: it signs once everybody can know it, and while one is
    /// waiting to, nothing changes.
    ///
    /// # Errors
    /// [`AuthError::KeyNotFound`] when nothing is signed with the algorithm; [`AuthError::Invalid`] for the reason;
    /// [`AuthError::InsufficientScope`], [`AuthError::PermissionDenied`]; [`AuthError::Store`].
    pub async fn rotate_keys(&self, act: &Act, rotation: KeyRotation) -> Result<Vec<KeyInfo>, AuthError> {
        act.check(Permission::KeysManage)?;
        let KeyRotation { algorithm, now } = rotation;
        self.0.keys.change(Wish::Rotate { algorithm, now }, Some(act)).await?;
        Ok(self.keys_in_use())
    }

    /// Removes a key at once, for an emergency, and gives the keys as they are then: its tokens are refused from now on
    /// in this process, and elsewhere as soon as the key set is read again. If it was the one that signs, a new one
    /// does: the one that waited lay in the same place, and is gone, too.
    ///
    /// # Errors
    /// Those of [`Auth::rotate_keys`].
    pub async fn retire_key(&self, act: &Act, kid: &str) -> Result<Vec<KeyInfo>, AuthError> {
        act.check(Permission::KeysManage)?;
        self.0.keys.change(Wish::Retire(kid), Some(act)).await?;
        Ok(self.keys_in_use())
    }

    /// The JWT of type `typ` that says `claims`, signed with the tenant's key for `algorithm`, which must be there
    /// ([`Auth::ensure_key`]).
    pub(crate) fn sign_with(
        &self,
        algorithm: KeyAlgorithm,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, AuthError> {
        self.0.keys.ring.load().token(algorithm, typ, claims, self.0.clock.now())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("ring", &self.ring).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
