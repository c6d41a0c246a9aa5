//! `Upload-Metadata` of tus: what a client says of a file before it comes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::MediaError;

/// Bytes that the header may have.
const MOST: usize = 4 << 10;
/// Pairs that it may have.
const PAIRS: usize = 32;

/// What is used of it; other keys are let be, and told again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UploadMetadata {
    pub(crate) filename: Option<String>,
    pub(crate) public: bool,
}

fn invalid(detail: &'static str) -> MediaError {
    MediaError::invalid("Upload-Metadata", "invalid", detail)
}

impl UploadMetadata {
    /// Reads pairs of a key and a Base64 value, by commas. `filename` is what the file is called, or else `name`, as
    /// some clients say; `public` is `true` or `false`.
    pub(crate) fn parse(text: &str) -> Result<Self, MediaError> {
        if text.len() > MOST {
            return Err(invalid("at most 4096 bytes"));
        }
        let mut keys = Vec::new();
        let (mut filename, mut name, mut public) = (None, None, None);
        let pairs = text.split(',').map(|pair| pair.trim_matches([' ', '\t']));
        for pair in pairs.filter(|_| !text.trim_matches([' ', '\t']).is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(invalid("pairs of a key and a Base64 value, by commas"));
            }
            if keys.contains(&key) || keys.len() == PAIRS {
                return Err(invalid("each key once, and at most 32"));
            }
            keys.push(key);
            let value = STANDARD.decode(value).map_err(|_| invalid("a value is in Base64"))?;
            let slot = match key {
                "filename" => &mut filename,
                "name" => &mut name,
                "public" => &mut public,
                _ => continue,
            };
            *slot = Some(String::from_utf8(value).map_err(|_| invalid("a name is in UTF-8"))?);
        }
        let public = match public.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(invalid("`public` is `true` or `false`")),
        };
        Ok(Self { filename: filename.or(name), public })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(Option<String>, bool)> {
        UploadMetadata::parse(text).ok().map(|it| (it.filename, it.public))
    }

    #[test]
    fn what_is_known_is_read_and_the_rest_is_let_be() {
        let name = |name: &str| Some(name.to_owned());
        let cases = [
            ("", (None, false)),
            ("filename d29ybGQucGRm,is_confidential", (name("world.pdf"), false)),
            ("filename d29ybGQucGRm , public dHJ1ZQ==", (name("world.pdf"), true)),
            ("name d29ybGQucGRm,public ZmFsc2U=", (name("world.pdf"), false)),
            ("name bm8=,filename d29ybGQucGRm", (name("world.pdf"), false)),
            ("filename ,filetype aW1hZ2UvcG5n", (name(""), false)),
            ("blob /////w==", (None, false)),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        let many: Vec<String> = (0..33).map(|number| format!("k{number}")).collect();
        let long = format!("filename {}", "A".repeat(MOST));
        let cases = [
            ",",
            "a,",
            ",a",
            "a,a",
            "a YQ==,a YQ==",
            "a  YQ==",
            "a YQ",
            "a YQ==x",
            "a Y Q==",
            "a Y-__",
            "\u{fc} YQ==",
            "filename /////w==",
            "public YQ==",
            "public",
            "public VFJVRQ==",
            &many.join(","),
            &long,
        ];
        for text in cases {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_client_says_comes_back(
            pairs in btree_map("[a-z!-+._-]{1,8}", ".{0,20}", 0..8),
            filename in ".{0,40}",
            public: bool,
        ) {
            let encode = |(key, value): (&str, &str)| format!("{key} {}", STANDARD.encode(value));
            let others = pairs.iter().filter(|(key, _)| !["filename", "public", "name"].contains(&key.as_str()));
            let mut said: Vec<String> = others.map(|(key, value)| encode((key, value))).collect();
            said.push(encode(("filename", &filename)));
            said.push(encode(("public", if public { "true" } else { "false" })));
            prop_assert_eq!(read(&said.join(",")), Some((Some(filename), public)));
        }

        #[test]
        fn anything_is_read_or_refused(text in "[a-zA-Z0-9+/=, \\t]{0,60}|.*") {
            let _ = UploadMetadata::parse(&text);
        }
    }
}
