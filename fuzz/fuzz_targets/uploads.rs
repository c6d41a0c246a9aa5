//! Feeds `bartab_fuzz::uploads`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bartab_fuzz::uploads(data));
