//! Random changes of everything in identity; the same for the same seed.

use std::fmt::Debug;

use super::accounts::external;
use super::samples::{account, at, bot, client, hash, invite, record, rooms, user};
use super::sessions::{rotation, session};
use super::tickets::ticket;
use super::{IdentityStores, ok};
use crate::actor::{Scopes, TenantRole};
use crate::id::{BotId, SessionId};
use crate::random::SeededRandom;
use crate::store::{
    Account, AccountChange, AccountFilter, AccountState, Admission, AuditFilter, ClientKind, Invite, KeyChange,
    KeyState, MemoryIdentity, OAuthClient, PasswordHash, PrivateKey, ProfileChange, Rotation, SecondFactorChange,
    SecretRotation, Session, SigningKey, StoreError, Ticket, TicketPurpose, TotpSecret,
};

const PEOPLE: u64 = 7;
const NAMES: [&str; 5] = ["alice", "bob", "al", "b\u{f6}b", "~"];

/// A seed's dice, and the time that passes.
struct Dice {
    random: SeededRandom,
    millis: u64,
}

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn person(&self) -> u128 {
        u128::from(self.below(PEOPLE))
    }

    fn flag(&self) -> bool {
        self.below(2) == 0
    }

    fn words(&self) -> String {
        "word \u{1f37a}".repeat(self.below(30) as usize)
    }
}

/// Does the same to both, and panics when they answer differently. The arguments are evaluated for each.
macro_rules! both {
    ($both:expr, $port:ident.$method:ident($($argument:expr),*)) => {{
        let (stores, reference) = $both;
        let answer = stores.$port.$method($(Clone::clone(&$argument)),*).await;
        let expected = reference.$port.$method($($argument),*).await;
        assert_same(answer, expected);
    }};
}

/// Two stores of which the second is the one to go by.
type Both<'a> = (&'a IdentityStores, &'a IdentityStores);

