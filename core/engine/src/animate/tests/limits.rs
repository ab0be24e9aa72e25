//! What is too large, stopped, cut short or lies.

use std::borrow::Cow;

use super::*;

#[test]
fn limits_count_all_frames() {
    let cancel = CancelToken::new();
    for source in [animated_gif(&scenes(), None), plain_webp(0)] {
        let refused =
            |limits: &Limits, json: &str| match transform(&source, None, &request(json), limits, &cancel) {
                Err(Error::LimitExceeded { what, .. }) => what,
                other => panic!("{json} must exceed a limit: {other:?}"),
            };
        let few = Limits { max_frames: 7, ..Limits::default() };
        assert_eq!(refused(&few, r#"{"width":9}"#), "number of frames");
        let area = u64::from(SIZE.0 * SIZE.1);
        let small = Limits { max_pixels: 8 * area - 1, ..Limits::default() };
        assert_eq!(refused(&small, r#"{"width":9}"#), "image area in pixels");
        let narrow = Limits { max_output_pixels: 8 * area - 1, ..Limits::default() };
        assert_eq!(refused(&narrow, r#"{"flip":true}"#), "result area in pixels, over all frames");
        assert!(transform(&source, None, &request(r#"{"format":"png"}"#), &narrow, &cancel).is_ok());
        let tight = Limits { max_memory_bytes: 8 * area, ..Limits::default() };
        assert_eq!(refused(&tight, r#"{"flip":true}"#), "memory needed in bytes");
        // A header that was read within other limits.
        let header = Header { frames: 300, ..header(&source, &Limits::default()).unwrap() };
        let found = crate::plan::plan(&header, &request(r#"{"flip":true}"#), &Limits::default());
        assert!(matches!(found, Err(Error::LimitExceeded { what: "number of frames", .. })), "{found:?}");
    }
}

#[test]
fn frames_larger_than_the_screen_are_counted_as_they_are() {
    let mut encoder = ::gif::Encoder::new(Vec::new(), 4, 3, &[]).unwrap();
    for _ in 0..3 {
        let buffer = Cow::Owned(vec![0; 90 * 80]);
        let palette = Some(vec![255, 0, 0, 0, 0, 0]);
        let frame = ::gif::Frame { width: 90, height: 80, palette, buffer, ..::gif::Frame::default() };
        encoder.write_frame(&frame).unwrap();
    }
    let source = encoder.into_inner().unwrap();
    let with = |max_pixels| {
        let limits = Limits { max_pixels, ..Limits::default() };
        transform(&source, None, &request(r#"{"flip":true}"#), &limits, &CancelToken::new())
    };
    assert_eq!(with(3 * 90 * 80).map(|output| composed(&output.bytes).len()), Ok(3));
    let expected = Error::LimitExceeded { what: "image area in pixels", actual: 21_600, limit: 21_599 };
    assert_eq!(with(3 * 90 * 80 - 1), Err(expected));
}

#[test]
fn it_can_be_stopped_between_frames() {
    for source in [animated_gif(&scenes(), None), plain_webp(0)] {
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        let header = header(&source, &limits).unwrap();
        let mut animation = Animation::open(&source, &header, &limits).unwrap();
        assert_eq!(animation.advance(&cancel), Ok(Some(70)));
        cancel.cancel();
        assert_eq!(animation.advance(&cancel), Err(Error::Cancelled));
    }
}

#[test]
fn what_is_cut_short_is_refused_or_ends_with_a_whole_frame() {
    let source = animated_gif(&scenes(), Some(::gif::Repeat::Infinite));
    let whole = composed(&source).len();
    let mut counts = Vec::new();
    for end in 0..source.len() {
        match try_run(&source[..end], r#"{"width":20}"#) {
            Ok(output) => counts.push(composed(&output.bytes).len()),
            Err(error) => assert!(
                matches!(error, Error::Undecodable { .. } | Error::Unsupported { .. }),
                "cut at {end}: {error}"
            ),
        }
    }
    assert!(counts.is_sorted() && counts.contains(&whole), "the mark of the end may lack: {counts:?}");
    let source = plain_webp(0);
    for end in (0..source.len()).step_by(3) {
        assert!(try_run(&source[..end], r#"{"width":20}"#).is_err(), "cut at {end}");
    }
}

#[test]
fn files_that_lie_are_refused() {
    // A frame reaches over the edge by its place or by its data. Its data counts, not the size beside it.
    for (place, width, wrong) in [
        ([0, 0, 61, 43], 61, false),
        ([40, 0, 61, 43], 61, true),
        ([40, 0, 21, 43], 61, true),
        ([0, 0, 61, 43], 71, true),
        ([0, 0, 63, 43], 61, false),
    ] {
        let scene = Scene { place, disposal: DisposalMethod::Keep, blend: true, delay_ms: 10 };
        let frame = anmf(&scene, &shapes(width, 43, 0, true));
        let chunks = vec![vp8x(0x12, SIZE.0, SIZE.1), riff(*b"ANIM", &[0; 6]), frame.clone(), frame];
        match try_run(&webp(&chunks), r#"{"width":20}"#) {
            Err(Error::Undecodable { format: Format::Webp, .. }) => assert!(wrong, "{place:?}"),
            Ok(output) => assert!(!wrong && output.width == 20, "{place:?}"),
            Err(other) => panic!("{place:?}: {other}"),
        }
    }
    // Any byte of it changed: a picture or a typed error.
    let source = animated_gif(&scenes()[..4], None);
    for at in 6..source.len() {
        let mut changed = source.clone();
        changed[at] ^= 0x55;
        if let Err(Error::Bug(detail)) = try_run(&changed, r#"{"width":7}"#) {
            panic!("byte {at}: {detail}");
        }
    }
    let source = plain_webp(0);
    for at in (12..source.len()).step_by(5) {
        let mut changed = source.clone();
        changed[at] ^= 0x55;
        if let Err(Error::Bug(detail)) = try_run(&changed, r#"{"width":7}"#) {
            panic!("byte {at}: {detail}");
        }
    }
}
