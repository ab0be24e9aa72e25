//! Decodes bytes as WebP.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use pixmill_engine::Format;

fuzz_target!(init: pixmill_engine_fuzz::seeds::write_if_asked("webp"), |bytes: &[u8]| -> Corpus {
    if pixmill_engine_fuzz::decode(bytes, Format::Webp) { Corpus::Keep } else { Corpus::Reject }
});
