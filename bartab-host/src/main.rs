//! The binary `bartab`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bartab_host::run()
}
