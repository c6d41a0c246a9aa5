//! Reading the headers of tus, strictly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, header};

use super::{PIECE, UPLOAD_CHECKSUM, UPLOAD_METADATA};
use crate::digest::{Checksum, DigestAlgorithm};
use crate::error::MediaError;

/// The value of a header that comes at most once.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName, told: &'static str) -> Result<Option<&'a str>, MediaError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let value = value.to_str().ok().filter(|_| values.next().is_none());
    value.map(Some).ok_or_else(|| MediaError::invalid(told, "invalid", "once, in ASCII"))
}

/// A header that is a number of bytes.
pub(in crate::service) fn number(
    headers: &HeaderMap,
    name: &HeaderName,
    told: &'static str,
) -> Result<Option<u64>, MediaError> {
    let Some(value) = once(headers, name, told)? else { return Ok(None) };
    // A sign is none of it, although Rust reads it.
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits);
    number.map(Some).ok_or_else(|| MediaError::invalid(told, "invalid", "a number of bytes"))
}

/// The same, when it must be there.
pub(in crate::service) fn required_number(
    headers: &HeaderMap,
    name: &HeaderName,
    told: &'static str,
) -> Result<u64, MediaError> {
    number(headers, name, told)?.ok_or_else(|| MediaError::invalid(told, "missing", "a number of bytes"))
}

/// `Upload-Metadata` as it is; nothing is the same as none.
pub(in crate::service) fn metadata(headers: &HeaderMap) -> Result<&str, MediaError> {
    Ok(once(headers, &UPLOAD_METADATA, "Upload-Metadata")?.unwrap_or_default())
}

/// `Upload-Checksum`.
pub(in crate::service) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, MediaError> {
    const NAME: &str = "Upload-Checksum";
    let Some(value) = once(headers, &UPLOAD_CHECKSUM, NAME)? else { return Ok(None) };
    let invalid = |detail: &'static str| MediaError::invalid(NAME, "invalid", detail);
    let (algorithm, digest) = value.split_once(' ').ok_or_else(|| invalid("an algorithm and a Base64 digest"))?;
    let algorithm = match algorithm {
        "sha1" => DigestAlgorithm::Sha1,
        "sha256" => DigestAlgorithm::Sha256,
        "sha512" => DigestAlgorithm::Sha512,
        _ => return Err(MediaError::invalid(NAME, "unsupported", "known are sha1, sha256 and sha512")),
    };
    let digest = STANDARD.decode(digest).map_err(|_| invalid("a digest is in Base64"))?;
    let checksum = Checksum::new(algorithm, digest);
    checksum.map(Some).ok_or_else(|| invalid("no digest of that algorithm has that length"))
}

/// Whether the body is a piece of an upload.
pub(in crate::service) fn is_piece(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().trim_ascii().eq_ignore_ascii_case(PIECE.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::UPLOAD_OFFSET;
    use super::*;

    fn with(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn numbers_are_digits() {
        let read = |values: &[&str]| number(&with(UPLOAD_OFFSET, values), &UPLOAD_OFFSET, "Upload-Offset").ok();
        assert_eq!(read(&[]), Some(None));
        assert_eq!(read(&["0"]), Some(Some(0)));
        assert_eq!(read(&["18446744073709551615"]), Some(Some(u64::MAX)));
        for bad in ["", "-1", "+1", "1.0", "0x1", "1 ", "eins", "18446744073709551616", "1,2"] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!(read(&["1", "1"]), None);
        assert!(required_number(&HeaderMap::new(), &UPLOAD_OFFSET, "Upload-Offset").is_err());
    }

    #[test]
    fn checksums_are_of_known_algorithms_and_of_their_length() {
        let read = |value: &str| checksum(&with(UPLOAD_CHECKSUM, &[value])).ok().flatten().is_some();
        assert!(read("sha1 qUqP5cyxm6YcTAhz05Hph5gvu9M="));
        assert!(read("sha256 n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="));
        for bad in ["", "sha1", "sha1 ", "sha1  qUqP5cyxm6YcTAhz05Hph5gvu9M=", "md5 AAAA", "sha1 AAAA", "sha256 %"] {
            assert!(!read(bad), "{bad}");
        }
    }
}
