//! Reads a log of the `#ubuntu` channel and its annotations; `data/README.md` tells the format.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use crate::Outcome;

/// Who said what in which order, and what answers what.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The messages, in the order of the file.
    pub(crate) lines: Vec<Line>,
    /// The nicks, in the order in which they first spoke.
    pub(crate) speakers: Vec<String>,
    /// What the file holds that is no message, and what does not fit into `reply_to`.
    pub(crate) beside: Beside,
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its line in the file, from 0.
    pub(crate) number: usize,
    /// Who spoke, as an index into [`Log::speakers`].
    pub(crate) speaker: usize,
    /// What stands after `[hh:mm] <nick> `; of an action everything from the asterisk on.
    pub(crate) text: String,
    /// The message that it answers, as an index into [`Log::lines`]; an earlier one.
    pub(crate) answers: Option<usize>,
}

/// What is counted and not replayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Joins, parts, renames and modes.
    pub(crate) notices: usize,
    /// Lines that were no UTF-8; what could not be read became U+FFFD.
    pub(crate) lossy: usize,
    /// Links of messages that answer more than one: `reply_to` holds the latest of those.
    pub(crate) further_links: usize,
    /// Links from or to a line that is no message.
    pub(crate) links_to_notices: usize,
}

impl Log {
    /// Reads both files.
    ///
    /// # Errors
    /// When they cannot be read, or hold a line that is none of the format.
    pub(crate) fn read(log: &Path, annotation: &Path) -> Outcome<Self> {
        let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        Self::parse(&read(log)?, &String::from_utf8(read(annotation)?)?)
    }

    fn parse(raw: &[u8], annotation: &str) -> Outcome<Self> {
        let mut log = Self::default();
        let mut speakers = HashMap::new();
        let mut lines: Vec<&[u8]> = raw.split(|byte| *byte == b'\n').collect();
        lines.pop_if(|last| last.is_empty());
        for (number, bytes) in lines.iter().enumerate() {
            let line = String::from_utf8_lossy(bytes);
            log.beside.lossy += usize::from(std::str::from_utf8(bytes).is_err());
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.starts_with("===") {
                log.beside.notices += 1;
                continue;
            }
            let (nick, text) = said(line).ok_or_else(|| format!("line {number} is no message: {line:?}"))?;
            if text.contains('\0') {
                return Err(format!("line {number} holds a NUL, which no message may").into());
            }
            let speaker = *speakers.entry(nick.to_owned()).or_insert_with(|| {
                log.speakers.push(nick.to_owned());
                log.speakers.len() - 1
            });
            log.lines.push(Line { number, speaker, text: text.to_owned(), answers: None });
        }
        log.link(annotation, lines.len())?;
        Ok(log)
    }

    fn link(&mut self, annotation: &str, count: usize) -> Outcome<()> {
        let messages: BTreeMap<usize, usize> =
            self.lines.iter().enumerate().map(|(index, line)| (line.number, index)).collect();
        for row in annotation.lines().filter(|row| !row.trim().is_empty()) {
            let mut numbers = row.split_ascii_whitespace().map(str::parse::<usize>);
            let (Some(Ok(a)), Some(Ok(b))) = (numbers.next(), numbers.next()) else {
                return Err(format!("{row:?} is no annotation").into());
            };
            let (earlier, later) = (a.min(b), a.max(b));
            if later >= count {
                return Err(format!("{row:?} names a line that the log does not have").into());
            }
            if earlier == later {
                continue;
            }
            let (Some(&earlier), Some(&later)) = (messages.get(&earlier), messages.get(&later)) else {
                self.beside.links_to_notices += 1;
                continue;
            };
            let answers = &mut self.lines[later].answers;
            self.beside.further_links += usize::from(answers.is_some());
            *answers = (*answers).max(Some(earlier));
        }
        Ok(())
    }
}

/// The nick and the text of a message or an action.
fn said(line: &str) -> Option<(&str, &str)> {
    let time = line.as_bytes().get(..8)?;
    let shaped = time.iter().zip(b"[00:00] ").all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    let rest = line.get(8..).filter(|_| shaped)?;
    if let Some(rest) = rest.strip_prefix('<') {
        // Some nicks are padded: `<zcat[1] >`.
        let (nick, text) = rest.split_once('>')?;
        let nick = Some(nick.trim()).filter(|nick| !nick.is_empty())?;
        return Some((nick, text.strip_prefix(' ').unwrap_or(text)));
    }
    let action = rest.trim_start_matches(' ');
    let nick = action.strip_prefix("* ")?.split(' ').next().filter(|nick| !nick.is_empty())?;
    Some((nick, action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_actions_and_notices_are_told_apart() {
        let raw =
            b"=== a [n=a@b]  has joined #ubuntu\n[11:22] <zcat[1] >  hi > there \n[11:22]  * a waves\n[11:23] <b>\n";
        let log = Log::parse(raw, "").unwrap();
        let said: Vec<_> = log.lines.iter().map(|line| (line.number, line.speaker, line.text.as_str())).collect();
        assert_eq!(said, [(1, 0, " hi > there "), (2, 1, "* a waves"), (3, 2, "")]);
        assert_eq!(log.speakers, ["zcat[1]", "a", "b"]);
        assert_eq!(log.beside, Beside { notices: 1, ..Beside::default() });
    }

    #[test]
    fn the_later_line_answers_the_latest_of_the_earlier_ones() {
        let raw = b"[00:00] <a> 0\n[00:00] <a> 1\n=== notice\n[00:00] <b> 3\n";
        let log = Log::parse(raw, "0 0 -\n0 1 -\n3 0 -\n1 3 -\n0 3 -\n2 3 -\n").unwrap();
        let answers: Vec<_> = log.lines.iter().map(|line| line.answers).collect();
        assert_eq!(answers, [None, Some(0), Some(1)]);
        assert_eq!(log.beside, Beside { notices: 1, further_links: 2, links_to_notices: 1, lossy: 0 });
    }

    #[test]
    fn bytes_that_are_no_text_are_counted() {
        let log = Log::parse(b"[00:00] <a> caf\xe9\n", "").unwrap();
        assert_eq!((log.lines[0].text.as_str(), log.beside.lossy), ("caf\u{fffd}", 1));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for raw in ["[11:22] hello\n", "hello\n", "[1:22] <a> b\n", "[11:22] <> b\n", "[11:22] <a> \0\n"] {
            assert!(Log::parse(raw.as_bytes(), "").is_err(), "{raw}");
        }
        for annotation in ["0 1 -\n", "a b -\n", "0\n"] {
            assert!(Log::parse(b"[00:00] <a> 0\n", annotation).is_err(), "{annotation}");
        }
    }
}
