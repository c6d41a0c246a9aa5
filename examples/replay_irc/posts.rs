//! What is posted for each line, so that every line can be had back to the letter.
//!
//! A server takes no message that is empty, blank or too long. So a text that is blank, or begins with U+200B (zero
//! width space), is posted with a U+200B before it, and a text that is too long in several messages, one after the
//! other. The nonce of a message tells the line and the part: `17`, `18.0`, `18.1`.

use crate::log::Log;

const MARK: char = '\u{200b}';

/// A message to be posted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Post {
    /// Who speaks, as an index into the log's speakers.
    pub(crate) speaker: usize,
    /// The text as it is posted.
    pub(crate) text: String,
    /// The line in the file, and which part of it when it has several.
    pub(crate) nonce: String,
    /// The message that it answers, as an index into the posts; an earlier one.
    pub(crate) reply_to: Option<usize>,
}

/// The messages of a log, for a server that takes messages of `most` characters.
pub(crate) fn posts(log: &Log, most: usize) -> Vec<Post> {
    let mut posts = Vec::with_capacity(log.lines.len());
    let mut first = Vec::with_capacity(log.lines.len());
    for line in &log.lines {
        let reply_to = line.answers.map(|index| first[index]);
        first.push(posts.len());
        let parts = encode(&line.text, most);
        let several = parts.len() > 1;
        posts.extend(parts.into_iter().enumerate().map(|(part, text)| Post {
            speaker: line.speaker,
            text,
            nonce: if several { format!("{}.{part}", line.number) } else { line.number.to_string() },
            reply_to: reply_to.filter(|_| part == 0),
        }));
    }
    posts
}

fn encode(text: &str, most: usize) -> Vec<String> {
    // One character is left for the mark.
    let size = most.saturating_sub(1).max(1);
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.char_indices().nth(size).map_or(rest.len(), |(end, _)| end);
        let (part, after) = rest.split_at(end);
        parts.push(if part.trim().is_empty() || part.starts_with(MARK) {
            format!("{MARK}{part}")
        } else {
            part.to_owned()
        });
        rest = after;
        if rest.is_empty() {
            return parts;
        }
    }
}

/// The text of a line from the texts of its messages.
pub(crate) fn decode<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().map(|part| part.strip_prefix(MARK).unwrap_or(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_can_be_had_back() {
        for text in
            ["", " ", "   \t", "hello", "\u{200b}", "\u{200b}\u{200b}x", "0123456789\u{e9}\u{1f37a}", "a      b"]
        {
            for most in [2, 3, 5, 100] {
                let parts = encode(text, most);
                assert!(parts.iter().all(|part| !part.trim().is_empty() && part.chars().count() <= most), "{parts:?}");
                assert_eq!(decode(parts.iter().map(String::as_str)), text);
            }
        }
        assert_eq!(encode("hello", 6), ["hello"]);
    }

    #[test]
    fn links_lead_to_the_first_part() {
        let line =
            |number, text: &str, answers| crate::log::Line { number, speaker: 0, text: text.to_owned(), answers };
        let lines = vec![line(3, "0123456789", None), line(5, "b", Some(0)), line(9, "c", Some(1))];
        let posts = posts(&Log { lines, ..Log::default() }, 6);
        let seen: Vec<_> = posts.iter().map(|post| (post.nonce.as_str(), post.text.as_str(), post.reply_to)).collect();
        assert_eq!(seen, [("3.0", "01234", None), ("3.1", "56789", None), ("5", "b", Some(0)), ("9", "c", Some(2))]);
    }
}
