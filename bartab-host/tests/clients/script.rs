//! Runs the clients' scripts.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::install::{node_modules, python, sources};

/// What a script is written in.
#[derive(Clone, Copy)]
pub(crate) enum Language {
    Python,
    Node,
}

/// Variables of the environment.
pub(crate) type Variables = [(&'static str, String)];

/// Runs the script to its end with these variables; it prints that all went well, or fails.
pub(crate) async fn run(language: Language, script: &str, variables: &Variables) {
    run_with(language, script, &[], variables).await;
}

/// The same with arguments.
pub(crate) async fn run_with(language: Language, script: &str, arguments: &[&str], variables: &Variables) {
    let (program, script) = match language {
        Language::Python => (python().as_os_str(), sources().join(script)),
        // Node looks for packages beside the script and above it.
        Language::Node => (OsStr::new("node"), node_modules().join(script)),
    };
    let mut command = Command::new(program);
    command.arg(script).args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("the client does not end")).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end().ends_with(": ok"), "{out}\n{err}");
}
