//! `Content-Digest` (RFC 9530).

use http::HeaderMap;
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use crate::digest::{Checksum, DigestAlgorithm};
use crate::error::MediaError;

const NAME: &str = "Content-Digest";

/// The digests that the content is to have; those by an algorithm that is not known are passed over, as the RFC says.
pub(in crate::service) fn content_digest(headers: &HeaderMap) -> Result<Vec<Checksum>, MediaError> {
    let invalid = |detail: &'static str| MediaError::invalid(NAME, "invalid", detail);
    let mut lines = Vec::new();
    for line in headers.get_all("content-digest") {
        lines.push(line.to_str().map_err(|_| invalid("only ASCII"))?);
    }
    let said = lines.join(", ");
    let said: Dictionary =
        Parser::new(&said).parse().map_err(|_| invalid("a dictionary of byte sequences, as `sha-256=:…:`"))?;
    let mut checksums = Vec::new();
    for (algorithm, entry) in said {
        let ListEntry::Item(item) = entry else { return Err(invalid("a digest is a byte sequence")) };
        let BareItem::ByteSequence(digest) = item.bare_item else {
            return Err(invalid("a digest is a byte sequence"));
        };
        let algorithm = match algorithm.as_str() {
            "sha-256" => DigestAlgorithm::Sha256,
            "sha-512" => DigestAlgorithm::Sha512,
            _ => continue,
        };
        let checksum = Checksum::new(algorithm, digest);
        checksums.push(checksum.ok_or_else(|| invalid("no digest of that algorithm has that length"))?);
    }
    Ok(checksums)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::HeaderMap;

    use super::*;

    fn read(lines: &[&str]) -> Option<usize> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("content-digest", line.parse().unwrap());
        }
        content_digest(&headers).ok().map(|digests| digests.len())
    }

    #[test]
    fn digests_are_read_strictly_and_unknown_ones_are_passed_over() {
        let of = |name: &str, length: usize| format!("{name}=:{}:", STANDARD.encode(vec![1; length]));
        let (sha256, sha512) = (of("sha-256", 32), of("sha-512", 64));
        assert_eq!(read(&[]), Some(0));
        assert_eq!(read(&[&sha256]), Some(1));
        assert_eq!(read(&[&format!("{sha256},{sha512}")]), Some(2));
        assert_eq!(read(&[&sha256, &sha512]), Some(2));
        assert_eq!(read(&[&format!("{};q=1", sha256)]), Some(1));
        assert_eq!(read(&[&format!("md5=:AAAA:, {sha256}")]), Some(1));
        assert_eq!(read(&["unixsum=:AAAA:"]), Some(0));
        let short = of("sha-256", 31);
        for bad in ["sha-256", "sha-256=abc", "sha-256=\"abc\"", "sha-256=:%:", "sha-256=(:AAAA:)", "=", ",", &short] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!(read(&["md5=5", &sha256]), None, "no byte sequence");
        assert_eq!(read(&["sha-256=:\u{fc}:"]), None, "no ASCII");
    }
}
