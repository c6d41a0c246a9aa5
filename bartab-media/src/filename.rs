//! Names of files, as somebody else gives them.

/// Bytes that a name may have: what every file system takes.
const MOST: usize = 255;
/// Bytes of an extension, with its dot, that is kept of a longer name.
const MOST_EXTENSION: usize = 16;

/// The name without what deceives or breaks: folders, control characters, and marks that have a name run backwards.
/// `None` when nothing is left.
pub(crate) fn clean(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean: String = last.chars().filter(|char| !char.is_control() && !is_deceptive(*char)).collect();
    shorten(&mut clean);
    let trimmed = clean.trim();
    (!trimmed.is_empty() && !trimmed.bytes().all(|byte| byte == b'.')).then(|| trimmed.to_owned())
}

/// Takes what is too long out before the extension, by which programs tell what they open.
fn shorten(name: &mut String) {
    if name.len() <= MOST {
        return;
    }
    let extension = name.rfind('.').and_then(|dot| name.get(dot..)).unwrap_or_default();
    let extension = if extension.len() <= MOST_EXTENSION { extension.to_owned() } else { String::new() };
    name.truncate(name.floor_char_boundary(MOST - extension.len()));
    name.push_str(&extension);
}

/// Marks of direction (Unicode TR 9), other separators of lines, and characters that are not seen.
const fn is_deceptive(char: char) -> bool {
    matches!(
        char,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::clean;

    #[test]
    fn a_name_keeps_neither_folders_nor_marks() {
        let cases = [
            ("holiday.jpg", Some("holiday.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\me\\a.png", Some("a.png")),
            ("a\r\nSet-Cookie: x", Some("aSet-Cookie: x")),
            ("ann\u{202e}gpj.exe", Some("anngpj.exe")),
            ("\"quoted\" 'name'.txt", Some("\"quoted\" 'name'.txt")),
            ("  Ünïcode 🍺.gif ", Some("Ünïcode 🍺.gif")),
            ("..", None),
            ("folder/", None),
            ("\0\u{feff}", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(clean(name).as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let cases = [
            (format!("{}.jpg", "x".repeat(300)), format!("{}.jpg", "x".repeat(251))),
            (format!("{}.png", "😀".repeat(100)), format!("{}.png", "😀".repeat(62))),
            (format!("a.{}", "x".repeat(300)), format!("a.{}", "x".repeat(253))),
            ("x".repeat(300), "x".repeat(255)),
            (format!("{}.jpg", "x".repeat(251)), format!("{}.jpg", "x".repeat(251))),
        ];
        for (name, expected) in cases {
            assert_eq!(clean(&name), Some(expected), "{name}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(name in "\\PC*|.*") {
            if let Some(once) = clean(&name) {
                prop_assert!(once.len() <= 255);
                prop_assert_eq!(clean(&once), Some(once.clone()));
            }
        }
    }
}
