//! Making key pairs.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey as EcPrivateKey};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair, RsaPublicKeyComponents};
use bartab_core::store::{KeyAlgorithm, KeyState, PrivateKey, SigningKey};
use bartab_core::{Random, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::jwk::PublicKey;
use crate::error::AuthError;
use crate::seal::Sealer;

/// Where a private key belongs.
pub(super) fn sealing_context(kid: &str) -> String {
    format!("signing_key/{kid}")
}

/// A new key for `algorithm` that is in `state` from now on, its private half sealed.
///
/// An RSA key takes a good part of a second: not for a thread that answers requests. Its primes are drawn by the
/// cryptographic library, which takes randomness from nobody; the others follow from `random`.
pub(crate) fn generate(
    algorithm: KeyAlgorithm,
    state: KeyState,
    random: &dyn Random,
    sealer: &Sealer,
    now: Timestamp,
) -> Result<SigningKey, AuthError> {
    let (public, private) = match algorithm {
        KeyAlgorithm::EdDsa => ed25519(random)?,
        KeyAlgorithm::Es256 => p256(random)?,
        KeyAlgorithm::Rs256 => rsa()?,
        _ => return Err(AuthError::internal("no key can be made for an algorithm of a newer version")),
    };
    let kid = public.thumbprint();
    Ok(SigningKey {
        private: PrivateKey::new(sealer.seal(&sealing_context(&kid), &private)?),
        kid,
        algorithm,
        public_jwk: public.jwk().to_string(),
        created_at: now,
        state,
        state_since: now,
    })
}

type Pair = (PublicKey, Zeroizing<Vec<u8>>);

fn ed25519(random: &dyn Random) -> Result<Pair, AuthError> {
    let mut seed = Zeroizing::new([0; 32]);
    random.fill(&mut *seed);
    let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(AuthError::internal)?;
    let private = pair.to_pkcs8v1().map_err(AuthError::internal)?.as_ref().to_vec();
    Ok((PublicKey::Ed25519 { x: URL_SAFE_NO_PAD.encode(pair.public_key()) }, Zeroizing::new(private)))
}

fn p256(random: &dyn Random) -> Result<Pair, AuthError> {
    let mut scalar = Zeroizing::new([0; 32]);
    // One in 2^32 is not below the order of the curve and is drawn again.
    let mut draw = || {
        random.fill(&mut *scalar);
        EcPrivateKey::from_private_key(&ECDH_P256, &*scalar).ok()
    };
    let key = (0..8).find_map(|_| draw()).ok_or_else(|| AuthError::internal("no P-256 key can be made"))?;
    let public = key.compute_public_key().map_err(AuthError::internal)?;
    // SEC 1 section 2.3.3: 4, and the two coordinates.
    let point = public.as_ref().strip_prefix(&[4]).filter(|point| point.len() == 64);
    let (x, y) = point.ok_or_else(|| AuthError::internal("a P-256 key has no plain public half"))?.split_at(32);
    let public = PublicKey::P256 { x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) };
    let private = key.as_der().map_err(AuthError::internal)?;
    let private: &aws_lc_rs::encoding::Pkcs8V1Der<'_> = &private;
    Ok((public, Zeroizing::new(private.as_ref().to_vec())))
}

fn rsa() -> Result<Pair, AuthError> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(AuthError::internal)?;
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    let private = pair.as_der().map_err(AuthError::internal)?.as_ref().to_vec();
    let public = PublicKey::Rsa { n: URL_SAFE_NO_PAD.encode(public.n), e: URL_SAFE_NO_PAD.encode(public.e) };
    Ok((public, Zeroizing::new(private)))
}
