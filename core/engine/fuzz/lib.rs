//! What every fuzz target holds the engine to: no panic, no hang, limits kept, and the same answer twice.
//!
//! The targets are thin: each names a format, or puts a transformation before the bytes.

pub mod seeds;

use std::time::{Duration, Instant};

use pixmill_engine::{
    CancelToken, Error, Format, Inspection, Limits, Transformation, Watermark, describe, inspect, plan,
    transform, transform_many,
};

/// Limits that keep one run short; they are a part of what is tested.
pub fn limits() -> Limits {
    Limits {
        max_pixels: 1 << 20,
        max_side: 4096,
        max_frames: 16,
        max_output_pixels: 1 << 18,
        max_output_side: 1024,
        max_memory_bytes: 64 << 20,
        ..Limits::default()
    }
}

/// Decodes bytes as the format they must begin like; others are not worth keeping. They are described, serve as a source
/// in several ways, and lie over another picture.
///
/// Returns whether they were taken for that format.
pub fn decode(bytes: &[u8], format: Format) -> bool {
    if Format::sniff(bytes) != Some(format) {
        return false;
    }
    header_in_pieces(bytes);
    let limits = limits();
    told(describe(bytes, &limits, &deadline()));
    let whole = Transformation { format: Some(Format::Png), ..Transformation::default() };
    let smaller = Transformation { width: Some(24), ..whole.clone() };
    run(bytes, &whole);
    run(bytes, &smaller);
    if format != Format::Avif {
        // In its own format: with all frames, if there are several, and from planes to planes. Writing AVIF takes long.
        let own = Transformation { format: None, ..smaller.clone() };
        run(bytes, &own);
        let anew = Transformation { quality: Some(70), keep_profile: true, ..Transformation::default() };
        let webp = Transformation { width: Some(11), format: Some(Format::Webp), ..anew.clone() };
        let mut list = vec![whole, smaller, own, webp];
        // Of its own parts; PNG and WebP are packed for as long as it takes before.
        list.extend(matches!(format, Format::Jpeg | Format::Gif).then_some(anew));
        for result in told(transform_many(bytes, None, &list, &limits, &deadline())).unwrap_or_default() {
            told(result);
        }
    }
    let watermark = Watermark { image_id: Some("over".to_owned()), tile: true, ..Watermark::default() };
    let marked = Transformation { watermark: Some(watermark), ..Transformation::default() };
    told(transform(&seeds::canvas(), Some(bytes), &marked, &limits, &deadline()));
    true
}

/// What a part of the file tells must not contradict what the whole tells.
fn header_in_pieces(bytes: &[u8]) {
    let limits = limits();
    let whole = inspect(bytes, true, &limits);
    for end in [bytes.len() / 4, bytes.len() / 2, bytes.len()] {
        match inspect(&bytes[..end], false, &limits) {
            Ok(Inspection::NeedMore(wanted)) => assert!(wanted > end, "{wanted} bytes are wanted of {end}"),
            Ok(Inspection::Ready(part)) => {
                if let Ok(Inspection::Ready(whole)) = &whole {
                    assert_eq!((part.width, part.height), (whole.width, whole.height));
                }
            }
            Err(_) => {}
        }
    }
    assert!(!matches!(whole, Ok(Inspection::NeedMore(_))), "a whole file is asked to go on");
}

/// Runs one transformation, and twice where it succeeds.
pub fn run(bytes: &[u8], transformation: &Transformation) {
    let limits = limits();
    let Some(first) = attempt(bytes, transformation, &limits) else { return };
    if let Ok(Inspection::Ready(header)) = inspect(bytes, true, &limits) {
        let plan = plan(&header, transformation, &limits).expect("what was done can be planned");
        assert_eq!(plan.output_size(), (first.width, first.height));
        assert!(plan.peak_bytes() <= limits.max_memory_bytes);
    }
    assert!(u64::from(first.width) * u64::from(first.height) <= limits.max_output_pixels);
    assert_eq!(Format::sniff(&first.bytes), Some(first.format), "the result is of another format");
    let second = attempt(bytes, transformation, &limits).expect("what succeeded once succeeds again");
    assert!(first.bytes == second.bytes, "two runs gave different bytes");
}

fn attempt(bytes: &[u8], transformation: &Transformation, limits: &Limits) -> Option<pixmill_engine::Output> {
    told(transform(bytes, None, transformation, limits, &deadline()))
}

fn deadline() -> CancelToken {
    CancelToken::with_deadline(Instant::now() + Duration::from_secs(20))
}

/// What came of it, if it isn't an error of the bytes.
fn told<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(result) => Some(result),
        Err(Error::Bug(detail)) => panic!("engine fault: {detail}"),
        Err(Error::TimedOut) => panic!("it takes too long"),
        Err(_) => None,
    }
}
