//! `Content-Disposition` of a part of a form (RFC 7578).

use percent_encoding::percent_decode_str;

/// What a part says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: String,
    pub(super) filename: Option<String>,
}

impl Disposition {
    /// `None` when it is no `form-data` with one name. `filename*` (RFC 8187), which the RFC forbids and some clients
    /// send, wins over `filename`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, mut rest) = split_at(text, ';');
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return None;
        }
        let (mut name, mut filename, mut extended) = (None, None, None);
        while let Some(text) = rest {
            let parameter;
            (parameter, rest) = parameter_of(text)?;
            let Some((key, value)) = parameter else { continue };
            let slot = match key.to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut filename,
                "filename*" => &mut extended,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        // Browsers write a quote so, and nothing else that a name may have.
        let plain = filename.map(|name: String| name.replace("%22", "\""));
        let filename = match extended {
            Some(text) => Some(decode_extended(&text)?),
            None => plain,
        };
        Some(Self { name: name?, filename })
    }
}

/// A parameter, unless there is nothing, and what follows the next semicolon.
type Parameter<'a> = (Option<(&'a str, String)>, Option<&'a str>);

fn parameter_of(text: &str) -> Option<Parameter<'_>> {
    let text = text.trim_start();
    let end = text.find(['=', ';']).unwrap_or(text.len());
    let (key, after) = text.split_at(end);
    let Some(after) = after.strip_prefix('=') else {
        // A semicolon at the end is no parameter; a word without a value is none that is known.
        return key.trim().is_empty().then_some((None, after.strip_prefix(';')));
    };
    let after = after.trim_start();
    let (value, rest) = match after.strip_prefix('"') {
        Some(quoted) => {
            let (value, rest) = unquote(quoted)?;
            let rest = rest.trim_start();
            (value, if rest.is_empty() { None } else { Some(rest.strip_prefix(';')?) })
        }
        None => {
            let (value, rest) = split_at(after, ';');
            (value.trim().to_owned(), rest)
        }
    };
    Some((Some((key.trim(), value)), rest))
}

fn split_at(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// What is between quotes, and what follows. A backslash counts only before a quote or itself: old clients send paths.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return Some((value, text.get(index + 1..)?)),
            '\\' => value.push(chars.next_if(|(_, next)| matches!(next, '"' | '\\')).map_or('\\', |(_, next)| next)),
            char => value.push(char),
        }
    }
    None
}

/// RFC 8187, in the one encoding that it demands.
fn decode_extended(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_, value) = rest.split_once('\'')?;
    let decoded = percent_decode_str(value).decode_utf8().ok()?;
    charset.eq_ignore_ascii_case("utf-8").then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Disposition;

    fn read(text: &str) -> Option<(String, Option<String>)> {
        Disposition::parse(text).map(|it| (it.name, it.filename))
    }

    #[test]
    fn names_are_read_as_clients_write_them() {
        let cases = [
            (r#"form-data; name="file"; filename="a.png""#, Some("a.png")),
            (r#"Form-Data ;NAME=file;FileName=a.png"#, Some("a.png")),
            (r#"form-data; filename="name=x; name=\"other\""; name="file""#, Some(r#"name=x; name="other""#)),
            (r#"form-data; name="file"; filename="C:\Users\me\a.png""#, Some(r"C:\Users\me\a.png")),
            (r#"form-data; name="file"; filename="say %22hi%22 100%25.txt""#, Some(r#"say "hi" 100%25.txt"#)),
            (r#"form-data; name="file"; filename="ü.txt""#, Some("ü.txt")),
            (r#"form-data; name="file"; filename*=UTF-8''%e2%82%ac.txt; filename="x""#, Some("€.txt")),
            (r#"form-data; name="file"; filename="x"; filename*=utf-8'en'a%20b"#, Some("a b")),
            (r#"form-data; name="file";"#, None),
            (r#"form-data; name="file"; size=3"#, None),
        ];
        for (text, filename) in cases {
            assert_eq!(read(text), Some(("file".to_owned(), filename.map(str::to_owned))), "{text}");
        }
    }

    #[test]
    fn what_is_no_part_of_a_form_is_refused() {
        let cases = [
            "",
            "form-data",
            "attachment; name=file",
            r#"form-data; filename="a""#,
            r#"form-data; name="file"#,
            r#"form-data; name="file" x"#,
            "form-data; name=a; name=b",
            "form-data; name=a; filename*=latin1''%fc",
            "form-data; name=a; filename*=UTF-8''%ff",
            "form-data; name=a; filename*=x",
            "form-data; name=a; word",
        ];
        for text in cases {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_name_comes_back(name in "[^%]*") {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("form-data; filename=\"{quoted}\"; name=\"file\"");
            prop_assert_eq!(read(&text), Some(("file".to_owned(), Some(name))));
        }

        #[test]
        fn anything_is_read_or_refused(text in "(form-data;)?[a-z=;*\"\\\\' %]*") {
            let _ = Disposition::parse(&text);
        }
    }
}
