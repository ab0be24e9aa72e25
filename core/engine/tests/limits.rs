//! What is too large, too late or not wanted any more is refused, and before pixels are allocated where possible.

mod pictures;

use std::time::Instant;

use pictures::{jpeg, photo, png, request, try_run};
use pixmill_engine::{CancelToken, Error, Inspection, Limits, inspect, plan, transform};

fn refused(source: &[u8], json: &str, limits: &Limits) -> &'static str {
    match transform(source, None, &request(json), limits, &CancelToken::new()) {
        Err(Error::LimitExceeded { what, actual, limit }) => {
            assert!(actual > limit, "{what}: {actual} is not over {limit}");
            what
        }
        other => panic!("{json} must exceed a limit: {other:?}"),
    }
}

#[test]
fn results_that_are_too_large() {
    let small = png(photo(40, 40));
    let limits = Limits::default();
    assert_eq!(refused(&small, r#"{"width":16384}"#, &limits), "result area in pixels");
    assert_eq!(refused(&png(photo(1, 64)), r#"{"width":1000}"#, &limits), "result side in pixels");
    // Twelve thousand squared is too much on its own; turned by 45 degrees a smaller one is, too.
    let json = r#"{"width":9000,"height":9000,"rotation":45,"fit":"fill"}"#;
    assert_eq!(refused(&small, json, &limits), "result area in pixels");
    let json = r#"{"width":16384,"height":16384,"fit":"contain"}"#;
    assert_eq!(refused(&small, json, &limits), "result area in pixels");
    let narrow = Limits { max_output_side: 30, ..Limits::default() };
    assert_eq!(refused(&small, r#"{"flip":true}"#, &narrow), "result side in pixels");
}

#[test]
fn a_cover_of_an_extreme_shape_needs_no_memory_for_what_is_cut_off() {
    let wide = png(photo(2000, 1));
    for position in ["centre", "attention", "entropy"] {
        let result =
            try_run(&wide, &format!(r#"{{"width":300,"height":300,"position":"{position}"}}"#)).unwrap();
        assert_eq!((result.width, result.height), (300, 300));
    }
}

#[test]
fn memory_is_planned_before_it_is_used() {
    let source = png(photo(100, 100));
    let tight = Limits { max_memory_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(refused(&source, r#"{"width":2000}"#, &tight), "memory needed in bytes");
    assert!(transform(&source, None, &request(r#"{"width":90}"#), &tight, &CancelToken::new()).is_ok());
    let Inspection::Ready(header) = inspect(&source, true, &tight).unwrap() else { panic!() };
    let plan = plan(&header, &request(r#"{"width":200}"#), &tight).unwrap();
    assert_eq!(plan.output_size(), (200, 200));
    // At the least the source and the result.
    assert!(plan.peak_bytes() >= 3 * (100 * 100 + 200 * 200));
}

#[test]
fn sources_over_the_limits() {
    let source = jpeg(photo(100, 100), 80);
    let few = Limits { max_pixels: 9999, ..Limits::default() };
    assert_eq!(refused(&source, r#"{"width":10}"#, &few), "image area in pixels");
}

#[test]
fn a_caller_can_stop() {
    let source = png(photo(100, 100));
    let cancelled = CancelToken::new();
    cancelled.cancel();
    let late = CancelToken::with_deadline(Instant::now());
    for (token, expected) in [(cancelled, Error::Cancelled), (late, Error::TimedOut)] {
        let result = transform(&source, None, &request(r#"{"blur":5}"#), &Limits::default(), &token);
        assert_eq!(result, Err(expected));
    }
}

#[test]
fn a_large_overlay_is_the_requests_fault() {
    let source = png(photo(20, 20));
    let overlay = png(photo(100, 100));
    let limits = Limits { max_pixels: 5000, ..Limits::default() };
    let json = r#"{"watermark":{"imageId":"0123456789abcdef01234567"}}"#;
    let result = transform(&source, Some(&overlay), &request(json), &limits, &CancelToken::new());
    let Err(Error::Invalid(errors)) = result else { panic!("{result:?}") };
    assert_eq!(errors[0].field, "watermark.imageId");
}

#[test]
fn wrong_requests_come_back_with_all_their_fields() {
    let result = try_run(&png(photo(9, 9)), r#"{"width":0,"quality":0,"blur":0,"watermarkText":""}"#);
    let Err(Error::Invalid(errors)) = result else { panic!("{result:?}") };
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["width", "blur", "quality", "watermarkText"]);
}
