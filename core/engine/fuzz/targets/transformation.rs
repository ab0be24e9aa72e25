//! Reads bytes as a transformation. What is valid must stay the same through JSON and through its canonical form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pixmill_engine::Transformation;

fuzz_target!(init: pixmill_engine_fuzz::seeds::write_if_asked("transformation"), |bytes: &[u8]| {
    let Ok(transformation) = serde_json::from_slice::<Transformation>(bytes) else { return };
    if transformation.validate().is_err() {
        return;
    }
    let json = serde_json::to_string(&transformation).expect("a valid transformation can be written");
    let back: Transformation = serde_json::from_str(&json).expect("what was written can be read");
    assert_eq!(back, transformation, "{json}");
    let canonical = transformation.canonical();
    assert!(canonical.validate().is_ok(), "the canonical form of {json} is not valid");
    assert_eq!(canonical.canonical(), canonical, "{json} has no single canonical form");
});
