#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ytorch_fuzz::backup::restore(bytes));
