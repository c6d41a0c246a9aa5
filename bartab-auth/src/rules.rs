//! What names and passwords may look like.

use bartab_core::{FieldProblem, Scope, Scopes};

use crate::common_passwords::is_common;
use crate::error::AuthError;

const MAX_USERNAME: usize = 32;
const MAX_NAME: usize = 64;
const MAX_REASON: usize = 500;
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;

/// Usernames that only the operator gives, whatever stands between the letters: those of offices, of the program's own
/// words, and of mailboxes that RFC 2142 names.
const RESERVED: [&str; 44] = [
    "abuse",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "api",
    "auth",
    "bartab",
    "bot",
    "channel",
    "chat",
    "deleted",
    "everyone",
    "guest",
    "help",
    "helpdesk",
    "here",
    "hostmaster",
    "info",
    "invite",
    "me",
    "mod",
    "moderator",
    "nobody",
    "noreply",
    "null",
    "official",
    "operator",
    "owner",
    "postmaster",
    "room",
    "root",
    "security",
    "self",
    "service",
    "setup",
    "staff",
    "support",
    "sysadmin",
    "system",
    "team",
    "undefined",
    "webmaster",
    "www",
];

/// The rules that were broken, each with the field it is about.
#[derive(Debug, Default)]
pub(crate) struct Broken(Vec<FieldProblem>);

impl Broken {
    /// Refuses the request if a rule was broken.
    pub(crate) fn into_result(self) -> Result<(), AuthError> {
        if self.0.is_empty() { Ok(()) } else { Err(AuthError::Invalid(self.0)) }
    }

    /// A secret that is another one than was given.
    pub(crate) fn wrong(pointer: &str) -> AuthError {
        Self::one(pointer, "wrong", "this is not the right one")
    }

    /// A field that is needed and is not there.
    pub(crate) fn missing(pointer: &str) -> AuthError {
        Self::one(pointer, "missing", "this is needed")
    }

    fn one(pointer: &str, code: &'static str, detail: &str) -> AuthError {
        let mut broken = Self::default();
        broken.add(pointer, code, detail);
        AuthError::Invalid(broken.0)
    }

    pub(crate) fn add(&mut self, pointer: &str, code: &'static str, detail: &str) {
        self.0.push(FieldProblem { pointer: pointer.to_owned(), code: code.into(), detail: detail.to_owned() });
    }

    /// What the names of a list stand for; each that stands for nothing is broken.
    pub(crate) fn known<T, C: FromIterator<T>>(
        &mut self,
        pointer: &str,
        names: &[String],
        read: impl Fn(&str) -> Option<T>,
    ) -> C {
        let mut one = |(index, name): (usize, &String)| {
            let found = read(name);
            if found.is_none() {
                self.add(&format!("{pointer}/{index}"), "unknown", "there is no such name");
            }
            found
        };
        names.iter().enumerate().filter_map(&mut one).collect()
    }

    /// The scopes with these names.
    pub(crate) fn scopes(&mut self, pointer: &str, names: &[String]) -> Scopes {
        let scope = |name: &str| Scope::ALL.into_iter().find(|(_, known)| *known == name).map(|(scope, _)| scope);
        self.known(pointer, names, scope)
    }

    /// A username, after [`username_key`].
    pub(crate) fn username(&mut self, key: &str) {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if key.is_empty() {
            self.add("/username", "missing", "a username has 1 to 32 characters");
        } else if key.len() > MAX_USERNAME {
            self.add("/username", "too_long", "a username has at most 32 characters");
        } else if !key.bytes().all(allowed) || !key.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            let detail = "a username has letters a to z, digits, `.`, `_` and `-`, and begins with a letter or digit";
            self.add("/username", "invalid", detail);
        }
    }

    /// A username, after [`username_key`], that somebody takes by themselves: none that people would take for the
    /// operator's or the program's.
    pub(crate) fn not_reserved(&mut self, key: &str) {
        let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        if RESERVED.contains(&plain.as_str()) {
            self.add("/username", "reserved", "this username is kept for the operator");
        }
    }

    /// A number, time or list beyond its bounds.
    pub(crate) fn out_of_range(&mut self, pointer: &str, detail: &str) {
        self.add(pointer, "out_of_range", detail);
    }

    /// A new password of somebody with these names.
    pub(crate) fn password(&mut self, pointer: &str, password: &str, names: &[&str]) {
        let length = password.chars().count();
        let is_name = |name: &&str| password.to_lowercase() == name.to_lowercase();
        if length < *PASSWORD.start() {
            self.add(pointer, "too_short", "a password has at least 8 characters");
        } else if length > *PASSWORD.end() {
            self.add(pointer, "too_long", "a password has at most 128 characters");
        } else if is_common(password) {
            self.add(pointer, "password.common", "this password is one of those that are tried first");
        } else if names.iter().any(is_name) {
            self.add(pointer, "password.name", "a password is not one's name");
        }
    }

    /// Why somebody did something, for the audit trail.
    pub(crate) fn reason(&mut self, pointer: &str, reason: &str) {
        if reason.chars().count() > MAX_REASON {
            self.add(pointer, "too_long", "a reason has at most 500 characters");
        } else if reason.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\t')) {
            self.add(pointer, "invalid", "a reason has no control characters");
        }
    }

    /// Why an administrator does something; it has to be said.
    pub(crate) fn said_reason(&mut self, reason: &str) {
        if reason.trim().is_empty() {
            self.add("/reason", "missing", "a reason has 1 to 500 characters");
        }
        self.reason("/reason", reason);
    }

    /// What a bot is to be given, of all that a bot can have.
    pub(crate) fn bot_scopes(&mut self, scopes: Scopes, possible: Scopes) {
        if scopes == Scopes::NONE {
            self.add("/scopes", "missing", "a bot has at least one scope");
        } else if !scopes.is_subset(possible) {
            self.add("/scopes", "invalid", &format!("a bot can have: {possible}"));
        }
    }

    /// A name that people read: a display name, or what a device is called.
    pub(crate) fn name(&mut self, pointer: &str, name: &str) {
        if !name.chars().any(is_visible) {
            self.add(pointer, "too_short", "a name has at least one visible character");
        } else if name.chars().count() > MAX_NAME {
            self.add(pointer, "too_long", "a name has at most 64 characters");
        } else if name.chars().any(|char| char.is_control() || is_reordering(char)) {
            self.add(pointer, "invalid", "a name has no control characters, nor such as change the order of others");
        }
    }
}

