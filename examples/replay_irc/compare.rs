//! Compares what was seen with the file.

use crate::log::Log;
use crate::posts::{Post, decode};
use crate::seen::Seen;

/// So many differences are told; the others are counted.
const TOLD: usize = 20;

/// The differences that were found.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    told: Vec<String>,
    count: usize,
}

impl Differences {
    /// One more.
    pub(crate) fn add(&mut self, difference: String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(difference);
        }
    }

    /// Whether everything was as it should be.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Notes where the messages that `who` saw are not those of the file.
    pub(crate) fn compare<'a>(&mut self, who: &str, seen: impl IntoIterator<Item = &'a Seen>, expected: &[Seen]) {
        let mut seen = seen.into_iter();
        for (position, expected) in expected.iter().enumerate() {
            match seen.next() {
                Some(seen) if seen == expected => {}
                Some(seen) => self.add(format!("{who}, message {position}: {seen:?} instead of {expected:?}")),
                None => {
                    self.add(format!("{who} ends before message {position}"));
                    return;
                }
            }
        }
        let further = seen.count();
        if further > 0 {
            self.add(format!("{who} has {further} messages too many"));
        }
    }

    /// Notes where the texts, put together again from the messages in the order of the file, are not the file's.
    pub(crate) fn compare_lines(&mut self, log: &Log, posts: &[Post], messages: &[&Seen]) {
        let line_of = |post: &Post| post.nonce.split('.').next().and_then(|number| number.parse::<usize>().ok());
        let mut next = 0;
        for line in &log.lines {
            let parts = posts[next..].iter().take_while(|post| line_of(post) == Some(line.number)).count();
            let text = decode(messages[next..next + parts].iter().map(|seen| seen.text.as_str()));
            if text != line.text {
                self.add(format!("line {} reads {text:?} instead of {:?}", line.number, line.text));
            }
            next += parts;
        }
    }
}

impl std::fmt::Display for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for difference in &self.told {
            writeln!(f, "{difference}")?;
        }
        write!(f, "{} differences", self.count)
    }
}

/// What every reader should have seen, in the order of the room, from the file and the answers to the posts.
///
/// The answers tell two things that the file cannot: the event's id and, when everybody speaks at once, its place. What
/// the answers say beyond that is compared like everything else.
pub(crate) fn expected(
    posts: &[Post],
    people: &[String],
    answers: &[Seen],
    concurrent: bool,
    differences: &mut Differences,
) -> Vec<Seen> {
    let mut expected = Vec::with_capacity(posts.len());
    let mut last_of = vec![0; people.len()];
    for (index, (post, answer)) in posts.iter().zip(answers).enumerate() {
        let number = if concurrent { answer.number } else { index as u64 + 1 };
        // Each speaker's own order is the file's, and an answer comes after what it answers.
        let before = post.reply_to.map_or(0, |earlier| answers[earlier].number).max(last_of[post.speaker]);
        if number <= before {
            differences.add(format!("line {} has number {number}, after one with {before}", post.nonce));
        }
        last_of[post.speaker] = number;
        let reply_to = post.reply_to.map(|earlier| answers[earlier].event_id.clone());
        let (event_id, sender) = (answer.event_id.clone(), people[post.speaker].clone());
        expected.push(Seen { event_id, number, sender, text: post.text.clone(), reply_to });
    }
    differences.compare("the answers to the posts", answers, &expected);
    expected.sort_by_key(|seen| seen.number);
    if !expected.iter().map(|seen| seen.number).eq(1..=posts.len() as u64) {
        differences.add("the numbers are not 1, 2, 3 and so on".to_owned());
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: u64) -> Seen {
        let event_id = format!("evt_{number}");
        Seen { event_id, number, sender: "user_a".to_owned(), text: format!("text {number}"), reply_to: None }
    }

    fn count(messages: &[Seen], expected: &[Seen]) -> usize {
        let mut differences = Differences::default();
        differences.compare("a reader", messages, expected);
        differences.count
    }

    #[test]
    fn every_difference_is_found() {
        let expected: Vec<Seen> = (1..5).map(seen).collect();
        assert_eq!(count(&expected, &expected), 0);
        assert_eq!(count(&expected[..3], &expected), 1, "one is missing at the end");
        assert_ne!(count(&expected[1..], &expected), 0, "one is missing at the beginning");
        assert_eq!(count(&[&expected[..], &[seen(4)]].concat(), &expected), 1, "one too many");
        for change in [
            |seen: &mut Seen| seen.text.push(' '),
            |seen: &mut Seen| seen.reply_to = Some("evt_1".to_owned()),
            |seen: &mut Seen| seen.sender = "user_b".to_owned(),
            |seen: &mut Seen| seen.number += 1,
        ] {
            let mut messages = expected.clone();
            change(&mut messages[2]);
            assert_eq!(count(&messages, &expected), 1);
        }
        let mut messages = expected.clone();
        messages.swap(0, 1);
        assert_eq!(count(&messages, &expected), 2);
    }
}
