//! The second factor: a shared secret that makes codes by the clock (RFC 6238), and codes for the day it is lost.

use std::fmt;

use zeroize::Zeroizing;

use crate::store::{StoreError, TokenHash};

/// The second factor of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// The shared secret, or what sealing made of it.
    pub secret: TotpSecret,
    /// Whether the person has shown a code of it; before that it is not asked for.
    pub confirmed: bool,
    /// The newest time step a code of which was taken: no code is good twice (RFC 6238 section 5.2).
    pub last_step: u64,
    /// The recovery codes that are still good.
    pub recovery: Vec<TokenHash>,
}

/// A shared secret; `Debug` does not show it, and the memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    /// The secret with these bytes, or what sealing made of it.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the store's column and for making codes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

/// A change of a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondFactorChange {
    /// A new secret that waits for its first code; refused while one is confirmed.
    Begin(TotpSecret),
    /// The first code was shown: it is asked for from now on. Refused unless the secret that waits is this one.
    Confirm {
        /// The secret, as stored, that the code was checked against.
        secret: TotpSecret,
        /// The time step of the code.
        step: u64,
        /// The recovery codes.
        recovery: Vec<TokenHash>,
    },
    /// A code is taken; refused unless it is newer than the last one, and one of this secret.
    UseStep {
        /// The secret, as stored, that the code was checked against.
        secret: TotpSecret,
        /// The time step of the code.
        step: u64,
    },
    /// A recovery code is taken, for good.
    UseRecovery(TokenHash),
    /// Other recovery codes; the old ones are good no more.
    ReplaceRecovery(Vec<TokenHash>),
    /// The same secret, sealed with another key; refused unless the one that is stored is `from`.
    Reseal {
        /// What is stored.
        from: TotpSecret,
        /// What takes its place.
        to: TotpSecret,
    },
    /// The secret that waits for its first code is dropped; refused when one is confirmed, or there is none.
    Discard,
    /// No second factor any more.
    Remove,
}

impl SecondFactorChange {
    /// Changes the factor.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the factor does not allow it; it is then as it was.
    pub fn apply(&self, factor: &mut Option<SecondFactor>) -> Result<(), StoreError> {
        match self {
            Self::Begin(secret) => {
                if factor.as_ref().is_some_and(|factor| factor.confirmed) {
                    return Err(StoreError::Conflict);
                }
                *factor =
                    Some(SecondFactor { secret: secret.clone(), confirmed: false, last_step: 0, recovery: Vec::new() });
            }
            Self::Confirm { secret, step, recovery } => {
                let waits = |factor: &&mut SecondFactor| !factor.confirmed && factor.secret == *secret;
                let factor = factor.as_mut().filter(waits).ok_or(StoreError::Conflict)?;
                factor.confirmed = true;
                factor.last_step = *step;
                factor.recovery.clone_from(recovery);
            }
            Self::UseStep { secret, step } => {
                let newer = |factor: &&mut SecondFactor| {
                    factor.confirmed && factor.secret == *secret && *step > factor.last_step
                };
                factor.as_mut().filter(newer).ok_or(StoreError::Conflict)?.last_step = *step;
            }
            Self::UseRecovery(code) => {
                let factor = factor.as_mut().filter(|factor| factor.confirmed).ok_or(StoreError::Conflict)?;
                let place = factor.recovery.iter().position(|stored| stored == code).ok_or(StoreError::Conflict)?;
                factor.recovery.remove(place);
            }
            Self::ReplaceRecovery(codes) => {
                let factor = factor.as_mut().filter(|factor| factor.confirmed).ok_or(StoreError::Conflict)?;
                factor.recovery.clone_from(codes);
            }
            Self::Reseal { from, to } => {
                let same = |factor: &&mut SecondFactor| factor.secret == *from;
                factor.as_mut().filter(same).ok_or(StoreError::Conflict)?.secret = to.clone();
            }
            Self::Discard => {
                factor.take_if(|factor| !factor.confirmed).ok_or(StoreError::Conflict)?;
            }
            Self::Remove => *factor = None,
        }
        Ok(())
    }
}
