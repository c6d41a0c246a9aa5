//! People whom another issuer names: known again by issuer and subject, and given an account when they come first.

use bartab_core::TenantRole;
use bartab_core::store::{Account, Admission, AuditActor, ExternalIdentity};
use serde_json::json;

use crate::accounts::NewAccount;
use crate::audit::with_details;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rules::Broken;

/// What is left of a username that is wished for, so that a suffix fits behind it.
const BASE: usize = 24;
/// What somebody is called whose issuer says no name that can be one here.
const NAMELESS: &str = "person";
/// So many numbers are tried behind a name that is taken, then as many random ends.
const NUMBERED: usize = 8;
/// What no display name is longer than.
const MAX_NAME: usize = 64;

/// Somebody for whom another issuer has vouched.
#[derive(Clone, Debug)]
pub(crate) struct Newcomer<'a> {
    /// Who it is there.
    pub(crate) identity: ExternalIdentity,
    /// The username that they would like, as the issuer says it; without one it is made from the name that others see.
    pub(crate) username: Option<&'a str>,
    /// The name that others see, as the issuer says it.
    pub(crate) display_name: Option<&'a str>,
    /// The role of a new account; one that is there keeps its own.
    pub(crate) role: TenantRole,
}

impl Auth {
    /// The account of somebody for whom another issuer has vouched; made when they come for the first time, whatever the
    /// policy: who configures the issuer lets its people in. Nobody is taken for somebody else because of a name: one
    /// that is taken gets something behind it.
    ///
    /// The account may be suspended; that is for the caller to see.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub(crate) async fn external_account(&self, newcomer: &Newcomer<'_>) -> Result<Account, AuthError> {
        let base = base(newcomer.username.or(newcomer.display_name).unwrap_or_default());
        let display_name = newcomer.display_name.and_then(display_name);
        for attempt in 0..=2 * NUMBERED {
            // Looked at again after each conflict: the same person may come twice at once.
            if let Some(account) = self.0.stores.accounts.find_external(&newcomer.identity).await? {
                return Ok(account);
            }
            let username = match attempt {
                0 if is_reserved(&base) => continue,
                0 => base.clone(),
                1..=NUMBERED => format!("{base}-{}", attempt + 1),
                _ => format!("{base}-{}", self.random_text::<4>().to_ascii_lowercase()),
            };
            let role = newcomer.role;
            let new = NewAccount {
                username: &username,
                password: None,
                display_name: display_name.as_deref(),
                role,
                reason: None,
            };
            match self.admit_external(new, &newcomer.identity).await {
                Err(AuthError::UsernameTaken) => {}
                admitted => return admitted,
            }
        }
        Err(AuthError::internal("no username is free"))
    }

    async fn admit_external(&self, new: NewAccount<'_>, identity: &ExternalIdentity) -> Result<Account, AuthError> {
        let account = self.draft(new).await?;
        let audit = self.audited_by(AuditActor::System, "account.created", account.user_id, None);
        let audit = with_details(audit, &json!({"role": account.role, "issuer": identity.issuer}));
        let admission = Admission { external: Some(identity.clone()), audit: Some(audit), ..Admission::default() };
        self.admit(account, admission).await
    }
}

fn is_reserved(username: &str) -> bool {
    let mut broken = Broken::default();
    broken.not_reserved(username);
    broken.into_result().is_err()
}

/// The nearest thing to `wish` that a username can begin with; of an address the part before the `@`.
fn base(wish: &str) -> String {
    let local = wish.split('@').next().unwrap_or_default();
    let mut base = String::new();
    for char in local.chars() {
        let char = char.to_ascii_lowercase();
        let allowed = char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
        let next = if allowed { char } else { '-' };
        let separates = |char: char| matches!(char, '.' | '_' | '-');
        if !(separates(next) && base.chars().next_back().is_none_or(separates)) {
            base.push(next);
        }
        if base.len() == BASE {
            break;
        }
    }
    let base = base.trim_end_matches(['.', '_', '-']);
    if base.is_empty() { NAMELESS.to_owned() } else { base.to_owned() }
}

/// What of the name can be shown, if anything can.
fn display_name(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
    let mut broken = Broken::default();
    broken.name("/display_name", &name);
    broken.into_result().is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open;

    #[test]
    fn any_name_becomes_one_that_a_username_can_begin_with() {
        for (wish, expected) in [
            ("alice", "alice"),
            ("Alice.B-C_D", "alice.b-c_d"),
            ("alice@other.example", "alice"),
            ("Jos\u{e9} Mar\u{ed}a", "jos-mar-a"),
            ("..--alice--", "alice"),
            ("a//b\u{0}c", "a-b-c"),
            ("\u{430}\u{43b}\u{438}\u{441}\u{430}", "person"),
            ("", "person"),
            ("@", "person"),
            (&"x".repeat(100), &"x".repeat(24)),
        ] {
            assert_eq!(base(wish), expected, "{wish}");
            let mut broken = Broken::default();
            broken.username(&format!("{}-abcdef", base(wish)));
            assert!(broken.into_result().is_ok(), "{wish}");
        }
        assert_eq!(display_name("A\u{7}lice"), Some("Alice".to_owned()));
        assert_eq!(display_name(&"x".repeat(80)).map(|name| name.len()), Some(64));
        assert_eq!(display_name(" \n"), None);
    }

    fn newcomer<'a>(subject: &str, username: &'a str) -> Newcomer<'a> {
        let identity = ExternalIdentity { issuer: "https://other.example".to_owned(), subject: subject.to_owned() };
        Newcomer { identity, username: Some(username), display_name: Some("Alice"), role: TenantRole::Member }
    }

    #[tokio::test]
    async fn the_same_person_is_known_again_and_another_one_gets_another_name() {
        let (auth, _) = open().await;
        let first = auth.external_account(&newcomer("1", "Alice")).await.unwrap();
        assert_eq!((&*first.username, &*first.display_name, first.password.clone()), ("alice", "Alice", None));
        assert_eq!(auth.external_account(&newcomer("1", "bob")).await.unwrap().user_id, first.user_id);
        let mut names = Vec::new();
        for subject in 2..14 {
            names.push(auth.external_account(&newcomer(&subject.to_string(), "alice")).await.unwrap().username);
        }
        assert_eq!(names[..8], ["2", "3", "4", "5", "6", "7", "8", "9"].map(|end| format!("alice-{end}")));
        assert!(names[8..].iter().all(|name| name.len() == "alice-".len() + 6), "{names:?}");
        let reserved = auth.external_account(&newcomer("99", "admin")).await.unwrap();
        assert_eq!((&*reserved.username, reserved.role), ("admin-2", TenantRole::Member));
    }

    #[tokio::test]
    async fn who_comes_many_times_at_once_gets_one_account() {
        let (auth, _) = open().await;
        let coming: Vec<_> = (0..8)
            .map(|_| {
                let auth = auth.clone();
                tokio::spawn(async move { auth.external_account(&newcomer("1", "alice")).await.unwrap().user_id })
            })
            .collect();
        let mut users = Vec::new();
        for one in coming {
            users.push(one.await.unwrap());
        }
        assert!(users.iter().all(|user| *user == users[0]));
    }
}
