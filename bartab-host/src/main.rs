//! The binary `bartab`.

use std::process::ExitCode;

/// Thousands of polls wait at once, and with this one each costs the least memory (docs/dependencies.md).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    bartab_host::run()
}
