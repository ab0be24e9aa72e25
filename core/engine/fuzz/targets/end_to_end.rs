//! A transformation, a line feed and a file, together.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use pixmill_engine::Transformation;

fuzz_target!(init: pixmill_engine_fuzz::seeds::write_if_asked("end_to_end"), |bytes: &[u8]| -> Corpus {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Corpus::Reject };
    let Ok(transformation) = serde_json::from_slice::<Transformation>(&bytes[..end]) else {
        return Corpus::Reject;
    };
    pixmill_engine_fuzz::run(&bytes[end + 1..], &transformation);
    Corpus::Keep
});
