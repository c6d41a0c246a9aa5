//! The binary `bartab`.

use std::process::ExitCode;

/// Answers are many small allocations that one thread makes and another frees, which is what this one is built for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bartab_host::run()
}
