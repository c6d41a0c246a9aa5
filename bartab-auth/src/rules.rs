//! What names and passwords may look like.

use bartab_core::FieldProblem;

use crate::error::AuthError;

const MAX_USERNAME: usize = 32;
const MAX_NAME: usize = 64;
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;

/// The rules that were broken, each with the field it is about.
#[derive(Debug, Default)]
pub(crate) struct Broken(Vec<FieldProblem>);

impl Broken {
    /// Refuses the request if a rule was broken.
    pub(crate) fn into_result(self) -> Result<(), AuthError> {
        if self.0.is_empty() { Ok(()) } else { Err(AuthError::Invalid(self.0)) }
    }

    fn add(&mut self, pointer: &str, code: &'static str, detail: &str) {
        self.0.push(FieldProblem { pointer: pointer.to_owned(), code: code.into(), detail: detail.to_owned() });
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

    /// A new password.
    pub(crate) fn password(&mut self, password: &str) {
        let length = password.chars().count();
        if length < *PASSWORD.start() {
            self.add("/password", "too_short", "a password has at least 8 characters");
        } else if length > *PASSWORD.end() {
            self.add("/password", "too_long", "a password has at most 128 characters");
        }
    }

    /// A name that people read: a display name, or what a device is called.
    pub(crate) fn name(&mut self, pointer: &str, name: &str) {
        if name.trim().is_empty() {
            self.add(pointer, "too_short", "a name has at least one visible character");
        } else if name.chars().count() > MAX_NAME {
            self.add(pointer, "too_long", "a name has at most 64 characters");
        } else if name.chars().any(char::is_control) {
            self.add(pointer, "invalid", "a name has no control characters");
        }
    }
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
    fn passwords_are_counted_in_characters() {
        assert_eq!(code(|broken| broken.password(&"\u{1f37a}".repeat(8))), None);
        assert_eq!(code(|broken| broken.password(&"\u{1f37a}".repeat(128))), None);
        assert_eq!(code(|broken| broken.password("1234567")).as_deref(), Some("too_short"));
        assert_eq!(code(|broken| broken.password(&"x".repeat(129))).as_deref(), Some("too_long"));
    }

    #[test]
    fn names() {
        for good in ["A", "Al\u{e9} \u{1f37a}", &"\u{1f37a}".repeat(64)] {
            assert_eq!(code(|broken| broken.name("/name", good)), None, "{good}");
        }
        assert_eq!(code(|broken| broken.name("/name", " ")).as_deref(), Some("too_short"));
        assert_eq!(code(|broken| broken.name("/name", "a\nb")).as_deref(), Some("invalid"));
        assert_eq!(code(|broken| broken.name("/name", &"x".repeat(65))).as_deref(), Some("too_long"));
    }
}
