//! Feeds `bartab_fuzz::tokens`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bartab_fuzz::tokens(data));
