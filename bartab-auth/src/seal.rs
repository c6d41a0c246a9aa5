//! Secrets at rest: sealed with a key of the host's, when it has one.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bartab_core::Random;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::AuthError;

/// The first byte of what is sealed says what follows.
const PLAIN: u8 = 0;
/// The name of the key, the nonce, and what AES-256-GCM (NIST SP 800-38D) makes of the secret, tag last.
const AES_GCM: u8 = 1;
/// Before there was a first byte, private keys were stored as bare DER, which begins with this.
const DER_SEQUENCE: u8 = 0x30;

const KEY: usize = 32;
const KEY_NAME: usize = 8;

/// The host's keys that secrets are sealed with before they are stored: the first one seals, all of them open.
///
/// To replace a key, put the new one in front and keep the old one for as long as anything is sealed with it. Without
/// any, secrets are stored as they are. `Debug` shows how many there are, and the memory is wiped when they are dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealingKeys(Vec<Zeroizing<[u8; KEY]>>);

impl SealingKeys {
    /// So many keys at most.
    pub const MAX: usize = 16;

    /// These keys, 256 random bits each; more than [`SealingKeys::MAX`] are not taken.
    pub fn new(keys: impl IntoIterator<Item = [u8; KEY]>) -> Self {
        Self(keys.into_iter().take(Self::MAX).map(Zeroizing::new).collect())
    }

    /// Reads keys that are written as base64 or base64url of 32 bytes, with white space between: a file of them, a key
    /// a line, or the value of an environment variable.
    ///
    /// # Errors
    /// When one is no such text, or there are more than [`SealingKeys::MAX`].
    pub fn parse(text: &str) -> Result<Self, SealingKeyError> {
        let keys: Vec<_> = text.split_whitespace().take(Self::MAX + 1).map(parse_key).collect::<Result<_, _>>()?;
        if keys.len() > Self::MAX { Err(SealingKeyError) } else { Ok(Self(keys)) }
    }

    /// Whether there is none, so that secrets are stored as they are.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse_key(text: &str) -> Result<Zeroizing<[u8; KEY]>, SealingKeyError> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::URL_SAFE,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text = Zeroizing::new(text.replace('+', "-").replace('/', "_"));
    let bytes = Zeroizing::new(ENGINE.decode(text.as_bytes()).map_err(|_| SealingKeyError)?);
    let key: &[u8; KEY] = bytes.as_slice().try_into().map_err(|_| SealingKeyError)?;
    Ok(Zeroizing::new(*key))
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys({})", self.0.len())
    }
}

impl<'de> Deserialize<'de> for SealingKeys {
    /// From the text that [`SealingKeys::parse`] reads.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// The text is not the keys of a host; what it was is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host key must be 32 random bytes as base64, and there are at most 16")]
pub struct SealingKeyError;

/// Why a stored secret cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// None of the host's keys sealed it.
    #[error("a stored secret is sealed with a host key that is not configured")]
    UnknownKey,
    /// It was changed, or belongs elsewhere.
    #[error("a stored secret was changed since it was sealed, or belongs elsewhere")]
    Altered,
    /// A newer version of the program wrote it.
    #[error("a stored secret is in a form that this version does not know")]
    UnknownForm,
}

/// Seals and opens secrets.
///
/// What is sealed says by which key, so that another one can take over. The context says where the secret belongs
/// (`totp/user_…`): in another place it does not open, so nobody who can write to the store can pass one off as
/// another.
pub(crate) struct Sealer {
    keys: Vec<HostKey>,
    random: Arc<dyn Random>,
}

struct HostKey {
    /// From the key, so that nobody has to choose names: eight bytes of its hash.
    name: [u8; KEY_NAME],
    key: LessSafeKey,
}

impl Sealer {
    pub(crate) fn new(keys: &SealingKeys, random: Arc<dyn Random>) -> Result<Self, AuthError> {
        let host_key = |key: &Zeroizing<[u8; KEY]>| {
            let mut hash = Sha256::new_with_prefix(b"bartab host key name\0");
            hash.update(**key);
            let mut name = [0; KEY_NAME];
            name.copy_from_slice(&hash.finalize()[..KEY_NAME]);
            let key = UnboundKey::new(&AES_256_GCM, &**key).map_err(AuthError::internal)?;
            Ok(HostKey { name, key: LessSafeKey::new(key) })
        };
        Ok(Self { keys: keys.0.iter().map(host_key).collect::<Result<_, AuthError>>()?, random })
    }

