//! A username for every nick.

use std::collections::HashSet;

/// The characters that a username may have.
const MOST: usize = 32;

/// Usernames for these nicks, in their order: letters made small, everything that a username cannot have made `-`,
/// `tag` behind, and a number where two would be the same.
pub(crate) fn usernames(nicks: &[String], tag: &str) -> Vec<String> {
    let mut taken = HashSet::new();
    let free = |nick: &String| {
        let plain: String = nick
            .chars()
            .map(|char| match char.to_ascii_lowercase() {
                char @ ('a'..='z' | '0'..='9' | '.' | '_' | '-') => char,
                _ => '-',
            })
            .collect();
        // It begins with a letter or a digit.
        let plain =
            if plain.starts_with(|first: char| first.is_ascii_alphanumeric()) { plain } else { format!("0{plain}") };
        let name = (1_u32..).map(|count| {
            let end = if count == 1 { format!(".{tag}") } else { format!("-{count}.{tag}") };
            format!("{}{end}", &plain[..plain.len().min(MOST - end.len())])
        });
        name.into_iter().find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    nicks.iter().map(free).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_allowed_and_different() {
        let long = "x".repeat(50);
        let nicks = ["zcat[1]", "zcat{1}", "ZCAT[1]", "_Foo|away", "`", "caf\u{e9}", &long].map(str::to_owned);
        let names = usernames(&nicks, "irc");
        assert_eq!(
            &names[..6],
            ["zcat-1-.irc", "zcat-1--2.irc", "zcat-1--3.irc", "0_foo-away.irc", "0-.irc", "caf-.irc"]
        );
        assert_eq!(names[6].len(), MOST);
        assert_eq!(names, usernames(&nicks, "irc"));
    }
}
