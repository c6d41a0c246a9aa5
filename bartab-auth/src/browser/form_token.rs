//! What says that a form was shown to this browser, by us, for this purpose, and not long ago.
//!
//! Each browser has a secret of its own in a cookie that scripts cannot read and other hosts cannot plant; the token in a
//! form is a MAC under it. Another site can make a browser send a form, but knows no token for it: not for allowing a
//! client, and not for signing somebody in as somebody else either. Nothing is stored, so a form that was open while the
//! program started anew is still good.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use bartab_core::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A form is good for so long after it was shown.
const LIFE: Duration = Duration::from_secs(30 * 60);
const MAC: usize = 32;

/// A browser's secret.
#[derive(Clone)]
pub(crate) struct FormKey(hmac::Key);

impl fmt::Debug for FormKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormKey(..)")
    }
}

impl FormKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The token for a form; `about` is all that must be the same when it comes back, its purpose first.
    pub(crate) fn token(&self, about: &[&str], now: Timestamp) -> String {
        let until = now.after(LIFE).as_secs();
        let mac = self.context(about, until).sign();
        URL_SAFE_NO_PAD.encode([&until.to_be_bytes(), mac.as_ref()].concat())
    }

    /// Whether `token` is good for a form with this `about`.
    pub(crate) fn accepts(&self, token: &str, about: &[&str], now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((until, mac)) = bytes.split_first_chunk::<8>() else { return false };
        let until = u64::from_be_bytes(*until);
        let signed = self.context(about, until).sign();
        // Compares in constant time.
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(signed.as_ref(), mac);
        mac.len() == MAC && same.is_ok() && now.as_secs() < until
    }

    fn context(&self, about: &[&str], until: u64) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"bartab form\0");
        context.update(&until.to_be_bytes());
        for part in about {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_browser_its_form_and_its_time() {
        let now = Timestamp::from_secs(1_000);
        let (key, other) = (FormKey::new(&[1; 32]), FormKey::new(&[2; 32]));
        let token = key.token(&["allow", "sess_1", "a=b"], now);
        let last = Timestamp::from_secs(1_000 + 30 * 60 - 1);
        assert!(key.accepts(&token, &["allow", "sess_1", "a=b"], now));
        assert!(key.accepts(&token, &["allow", "sess_1", "a=b"], last));
        assert!(!key.accepts(&token, &["allow", "sess_1", "a=b"], Timestamp::from_secs(1_000 + 30 * 60)));
        assert!(!other.accepts(&token, &["allow", "sess_1", "a=b"], now));
        for about in [&["allow", "sess_1", "a=c"][..], &["allow", "sess_1a=b"], &["allow", "sess_1a", "=b"], &[]] {
            assert!(!key.accepts(&token, about, now), "{about:?}");
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        bytes[7] += 1;
        for wrong in ["", "x", &token[..20], &token[..token.len() - 2], &URL_SAFE_NO_PAD.encode(bytes)] {
            assert!(!key.accepts(wrong, &["allow", "sess_1", "a=b"], now), "{wrong}");
        }
    }
}
