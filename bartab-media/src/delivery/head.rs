//! The headers of files and thumbnails.

use std::fmt::Write as _;

use bartab_core::Timestamp;
use bartab_core::store::MediaRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{File, Shortcut};
use crate::filename;
use crate::sniff::Kind;
use crate::thumbnail::ThumbnailFormat;

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// No script, no form, nothing from elsewhere; a browser that opens a picture, a sound or a film by itself makes a page
/// around it, which needs the file and a style.
const POLICY: &str = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'";

/// By what right something is read, which says who may keep the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is everybody's.
    Public,
    /// The caller's own: their cache may keep it, and the server is asked by everybody else.
    Caller,
    /// A link, which is a right by itself until then.
    Link(Timestamp),
}

impl Reading {
    /// Says who may keep the answer, and which pages may show it.
    ///
    /// A page of another origin shows a public file, or a link, by `<img>`. What needs a token is fetched, which is no
    /// matter of CORP; so nobody else has a page that embeds it.
    pub(crate) fn write(self, now: Timestamp, varies: Option<&'static str>, head: &mut HeaderMap) {
        let (kept, pages) = match self {
            Self::Public => (HeaderValue::from_static("public, max-age=31536000, immutable"), "cross-origin"),
            Self::Caller => (HeaderValue::from_static("private, max-age=31536000, immutable"), "same-origin"),
            Self::Link(end) => {
                let seconds = end.since(now).as_secs();
                let kept = HeaderValue::try_from(format!("private, max-age={seconds}, immutable"));
                (kept.unwrap_or(HeaderValue::from_static("no-store")), "cross-origin")
            }
        };
        head.insert(CACHE_CONTROL, kept);
        head.insert(CORP, HeaderValue::from_static(pages));
        let vary = match (self, varies) {
            (Self::Caller, Some(_)) => Some("Accept, Authorization"),
            (Self::Caller, None) => Some("Authorization"),
            (_, varies) => varies,
        };
        if let Some(vary) = vary {
            head.insert(VARY, HeaderValue::from_static(vary));
        }
    }
}

impl File {
    pub(crate) fn new(record: MediaRecord) -> Self {
        let kind = Kind::from_mime(&record.mime);
        let etag = etag(&record.blob.sha256);
        let mut head = safe(&etag, &record.blob.sha256);
        let mime = if kind == Kind::Text { "text/plain; charset=utf-8" } else { kind.mime() };
        head.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
        head.insert(CONTENT_LENGTH, HeaderValue::from(record.size));
        head.insert(CONTENT_DISPOSITION, disposition(kind.may_be_inline(), record.filename.as_deref()));
        head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        Self { record, kind, head, etag, shortcut: Shortcut::default() }
    }
}

/// The validator and the headers of a thumbnail with this digest.
pub(crate) fn thumbnail_head(digest: &[u8; 32], format: ThumbnailFormat, length: usize) -> (String, HeaderMap) {
    let etag = etag(digest);
    let mut head = safe(&etag, digest);
    head.insert(CONTENT_TYPE, HeaderValue::from_static(format.mime()));
    head.insert(CONTENT_LENGTH, HeaderValue::from(length));
    head.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    (etag, head)
}

fn etag(digest: &[u8; 32]) -> String {
    let mut etag = String::with_capacity(66);
    etag.push('"');
    for byte in digest {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

/// What bytes of strangers are always given out with.
fn safe(etag: &str, digest: &[u8; 32]) -> HeaderMap {
    let mut head = HeaderMap::with_capacity(16);
    // Hexadecimal, and base 64, are fit for a header.
    if let Ok(etag) = HeaderValue::try_from(etag) {
        head.insert(ETAG, etag);
    }
    if let Ok(digest) = HeaderValue::try_from(format!("sha-256=:{}:", STANDARD.encode(digest))) {
        head.insert(REPR_DIGEST, digest);
    }
    head.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    head.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    head
}

/// `Content-Disposition` (RFC 6266): the name once for clients that know ASCII alone, and once as it is (RFC 8187).
fn disposition(inline: bool, name: Option<&str>) -> HeaderValue {
    let kind = if inline { "inline" } else { "attachment" };
    // It was cleaned when it came; what is served does not depend on that.
    let Some(name) = name.and_then(filename::clean) else { return HeaderValue::from_static(kind) };
    // A `%` is decoded by some clients, a quote or backslash ends or escapes the text.
    let plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%' | '/');
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut text = format!("{kind}; filename=\"{ascii}\"");
    if ascii != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            // `attr-char` of RFC 8187.
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_in_ascii_and_as_it_is() {
        let cases = [
            (None, "attachment"),
            (Some("notes.txt"), "attachment; filename=\"notes.txt\""),
            (Some("a b (1).txt"), "attachment; filename=\"a b (1).txt\""),
            (Some("a\"; x=\"b.txt"), "attachment; filename=\"a_; x=_b.txt\"; filename*=UTF-8''a%22%3B%20x%3D%22b.txt"),
            (Some("back\\slash.txt"), "attachment; filename=\"slash.txt\""),
            (Some("../../etc/passwd"), "attachment; filename=\"passwd\""),
            (Some("a\r\nSet-Cookie: x"), "attachment; filename=\"aSet-Cookie: x\""),
            (Some("ann\u{202e}gpj.exe"), "attachment; filename=\"anngpj.exe\""),
            (Some("100%41.txt"), "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
            (
                Some("naïve 🍺.gif"),
                "attachment; filename=\"na_ve _.gif\"; filename*=UTF-8''na%C3%AFve%20%F0%9F%8D%BA.gif",
            ),
            (Some("it's"), "attachment; filename=\"it's\""),
            (Some("\u{202e}/"), "attachment"),
        ];
        for (name, expected) in cases {
            assert_eq!(disposition(false, name), expected, "{name:?}");
        }
        assert_eq!(disposition(true, Some("a.png")), "inline; filename=\"a.png\"");
    }

    proptest::proptest! {
        #[test]
        fn no_name_breaks_out_of_its_header(name in "\\PC*|.*") {
            let value = disposition(true, Some(&name));
            let text = value.to_str().unwrap();
            let quotes = text.matches('"').count();
            proptest::prop_assert!(text == "inline" || quotes == 2, "{}", text);
            proptest::prop_assert!(!text.contains('\\'));
        }
    }
}