/// Characters that reorder what stands around them, or break its line: one name could look like another, or spill over.
const fn is_reordering(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether there is something to see: no space, and none of the characters that show nothing by themselves.
fn is_visible(char: char) -> bool {
    let blank = matches!(
        char,
        '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    );
    !blank && !char.is_whitespace() && !char.is_control()
}

/// The form of a username that is unique and is looked up: ASCII letters in lower case.
///
/// Every username is ASCII, so this is all the folding there is, and no two names look alike.
pub(crate) fn username_key(username: &str) -> String {
    username.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(check: impl FnOnce(&mut Broken)) -> Option<String> {
        let mut broken = Broken::default();
        check(&mut broken);
        broken.0.first().map(|field| field.code.clone().into_owned())
    }

    #[test]
    fn usernames() {
        for good in ["a", "0", "pb0", "alice.b-c_d", &"x".repeat(32)] {
            assert_eq!(code(|broken| broken.username(good)), None, "{good}");
        }
        for bad in [".a", "-a", "_a", "a b", "a\u{0}", "A", "\u{430}lice", "a/b", "a@b"] {
            assert_eq!(code(|broken| broken.username(bad)).as_deref(), Some("invalid"), "{bad}");
        }
        assert_eq!(code(|broken| broken.username("")).as_deref(), Some("missing"));
        assert_eq!(code(|broken| broken.username(&"x".repeat(33))).as_deref(), Some("too_long"));
        assert_eq!(username_key("ALice\u{c4}"), "alice\u{c4}");
    }

    #[test]
    fn names_of_offices_are_reserved_whatever_stands_between_their_letters() {
        for reserved in ["admin", "ad-min", "r.o.o.t", "system_", "bartab", "no-reply", "everyone"] {
            assert_eq!(code(|broken| broken.not_reserved(reserved)).as_deref(), Some("reserved"), "{reserved}");
        }
        for free in ["alice", "admin2", "rooty", "systematic", "a"] {
            assert_eq!(code(|broken| broken.not_reserved(free)), None, "{free}");
        }
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        let password = |password: &str| code(|broken| broken.password("/password", password, &["Alice", "Alice Doe"]));
        assert_eq!(password(&"\u{1f37a}\u{e9}x9".repeat(2)), None);
        assert_eq!(password(&"\u{1f37a}\u{e9}x9".repeat(32)), None);
        assert_eq!(password("1234567").as_deref(), Some("too_short"));
        assert_eq!(password(&"x".repeat(129)).as_deref(), Some("too_long"));
        for common in ["12345678", "Password1", "xxxxxxxxxxxx"] {
            assert_eq!(password(common).as_deref(), Some("password.common"), "{common}");
        }
        assert_eq!(password("aLICE dOE").as_deref(), Some("password.name"));
        assert_eq!(password("Alice Doe 7"), None);
    }

    #[test]
    fn reasons() {
        for good in ["", "spam\n\tand lies", &"\u{1f37a}".repeat(500)] {
            assert_eq!(code(|broken| broken.reason("/reason", good)), None, "{good}");
        }
        assert_eq!(code(|broken| broken.reason("/reason", "a\u{1b}[2J")).as_deref(), Some("invalid"));
        assert_eq!(code(|broken| broken.reason("/reason", &"x".repeat(501))).as_deref(), Some("too_long"));
    }

    #[test]
    fn names() {
        for good in ["A", "Al\u{e9} \u{1f37a}", &"\u{1f37a}".repeat(64)] {
            assert_eq!(code(|broken| broken.name("/name", good)), None, "{good}");
        }
        for blank in ["", " ", "\u{200b}\u{200d}", "\u{3164}", "\u{2800}\u{ad} "] {
            assert_eq!(code(|broken| broken.name("/name", blank)).as_deref(), Some("too_short"), "{blank:?}");
        }
        for reordered in ["a\u{202e}b", "\u{2066}a", "a\u{2028}b", "a\u{200f}"] {
            assert_eq!(code(|broken| broken.name("/name", reordered)).as_deref(), Some("invalid"), "{reordered:?}");
        }
        // What holds an emoji together is part of it.
        assert_eq!(code(|broken| broken.name("/name", "\u{1f469}\u{200d}\u{1f680}")), None);
        assert_eq!(code(|broken| broken.name("/name", "a\nb")).as_deref(), Some("invalid"));
        assert_eq!(code(|broken| broken.name("/name", &"x".repeat(65))).as_deref(), Some("too_long"));
    }
}
