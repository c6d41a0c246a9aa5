//! What a reaction may be: one emoji.
//!
//! The grammar is that of a "possible emoji" of Unicode (UTS #51, section 1.4.9), which every emoji of today and
//! tomorrow fits. Its one table, the characters that can be emoji, stands here by blocks: an exact one would have to
//! follow each version of Unicode, and what a block has beyond emoji are pictures and arrows too, never letters, which
//! would make of reactions a second chat.

use crate::config::limits;
use crate::error::ChatError;

const JOINER: char = '\u{200d}';
const PRESENTATION: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// Refuses a text that is not one emoji.
pub(super) fn check_emoji(emoji: &str) -> Result<(), ChatError> {
    if emoji.len() <= limits::EMOJI_BYTES && is_emoji(emoji) {
        return Ok(());
    }
    Err(ChatError::invalid("{emoji}", "invalid", "expected one emoji"))
}

fn is_emoji(text: &str) -> bool {
    is_flag(text) || text.split(JOINER).all(is_element)
}

/// Two letters of a region: a flag.
fn is_flag(text: &str) -> bool {
    text.chars().count() == 2 && text.chars().all(|char| matches!(char, '\u{1f1e6}'..='\u{1f1ff}'))
}

/// One picture with what changes its look: skin, presentation, keycap, or the tags of a flag.
fn is_element(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let rest = chars.as_str();
    if matches!(first, '#' | '*' | '0'..='9') {
        let rest = rest.strip_prefix(PRESENTATION).unwrap_or(rest);
        return rest.chars().eq([KEYCAP]);
    }
    is_picture(first) && changes_look(rest)
}

fn changes_look(rest: &str) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        None => true,
        Some(PRESENTATION | '\u{1f3fb}'..='\u{1f3ff}') => chars.next().is_none(),
        Some(_) => {
            let tags = rest.strip_suffix('\u{e007f}').unwrap_or_default();
            !tags.is_empty() && tags.chars().all(|tag| matches!(tag, '\u{e0020}'..='\u{e007e}'))
        }
    }
}

const fn is_picture(char: char) -> bool {
    matches!(char,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{24c2}'
        // Arrows, technical signs, shapes, symbols, dingbats.
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        // Of the enclosed letters those alone that are emoji: the others would spell words.
        | '\u{1f000}'..='\u{1f0ff}' | '\u{1f170}' | '\u{1f171}' | '\u{1f17e}' | '\u{1f17f}' | '\u{1f18e}'
        | '\u{1f191}'..='\u{1f19a}' | '\u{1f201}' | '\u{1f202}' | '\u{1f21a}' | '\u{1f22f}'
        | '\u{1f232}'..='\u{1f23a}' | '\u{1f250}' | '\u{1f251}'
        // The pictographs, those to come included.
        | '\u{1f300}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_of_every_shape_are_taken() {
        let emoji = [
            "\u{1f44d}",
            "\u{1f44d}\u{1f3fd}",
            "\u{2764}",
            "\u{2764}\u{fe0f}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
            "\u{1f575}\u{1f3fd}\u{200d}\u{2642}\u{fe0f}",
            "\u{1f1e9}\u{1f1ea}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "1\u{fe0f}\u{20e3}",
            "#\u{20e3}",
            "\u{1f170}",
            "\u{1f18e}",
            "\u{24c2}\u{fe0f}",
            "\u{2139}\u{fe0f}",
            "\u{a9}\u{fe0f}",
            "\u{3297}\u{fe0f}",
        ];
        for emoji in emoji {
            assert!(check_emoji(emoji).is_ok(), "{emoji} {}", emoji.escape_unicode());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "\u{1f44d}\u{200d}".repeat(9) + "\u{1f44d}";
        let others = [
            "",
            "a",
            "1",
            "#",
            ":+1:",
            "\u{e9}",
            "\u{4e2d}",
            "\u{1f130}",
            "\u{1f1e9}",
            "\u{1f1e9}\u{1f1ea}\u{1f1e9}",
            "\u{1f44d}\u{1f44d}",
            "\u{1f44d} ",
            "\u{1f44d}a",
            "\u{fe0f}",
            "\u{200d}",
            "\u{1f44d}\u{200d}",
            "\u{200d}\u{1f44d}",
            "\u{1f44d}\u{fe0f}\u{fe0f}",
            "1\u{fe0f}",
            "\u{1f3f4}\u{e007f}",
            "\u{1f3f4}\u{e0067}",
            "\u{1f44d}\n",
            "\0",
            "\u{202e}\u{1f44d}",
            long.as_str(),
        ];
        for other in others {
            assert!(check_emoji(other).is_err(), "{}", other.escape_unicode());
        }
    }
}
