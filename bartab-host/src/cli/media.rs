//! `bartab media`: the files of a tenant.

use clap::Subcommand;
use serde_json::{Value, json};

use super::desk::Place;
use super::{Outcome, row, say};

/// Each finding of a check, what it means, and what a repair does about it.
const FINDINGS: [(&str, &str, &str); 8] = [
    ("missing", "files whose bytes are missing", "put into quarantine"),
    ("damaged", "files whose bytes are not what was stored", "put into quarantine"),
    ("unreadable", "files whose bytes could not be looked at now", "left alone"),
    ("orphaned_blobs", "bytes that belong to no file", "deleted"),
    ("orphaned_thumbnails", "thumbnails of no file", "deleted"),
    ("orphaned_uploads", "bytes of uploads that nobody knows of", "deleted"),
    ("leftovers", "what killed processes were writing", "deleted"),
    ("foreign", "names that are not ours", "left alone"),
];

#[derive(Debug, Subcommand)]
pub(super) enum Media {
    /// Compare what is recorded with what is stored; ends with an error when something is wrong
    Fsck {
        /// Repair what can be: bytes that belong to nothing are deleted, files without their bytes put into quarantine
        #[arg(long)]
        repair: bool,
        /// Read all bytes, too, and compare their hashes
        #[arg(long)]
        contents: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print what the files take: files, bytes, uploads under way, bytes of those, bytes allowed
    Usage {
        #[command(flatten)]
        place: Place,
    },
}

/// The check found what is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unsound(&'static str);

impl Media {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Usage { place } => place.work(async |desk| {
                let usage = desk.get("media/usage").await?;
                say(row(&usage, &["files", "bytes", "uploads", "reserved", "limit"]));
                Ok(())
            }),
            Self::Fsck { repair, contents, place } => place.work(async |desk| {
                let report = desk.post_long("media/check", &json!({"repair": repair, "contents": contents})).await?;
                tell(&report, repair);
                match (report["sound"].as_bool(), repair) {
                    (Some(true), _) => Ok(()),
                    (_, true) => Err(Unsound("not everything could be repaired").into()),
                    (_, false) => Err(Unsound("something is wrong; --repair repairs what can be").into()),
                }
            }),
        }
    }
}

fn tell(report: &Value, repair: bool) {
    say(format_args!("{} files and {} names were looked at", report["files"], report["names"]));
    for (field, what, repaired) in FINDINGS {
        let found = &report[field];
        let count = found["count"].as_u64().unwrap_or(0);
        if count == 0 {
            continue;
        }
        let done = if repair { format!(", {repaired}") } else { String::new() };
        say(format_args!("{count} {what}{done}:"));
        found["first"].as_array().into_iter().flatten().for_each(|one| say(format_args!("  {}", line(one))));
    }
    if let Some(doomed @ 1..) = report["doomed"].as_u64() {
        let done = if repair { ", done now" } else { "" };
        say(format_args!("{doomed} deletions that were not done yet{done}"));
    }
}

/// A name on a line of its own, whatever is in it.
fn line(name: &Value) -> String {
    name.as_str().unwrap_or_default().escape_debug().to_string()
}
