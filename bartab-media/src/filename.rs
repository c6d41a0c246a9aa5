//! Names of files, as somebody else gives them.

/// Bytes that a name may have: what every file system takes.
const MOST: usize = 255;

/// The name without what deceives or breaks: folders, control characters, and marks that have a name run backwards.
/// `None` when nothing is left.
pub(crate) fn clean(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean: String = last.chars().filter(|char| !char.is_control() && !is_deceptive(*char)).collect();
    clean.truncate(clean.floor_char_boundary(MOST));
    let trimmed = clean.trim();
    (!trimmed.is_empty() && !trimmed.bytes().all(|byte| byte == b'.')).then(|| trimmed.to_owned())
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
