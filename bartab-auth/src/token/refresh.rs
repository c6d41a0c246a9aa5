//! Refresh tokens: opaque to everyone but us.

use std::fmt;

use bartab_core::store::TokenHash;
use bartab_core::{Random, SessionId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const ID: usize = 16;
const FAMILY: usize = 16;
const SECRET: usize = 32;

/// A refresh token: the session's id, the session's 128 secret bits, and 256 that are good once.
///
/// Its text is the base64url of all 64 bytes. The store sees hashes alone.
pub(crate) struct RefreshToken(Zeroizing<[u8; ID + FAMILY + SECRET]>);

impl RefreshToken {
    /// The first token of a new session.
    pub(crate) fn first(session: SessionId, random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; ID + FAMILY + SECRET]);
        bytes[..ID].copy_from_slice(&session.to_bytes());
        random.fill(&mut bytes[ID..]);
        Self(bytes)
    }

    /// The token that replaces this one.
    pub(crate) fn next(&self, random: &dyn Random) -> Self {
        let mut bytes = self.0.clone();
        random.fill(&mut bytes[ID + FAMILY..]);
        Self(bytes)
    }

    /// The secret half of `next`, its successor, so that only who holds this token can read it.
    ///
    /// A token has one successor, so the pad is used once.
    pub(crate) fn conceal(&self, next: &Self) -> [u8; SECRET] {
        let mut concealed = self.pad();
        for (byte, secret) in concealed.iter_mut().zip(&next.0[ID + FAMILY..]) {
            *byte ^= secret;
        }
        concealed
    }

    /// The successor that [`RefreshToken::conceal`] has hidden.
    pub(crate) fn reveal(&self, concealed: &[u8; SECRET]) -> Self {
        let mut bytes = self.0.clone();
        for ((byte, pad), hidden) in bytes[ID + FAMILY..].iter_mut().zip(self.pad()).zip(concealed) {
            *byte = pad ^ hidden;
        }
        Self(bytes)
    }

    /// 256 bits that only this token gives; the hash that is stored is made from less, and so tells nothing of them.
    fn pad(&self) -> [u8; SECRET] {
        let mut hash = Sha256::new_with_prefix(b"bartab refresh successor\0");
        hash.update(*self.0);
        hash.finalize().into()
    }

    /// Reads the text of a token; `None` when it is none, so that nothing is looked up for it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; ID + FAMILY + SECRET]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
        (length == bytes.len()).then_some(Self(bytes))
    }

    /// The text that the client keeps.
    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.0)
    }

    pub(crate) fn session(&self) -> SessionId {
        let mut id = [0; ID];
        id.copy_from_slice(&self.0[..ID]);
        SessionId::from_bytes(id)
    }

    pub(crate) fn family(&self) -> TokenHash {
        TokenHash::of(&self.0[ID..ID + FAMILY])
    }

    pub(crate) fn secret(&self) -> TokenHash {
        TokenHash::of(&self.0[ID + FAMILY..])
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, ..)", self.session())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    #[test]
    fn a_token_round_trips_and_its_successor_keeps_session_and_family() {
        let random = SeededRandom::new(3);
        let first = RefreshToken::first(SessionId::from_u128(7), &random);
        let read = RefreshToken::parse(&first.text()).unwrap();
        assert_eq!((read.session(), read.family(), read.secret()), (first.session(), first.family(), first.secret()));
        let next = first.next(&random);
        assert_eq!((next.session(), next.family()), (first.session(), first.family()));
        assert_ne!(next.secret(), first.secret());
        assert_eq!(first.reveal(&first.conceal(&next)).text(), next.text());
        assert_ne!(next.reveal(&first.conceal(&next)).text(), next.text());
        assert!(!format!("{first:?}").contains(&first.text()[22..]));
    }

    #[test]
    fn other_text_is_no_token() {
        let text = RefreshToken::first(SessionId::from_u128(7), &SeededRandom::new(3)).text();
        // The last character carries two bits that are not of the token; only one spelling is accepted.
        let respelled = format!("{}{}", &text[..85], if text.ends_with('B') { 'C' } else { 'B' });
        for other in ["", "a", &text[1..], &format!("{text}A"), &format!("{text}=="), "\u{e9}", &respelled] {
            assert!(RefreshToken::parse(other).is_none(), "{other}");
        }
    }
}
