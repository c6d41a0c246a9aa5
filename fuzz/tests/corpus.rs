//! What was once found by fuzzing, or shows a target the way, holds on every test run.

#![expect(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use bartab_core::{Random as _, SeededRandom};
use bartab_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn the_corpus_holds() {
    for (name, body) in TARGETS {
        let files = names(&folder("corpus").join(name));
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            // Shown when the body panics.
            println!("{}", file.display());
            body(&fs::read(file).unwrap());
        }
    }
}

#[test]
fn random_bytes_hold() {
    let random = SeededRandom::new(1);
    for (_, body) in TARGETS {
        for _ in 0..400 {
            let mut bytes = vec![0; random.below(600) as usize];
            random.fill(&mut bytes);
            body(&bytes);
        }
    }
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let named: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    for kind in ["fuzz_targets", "corpus"] {
        for path in names(&folder(kind)) {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(named.contains(&stem), "{} belongs to no target", path.display());
        }
        assert_eq!(names(&folder(kind)).len(), named.len(), "{kind}");
    }
}
