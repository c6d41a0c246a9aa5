//! The passwords that everybody tries first.

use std::sync::LazyLock;

/// Sorted by bytes, in lower case; where they are from stands beside them.
const LIST: &str = include_str!("../data/common-passwords.txt");

/// Whether `password` is among the most common ones, in whatever case, or is hardly more than one character repeated.
pub(crate) fn is_common(password: &str) -> bool {
    static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| LIST.lines().collect());
    let password = password.to_lowercase();
    let mut characters: Vec<char> = password.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len() < 3 || SORTED.binary_search(&&*password).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert_eq!(lines.len(), 8346);
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|line| line.len() >= 8 && *line == line.to_lowercase()));
        assert!(lines.iter().all(|line| is_common(line)));
    }

    #[test]
    fn common_passwords_are_known_in_any_case() {
        for common in ["password", "PassWord", "1q2w3e4r", "iloveyou", "aaaaaaaaaaaa", "abababab", "11111111111"] {
            assert!(is_common(common), "{common}");
        }
        for other in ["correct horse", "password\u{e4}", "passwor d", "x7$kQ2!m", "abcabcabd0"] {
            assert!(!is_common(other), "{other}");
        }
    }
}
