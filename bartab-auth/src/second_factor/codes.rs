//! The codes themselves, without I/O.

use bartab_core::store::TokenHash;
use bartab_core::{Random, Timestamp, UserId};
use totp_rs::{Builder, Secret};
use zeroize::Zeroizing;

use crate::error::AuthError;

/// The alphabet of RFC 4648 section 6, in lower case: no letter in it looks like a digit in it.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Five bits a letter: 100 bits.
const LETTERS: usize = 20;
const GROUP: usize = 5;
const DIGITS: usize = 6;

/// What somebody typed, as far as its form goes.
#[derive(Debug)]
pub(crate) enum Code {
    /// Six digits.
    Totp(String),
    Recovery(RecoveryCode),
}

impl Code {
    /// Reads a code, whatever spaces and dashes are in it; `None` when it can be none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.chars().filter(|char| !char.is_whitespace() && *char != '-');
        let plain: String = plain.take(LETTERS + 1).map(|char| char.to_ascii_lowercase()).collect();
        if plain.len() == DIGITS && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Totp(plain));
        }
        let letters: [u8; LETTERS] = plain.as_bytes().try_into().ok()?;
        let known = letters.iter().all(|letter| ALPHABET.contains(letter));
        known.then_some(Self::Recovery(RecoveryCode(Zeroizing::new(letters))))
    }
}

/// A code for the day the device is lost.
pub(crate) struct RecoveryCode(Zeroizing<[u8; LETTERS]>);

impl RecoveryCode {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut letters = Zeroizing::new([0; LETTERS]);
        random.fill(&mut *letters);
        for letter in &mut *letters {
            *letter = ALPHABET[usize::from(*letter % 32)];
        }
        Self(letters)
    }

    /// The code as it is shown: four groups of five letters.
    pub(crate) fn text(&self) -> String {
        let groups: Vec<String> =
            self.0.chunks(GROUP).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        groups.join("-")
    }

    /// What is stored. With the person in it, no two people's codes are tried at once.
    pub(crate) fn hash(&self, user: UserId) -> TokenHash {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(b"bartab recovery code\0");
        bytes.extend_from_slice(&user.to_bytes());
        bytes.extend_from_slice(&*self.0);
        TokenHash::of(&bytes)
    }
}

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

/// The time step, of now or the one before or after it, whose code this is (RFC 6238: SHA-1, 6 digits, 30 seconds, which
/// is what every authenticator makes).
pub(crate) fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Result<Option<u64>, AuthError> {
    let totp = Builder::new().with_secret(Secret::from(secret.to_vec())).build().map_err(AuthError::internal)?;
    Ok(totp.check(code, now.as_secs()))
}

/// A secret as people type it.
pub(crate) fn base32(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(Secret::from(secret.to_vec()).to_base32())
}

/// The secret as authenticators read it from a link or a QR code.
pub(crate) fn otpauth_url(issuer: &str, username: &str, base32: &str) -> Zeroizing<String> {
    // Issuers and usernames are ASCII without spaces, so the form's encoding is that of a URL.
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let name = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let (name, username) = (encode(name), encode(username));
    Zeroizing::new(format!("otpauth://totp/{name}:{username}?secret={base32}&issuer={name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of the eight digits.
        let secret = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (2_000_000_000, "279037")]
        {
            let at = |seconds| step_of(secret, code, Timestamp::from_secs(seconds)).unwrap();
            let step = seconds / 30;
            assert_eq!(at(seconds), Some(step));
            // One step to either side, and no more.
            assert_eq!([at(step * 30 - 30), at(step * 30 + 59)], [Some(step), Some(step)]);
            assert_eq!(at(step * 30 + 60), None);
            assert!(step == 1 || at(step * 30 - 31).is_none());
        }
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let random = SeededRandom::new(1);
        let code = RecoveryCode::new(&random);
        let text = code.text();
        assert_eq!((text.len(), text.split('-').count()), (23, 4));
        let user = UserId::from_u128(1);
        for typed in
            [text.clone(), text.to_uppercase(), text.replace('-', " "), format!(" {}\n", text.replace('-', ""))]
        {
            let Some(Code::Recovery(read)) = Code::parse(&typed) else { panic!("{typed}") };
            assert_eq!(read.hash(user), code.hash(user));
        }
        assert_ne!(code.hash(user), code.hash(UserId::from_u128(2)));
        assert!(matches!(Code::parse("123 456"), Some(Code::Totp(code)) if code == "123456"));
        for none in ["", "12345", "1234567", "+12345", "\u{661}23456", &text[1..], &format!("{text}a"), &"0".repeat(20)]
        {
            assert!(Code::parse(none).is_none(), "{none}");
        }
        assert!(!format!("{:?}", Code::parse(&text)).contains(&text[..5]));
    }

    #[test]
    fn no_two_recovery_codes_are_alike() {
        let random = SeededRandom::new(1);
        let mut codes: Vec<String> = (0..1000).map(|_| RecoveryCode::new(&random).text()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 1000);
        assert!(codes.concat().contains('z') && codes.concat().contains('7'));
    }

    #[test]
    fn the_link_for_authenticators() {
        let url = otpauth_url("https://localhost:8080/t/acme", "alice.b", &base32(b"12345678901234567890"));
        let expected = "otpauth://totp/localhost%3A8080%2Ft%2Facme:alice.b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                        &issuer=localhost%3A8080%2Ft%2Facme";
        assert_eq!(&*url, expected);
    }
}