#[track_caller]
#[expect(clippy::panic, reason = "a clause fails by panicking, as a test does")]
fn assert_same<T: PartialEq + Debug>(answer: Result<T, StoreError>, expected: Result<T, StoreError>) {
    match (answer, expected) {
        (Ok(answer), Ok(expected)) => assert_eq!(answer, expected),
        (Err(StoreError::Conflict), Err(StoreError::Conflict)) => {}
        (Err(StoreError::NotFound), Err(StoreError::NotFound)) => {}
        (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
    }
}

/// Whatever happens to identity, the store answers as the one in memory does.
pub async fn random_changes_of_identity_read_as_in_memory(stores: &IdentityStores) {
    let reference = IdentityStores::of(std::sync::Arc::new(MemoryIdentity::new()));
    let both = (stores, &reference);
    let mut dice = Dice { random: SeededRandom::new(7), millis: 0 };
    for step in 0..1_500_u64 {
        dice.millis += dice.below(3);
        match dice.below(10) {
            0 | 1 => create(both, &dice, step).await,
            2 | 3 => change(both, &dice).await,
            4 | 5 => sessions(both, &dice).await,
            6 => tickets(both, &dice).await,
            7 => clients(both, &dice).await,
            8 => invites(both, &dice, step).await,
            _ => keys(both, &dice).await,
        }
        if step % 50 == 0 {
            assert_alike(both).await;
        }
    }
    assert_alike(both).await;
}

async fn create(both: Both<'_>, dice: &Dice, step: u64) {
    let (number, name) = (dice.person(), NAMES[dice.below(5) as usize]);
    let account = if dice.flag() { account(number, name) } else { bot(number, name, user(dice.person())) };
    let account = Account { username_key: format!("{name}{}", dice.below(3)), ..account };
    let own = OAuthClient {
        kind: ClientKind::Bot { bot: BotId::from_u128(step.into()), user: account.user_id },
        ..client(&format!("client {}", dice.below(6)))
    };
    let admission = Admission {
        invite: dice.flag().then(|| (invite(dice.below(6)).invite_id, at(dice.millis))),
        external: dice.flag().then(|| external(NAMES[dice.below(5) as usize])),
        client: (dice.below(4) == 0).then_some(own),
        audit: dice.flag().then(|| record("account.created", dice.millis)),
    };
    both!(both, accounts.create(account, admission));
    let (owner, identity) = (user(dice.person()), external(NAMES[dice.below(5) as usize]));
    let audit = dice.flag().then(|| record("account.linked", dice.millis));
    both!(both, accounts.link(owner, identity, audit));
    if dice.below(8) == 0 {
        let (somebody, audit) = (user(dice.person()), dice.flag().then(|| record("account.unlinked", dice.millis)));
        both!(both, accounts.unlink(somebody, &*external("").issuer, audit));
    }
}

async fn change(both: Both<'_>, dice: &Dice) {
    // Few of them, so that codes are often those of the secret that is there.
    let secret = || TotpSecret::new(vec![7; if dice.below(4) == 0 { 99 } else { 3 }]);
    let factor = [
        SecondFactorChange::Begin(secret()),
        SecondFactorChange::Confirm {
            secret: secret(),
            step: dice.below(5),
            recovery: (0..dice.below(4)).map(hash).collect(),
        },
        SecondFactorChange::UseStep { secret: secret(), step: dice.below(9) },
        SecondFactorChange::UseRecovery(hash(dice.below(4))),
        SecondFactorChange::ReplaceRecovery((0..dice.below(9)).map(hash).collect()),
        SecondFactorChange::Remove,
    ];
    let picture = dice.flag().then(|| dice.flag().then(|| crate::id::MediaId::from_u128(dice.below(2).into())));
    let name = dice.flag().then(|| dice.words());
    let roles = [TenantRole::Member, TenantRole::Administrator];
    let change = match dice.below(24) {
        0..5 => AccountChange::Profile(ProfileChange { display_name: name, avatar: picture }),
        5..7 => AccountChange::Role(roles[dice.below(2) as usize]),
        7..9 => AccountChange::Suspend,
        9..11 => AccountChange::Restore,
        11 => AccountChange::Password(dice.flag().then(|| PasswordHash::new(dice.words()))),
        12 => AccountChange::Rehash { from: PasswordHash::new(""), to: PasswordHash::new(dice.words()) },
        13 => AccountChange::RatePercent(dice.below(3) as u32),
        14 => {
            if dice.flag() {
                AccountChange::Revoke
            } else {
                AccountChange::Reset
            }
        }
        15..17 => AccountChange::Erase { messages: dice.flag() },
        _ => AccountChange::SecondFactor(factor[dice.below(6) as usize].clone()),
    };
    let audit = dice.flag().then(|| record("account.changed", dice.millis));
    let person = user(dice.person());
    both!(both, accounts.change(person, change, at(dice.millis), audit));
}

async fn sessions(both: Both<'_>, dice: &Dice) {
    let (number, owner, now) = (dice.below(12).into(), dice.person(), dice.millis);
    let rotation = Rotation {
        grace: std::time::Duration::from_millis(3),
        ..rotation(number, dice.below(4) as u8, dice.below(4) as u8, now)
    };
    let expires_at = at(now + dice.below(900));
    let device_name = dice.flag().then(|| dice.words());
    let created =
        Session { device_name: device_name.clone(), created_at: at(now), expires_at, ..session(number, owner) };
    let (owner, session) = (user(owner), SessionId::from_u128(number));
    match dice.below(10) {
        0..3 => both!(both, sessions.create(created)),
        3..6 => both!(both, sessions.rotate(rotation)),
        6 => both!(both, sessions.rename(owner, session, device_name, at(now))),
        7 => both!(both, sessions.end(owner, session, at(now))),
        8 => {
            let (stores, reference) = both;
            let mut ended = ok(stores.sessions.end_others(owner, Some(session), at(now)).await);
            ended.sort();
            assert_eq!(ended, ok(reference.sessions.end_others(owner, Some(session), at(now)).await));
        }
        _ => both!(both, sessions.prune(at(now.saturating_sub(200)), usize::MAX)),
    }
}

async fn tickets(both: Both<'_>, dice: &Dice) {
    let purpose = [TicketPurpose::SignIn, TicketPurpose::Reset][dice.below(2) as usize];
    let (secret, now) = (hash(dice.below(5)), at(dice.millis));
    let owner = dice.flag().then(|| user(dice.person()));
    let (payload, version) = (dice.words().into_bytes(), dice.below(3) as u32 + 1);
    let new = Ticket { purpose, user: owner, payload: payload.clone(), expires_at: at(dice.millis + 60), ..ticket(0) };
    let new: Vec<Ticket> = (0..dice.below(3)).map(|_| Ticket { secret: hash(dice.below(5)), ..new.clone() }).collect();
    match dice.below(8) {
        0..3 => both!(both, tickets.create(new)),
        3 => both!(both, tickets.spend(purpose, &secret, now)),
        4..6 => both!(both, tickets.replace(purpose, &secret, version, owner, payload, now)),
        6 => both!(both, tickets.remove_all(purpose, owner)),
        _ => both!(both, tickets.prune(now, usize::MAX)),
    }
}

async fn clients(both: Both<'_>, dice: &Dice) {
    let (client_id, person) = (format!("client {}", dice.below(6)), user(dice.person()));
    let audit = dice.flag().then(|| record("client.changed", dice.millis));
    let rotation = SecretRotation {
        next: hash(dice.below(9)),
        now: at(dice.millis),
        old_until: at(dice.millis + dice.below(2) * 20),
    };
    match dice.below(7) {
        0..2 => both!(both, clients.create(client(&client_id), audit)),
        2 => both!(both, clients.rotate_secret(&*client_id, rotation, audit)),
        3 => both!(both, clients.set_scopes(&*client_id, Scopes::NONE, audit)),
        4 => both!(both, clients.remove(&*client_id, audit)),
        5 => {
            let client_id = dice.flag().then_some(&*client_id);
            both!(both, clients.withdraw(person, client_id));
        }
        _ => both!(both, clients.allow(person, &*client_id, Scopes::PERSON)),
    }
}

async fn invites(both: Both<'_>, dice: &Dice, step: u64) {
    let number = dice.below(6);
    let audit = dice.flag().then(|| record("invite.changed", dice.millis));
    let created_by = dice.flag().then(|| user(dice.person()));
    let made = Invite {
        code: hash(dice.below(6)),
        created_by,
        rooms: rooms(&[step.into(); 3][..dice.below(4) as usize]),
        max_uses: dice.flag().then(|| dice.below(4) as u32),
        expires_at: dice.flag().then(|| at(dice.millis + 100)),
        ..invite(number)
    };
    match dice.flag() {
        true => both!(both, invites.create(made, audit)),
        false => both!(both, invites.revoke(made.invite_id, created_by, at(dice.millis), audit)),
    }
}

async fn keys(both: Both<'_>, dice: &Dice) {
    let keys = ok(both.1.keys.list().await);
    let key = SigningKey {
        kid: format!("key {}", dice.below(9)),
        algorithm: crate::store::KeyAlgorithm::EdDsa,
        public_jwk: dice.words(),
        private: PrivateKey::new(dice.words().into_bytes()),
        created_at: at(dice.millis),
        state: KeyState::Next,
        state_since: at(dice.millis),
    };
    let states = [KeyState::Next, KeyState::Active, KeyState::Retired];
    let state = states[dice.below(3) as usize];
    let mut change = KeyChange::from_state(&keys);
    let named = |dice: &Dice| keys.iter().map(|key| key.kid.clone()).filter(|_| dice.below(3) == 0).collect::<Vec<_>>();
    change.remove = named(dice);
    change.set = named(dice).into_iter().map(|kid| (kid, state, at(dice.millis))).collect();
    change.insert.extend(dice.flag().then_some(key));
    if dice.below(5) == 0 {
        change.expected.pop();
    }
    both!(both, keys.change(change, None));
}

/// Asks both everything that can be asked, and panics when an answer differs.
async fn assert_alike(both: Both<'_>) {
    let (stores, _) = both;
    for number in 0..=PEOPLE {
        let user = user(number.into());
        both!(both, accounts.get(user));
        both!(both, accounts.external_identities(user));
        both!(both, sessions.list(user, None, at(0), 99));
        both!(both, invites.list(Some(user), None, 99));
        for client in 0..6 {
            both!(both, clients.consent(user, &*format!("client {client}")));
        }
    }
    for name in NAMES {
        both!(both, accounts.find_external(&external(name)));
        for number in 0..3 {
            both!(both, accounts.find(&*format!("{name}{number}")));
        }
    }
    for state in [None, Some(AccountState::Active), Some(AccountState::Erased)] {
        for prefix in [None, Some("al".to_owned())] {
            let filter = AccountFilter { state, prefix, ..AccountFilter::default() };
            both!(both, accounts.list(&filter, None, 99));
        }
    }
    for number in 0..12 {
        both!(both, sessions.get(SessionId::from_u128(number.into())));
        both!(both, invites.find(&hash(number)));
        for purpose in [TicketPurpose::SignIn, TicketPurpose::Reset] {
            both!(both, tickets.get(purpose, &hash(number)));
        }
    }
    both!(both, feed.after(0, usize::MAX));
    both!(both, invites.list(None, None, 99));
    both!(both, clients.list(None, 99));
    both!(both, keys.list());
    both!(both, audit.list(&AuditFilter::default(), None, usize::MAX));
    let mut changed = ok(stores.accounts.rights_changed_since(at(100)).await);
    changed.sort();
    assert_eq!(changed, ok(both.1.accounts.rights_changed_since(at(100)).await));
}
