//! The address of stored bytes.

use std::fmt;

/// Names stored bytes within a tenant.
///
/// Private and public bytes are apart, so that nobody learns by a public upload that somebody has the same file in
/// private, and the deletion of one never reaches the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey {
    /// Whether everybody may read them, also without an account.
    pub public: bool,
    /// SHA-256 of the bytes as they are stored, after metadata was cut out.
    pub sha256: [u8; 32],
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.public { "public/" } else { "private/" })?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::BlobKey;

    #[test]
    fn a_key_is_written_with_its_side_and_in_hexadecimal() {
        let key = BlobKey { public: false, sha256: [0x0a; 32] };
        assert_eq!(format!("{key:?}"), format!("private/{}", "0a".repeat(32)));
    }
}