    /// Seals `plain` for `context`; without a host key, it only gets its first byte.
    pub(crate) fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        let Some(HostKey { name, key }) = self.keys.first() else {
            let mut sealed = Vec::with_capacity(1 + plain.len());
            sealed.push(PLAIN);
            sealed.extend_from_slice(plain);
            return Ok(sealed);
        };
        // Random nonces: one key seals a few secrets a person, far from the 2^32 that they are good for.
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut secret = Zeroizing::new(plain.to_vec());
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut secret)
            .map_err(AuthError::internal)?;
        Ok([&[AES_GCM][..], name, &nonce, &secret, tag.as_ref()].concat())
    }

    /// The secret that was sealed for `context`.
    ///
    /// # Errors
    /// [`AuthError::Sealed`].
    pub(crate) fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        Ok(self.unseal(context, sealed)?)
    }

    fn unseal(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (form, rest) = sealed.split_first().ok_or(SealError::UnknownForm)?;
        match *form {
            PLAIN => Ok(Zeroizing::new(rest.to_vec())),
            DER_SEQUENCE => Ok(Zeroizing::new(sealed.to_vec())),
            AES_GCM => {
                let (name, rest) = rest.split_at_checked(KEY_NAME).ok_or(SealError::Altered)?;
                let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Altered)?;
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Altered)?;
                let key = self.keys.iter().find(|key| key.name == name).ok_or(SealError::UnknownKey)?;
                let mut secret = Zeroizing::new(rest.to_vec());
                let opened = key.key.open_in_place(nonce, Aad::from(context), &mut secret);
                let length = opened.map_err(|_| SealError::Altered)?.len();
                secret.truncate(length);
                Ok(secret)
            }
            _ => Err(SealError::UnknownForm),
        }
    }

    /// Whether [`Sealer::seal`] would do it with another key today, or had none then: time to seal the secret anew.
    pub(crate) fn is_outdated(&self, sealed: &[u8]) -> bool {
        let name = sealed.strip_prefix(&[AES_GCM]).and_then(|rest| rest.get(..KEY_NAME));
        self.keys.first().map(|key| &key.name[..]) != name
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const SECRET: &[u8] = b"twenty secret bytes!";

    fn sealer(keys: &[u8]) -> Sealer {
        let keys = SealingKeys::new(keys.iter().map(|byte| [*byte; 32]));
        Sealer::new(&keys, Arc::new(SeededRandom::new(1))).unwrap()
    }

    fn sealed(sealer: &Sealer) -> Vec<u8> {
        sealer.seal("totp/user_1", SECRET).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_in_its_place_alone() {
        let one = sealed(&sealer(&[1]));
        assert_eq!(one.len(), 1 + 8 + 12 + SECRET.len() + 16);
        assert!(!one.windows(4).any(|part| SECRET.starts_with(part)));
        assert_eq!(**sealer(&[1]).unseal("totp/user_1", &one).unwrap(), *SECRET);
        assert_eq!(sealer(&[1]).unseal("totp/user_2", &one), Err(SealError::Altered));
        assert_eq!(sealer(&[2]).unseal("totp/user_1", &one), Err(SealError::UnknownKey));
        assert_eq!(sealer(&[]).unseal("totp/user_1", &one), Err(SealError::UnknownKey));
    }

    #[test]
    fn no_byte_can_be_changed_or_left_out() {
        let sealer = sealer(&[1]);
        let good = sealed(&sealer);
        for position in 1..good.len() {
            let mut changed = good.clone();
            changed[position] ^= 1;
            assert!(sealer.unseal("totp/user_1", &changed).is_err(), "{position}");
            assert!(sealer.unseal("totp/user_1", &good[..position]).is_err(), "{position}");
        }
        assert_eq!(sealer.unseal("totp/user_1", &[]), Err(SealError::UnknownForm));
        assert_eq!(sealer.unseal("totp/user_1", &[7, 1, 2]), Err(SealError::UnknownForm));
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let (old, both) = (sealed(&sealer(&[1])), sealer(&[2, 1]));
        assert_eq!(**both.unseal("totp/user_1", &old).unwrap(), *SECRET);
        let new = sealed(&both);
        assert_eq!(**sealer(&[2]).unseal("totp/user_1", &new).unwrap(), *SECRET);
        assert_eq!((both.is_outdated(&old), both.is_outdated(&new)), (true, false));
        assert!(both.is_outdated(&sealed(&sealer(&[]))));
        assert!(!sealer(&[]).is_outdated(&sealed(&sealer(&[]))));
    }

    #[test]
    fn without_a_key_secrets_are_stored_as_they_are_and_open_later() {
        let plain = sealed(&sealer(&[]));
        assert_eq!((plain[0], &plain[1..]), (0, SECRET));
        assert_eq!(**sealer(&[1]).unseal("totp/user_1", &plain).unwrap(), *SECRET);
        // A private key of before.
        assert_eq!(**sealer(&[1]).unseal("signing_key/a", &[0x30, 0x51, 2]).unwrap(), [0x30, 0x51, 2]);
    }

    #[test]
    fn nonces_do_not_repeat() {
        let sealer = sealer(&[1]);
        assert_ne!(sealed(&sealer), sealed(&sealer));
    }

    #[test]
    fn keys_are_read_from_either_base64_and_never_shown() {
        let key = [0xfb; 32];
        let text = format!("{}\n  {}\n", STANDARD.encode(key), URL_SAFE_NO_PAD.encode([7; 32]));
        let keys = SealingKeys::parse(&text).unwrap();
        assert_eq!(keys, SealingKeys::new([key, [7; 32]]));
        assert!(matches!(sealer(&[]).open("", &[]), Err(AuthError::Sealed(SealError::UnknownForm))));
        assert_eq!(format!("{keys:?} {:?}", sealer(&[1])), "SealingKeys(2) Sealer(1)");
        assert!(SealingKeys::parse(" \n").unwrap().is_empty());
        for wrong in ["secret", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), &text.repeat(9)] {
            let error = SealingKeys::parse(wrong).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let json = serde_json::json!(text);
        assert_eq!(serde_json::from_value::<SealingKeys>(json).unwrap(), keys);
    }
}
