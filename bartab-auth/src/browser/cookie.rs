//! The two cookies of a browser: one that keeps a person signed in, one that its forms are bound to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

/// The names of a tenant's cookies.
///
/// Under https they begin with `__Host-`: a browser takes such a cookie only from this very host, for every path and
/// over https, so that no neighbouring host can plant one. The path is therefore `/`, and since tenants may share a host
/// name, the issuer is in the name; what one tenant is sent of another's cookies it does not know, and does not accept.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    secure: bool,
    session: String,
    form: String,
}

impl Names {
    pub(crate) fn of(issuer: &str) -> Self {
        let secure = issuer.starts_with("https://");
        let prefix = if secure { "__Host-" } else { "" };
        let digest = Sha256::digest(issuer.as_bytes());
        let tenant: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { secure, session: format!("{prefix}bartab-{tenant}"), form: format!("{prefix}bartab-form-{tenant}") }
    }

    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<[u8; 48]> {
        read(headers, &self.session)
    }

    pub(crate) fn form(&self, headers: &HeaderMap) -> Option<[u8; 32]> {
        read(headers, &self.form)
    }

    pub(crate) fn set_session(&self, value: &[u8; 48]) -> Option<HeaderValue> {
        self.set(&self.session, value)
    }

    pub(crate) fn set_form(&self, value: &[u8; 32]) -> Option<HeaderValue> {
        self.set(&self.form, value)
    }

    /// The browser forgets who was signed in.
    pub(crate) fn clear_session(&self) -> Option<HeaderValue> {
        self.header(&format!("{}=; Max-Age=0", self.session))
    }

    /// Without an age, so that a browser forgets it when it is closed; what ends it for sure is the session's own end.
    fn set(&self, name: &str, value: &[u8]) -> Option<HeaderValue> {
        self.header(&format!("{name}={}", URL_SAFE_NO_PAD.encode(value)))
    }

    /// `Lax`: a client's link brings the cookie along, another site's form does not.
    fn header(&self, pair: &str) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let mut value = HeaderValue::try_from(format!("{pair}; Path=/; HttpOnly; SameSite=Lax{secure}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The one cookie with this name; of two nobody can say which is ours.
fn read<const N: usize>(headers: &HeaderMap, name: &str) -> Option<[u8; N]> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_only_its_tenant_s_and_its_scheme_s() {
        let names = Names::of("https://chat.example/t/one");
        let set = names.set_form(&[7; 32]).unwrap();
        assert!(set.is_sensitive());
        let set = set.to_str().unwrap().to_owned();
        let (pair, attributes) = set.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(pair.starts_with("__Host-bartab-form-"));
        let sent = headers(&["a=b; c", &format!("x=y;{pair} ; z=")]);
        assert_eq!(names.form(&sent), Some([7; 32]));
        assert_eq!(names.session(&sent), None);
        assert_eq!(Names::of("https://chat.example/t/two").form(&sent), None);

        let plain = Names::of("http://localhost:1");
        let set = plain.set_session(&[7; 48]).unwrap();
        assert!(set.to_str().unwrap().starts_with("bartab-"));
        assert!(set.to_str().unwrap().ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    }

    #[test]
    fn what_is_not_ours_or_is_there_twice_is_none() {
        let names = Names::of("https://chat.example");
        let pair = names.set_form(&[7; 32]).unwrap().to_str().unwrap().split_once(';').unwrap().0.to_owned();
        let cut = &pair[..pair.len() - 1];
        for lines in [
            vec![cut],
            vec![&*format!("{pair}A")],
            vec![&*format!("{pair}; {pair}")],
            vec![&*pair, &*pair],
            vec![&*pair.to_lowercase()],
            vec![&*format!("\"{pair}\"")],
        ] {
            assert_eq!(names.form(&headers(&lines)), None, "{lines:?}");
        }
    }
}
