//! What plans say of memory against what is taken: each case in a process of its own, whose peak the system tells.

#![expect(clippy::print_stdout, reason = "one process tells another, and people may look at the table")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::encode::samples::{cmyk_jpeg, deep_jpeg, gradient, noise, photo, progressive_jpeg, sampled_jpeg};
use crate::encode::{Encoding, encode};
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};
use crate::transform::{header, transform};

/// What a process may take beyond what is planned: its own pages that are touched on the way, and tables of codecs.
const SLACK: u64 = 12 << 20;
/// By these the process that runs one case is told which.
const FILE: &str = "PIXMILL_MEASURED_FILE";
const REQUEST: &str = "PIXMILL_MEASURED_REQUEST";

const SIZE: (u32, u32) = (3000, 2000);

fn photo_with_alpha() -> Pixels {
    let photo = photo(SIZE.0, SIZE.1);
    let data = photo.data.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, g]).collect();
    Pixels::from_data(SIZE.0, SIZE.1, Layout::Rgba, data)
}

fn written(pixels: &Pixels, format: Format, lossless: bool) -> Vec<u8> {
    let encoding = Encoding { lossless, ..Encoding::new(format, 60) };
    encode(pixels, &encoding, None, &CancelToken::new()).unwrap()
}

/// Runs the case that the environment names, in this process.
#[test]
fn one_case() {
    let (Ok(file), Ok(request)) = (env::var(FILE), env::var(REQUEST)) else { return };
    let source = fs::read(file).unwrap();
    let request = serde_json::from_str(&request).unwrap();
    let (limits, cancel) = (Limits { max_memory_bytes: 4 << 30, ..Limits::default() }, CancelToken::new());
    let plan = plan(&header(&source, &limits).unwrap(), &request, &limits).unwrap();
    // 5 makes the peak begin anew (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let output = transform(&source, None, &request, &limits, &cancel).unwrap();
    let taken = peak() - before;
    println!("taken {taken} planned {} bytes {}", plan.peak_bytes_for(&source), output.bytes.len());
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// What a case takes and what was planned, in bytes.
fn measured(file: &Path, request: &str) -> (u64, u64) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "plan::measured::one_case", "--nocapture", "--test-threads", "1"])
        .env(FILE, file)
        .env(REQUEST, request)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.split_whitespace().skip_while(|&word| word != "taken");
    let mut number = || words.nth(1).unwrap_or_else(|| panic!("{request}: {output:?}")).parse().unwrap();
    (number(), number())
}

/// A new folder.
fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("pixmill-measured-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_hundred_megapixels_take_rows() {
    const MOST: u64 = 40_000_000;
    let folder = folder("rows");
    let large = gradient(12_000, 8333, Layout::Rgb);
    let (jpeg, png) = (folder.join("jpeg"), folder.join("png"));
    fs::write(&jpeg, sampled_jpeg(&large, 80, 2, 0, false)).unwrap();
    fs::write(&png, written(&large, Format::Png, true)).unwrap();
    drop(large);
    for (file, request) in [
        (&jpeg, r#"{"width":800}"#),
        (&jpeg, r#"{"width":800,"format":"webp"}"#),
        (&jpeg, r#"{"format":"jpeg","quality":80}"#),
        (&jpeg, r#"{"format":"jpeg","flop":true}"#),
        // A watermark is a picture of its own, which is held.
        (&jpeg, r#"{"format":"jpeg","watermark":{"text":"Pixmill","size":0.1}}"#),
        (&png, r#"{"width":800}"#),
        (&png, r#"{"width":6000}"#),
    ] {
        let (taken, _) = measured(file, request);
        assert!(taken <= MOST, "{request}: {taken} bytes");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The same GIF with a screen that shows a corner of its frame.
fn beyond_its_screen(mut gif: Vec<u8>) -> Vec<u8> {
    gif[6..10].copy_from_slice(&[200, 0, 150, 0]);
    gif
}

#[test]
fn no_more_is_taken_than_planned() {
    let folder = folder("plans");
    let plain = photo(SIZE.0, SIZE.1);
    let alpha = photo_with_alpha();
    let sources = [
        ("baseline", sampled_jpeg(&plain, 80, 2, 0, false)),
        ("baseline-444", sampled_jpeg(&plain, 80, 0, 0, false)),
        ("progressive", progressive_jpeg(&plain)),
        ("cmyk", cmyk_jpeg(&plain)),
        ("png", written(&plain, Format::Png, true)),
        ("png-alpha", written(&alpha, Format::Png, true)),
        ("noise", written(&noise(SIZE.0, SIZE.1, Layout::Rgb), Format::Png, true)),
        ("noise-alpha", written(&noise(SIZE.0, SIZE.1, Layout::Rgba), Format::Png, true)),
        ("webp", written(&plain, Format::Webp, false)),
        ("webp-alpha", written(&alpha, Format::Webp, false)),
        ("webp-lossless", written(&plain, Format::Webp, true)),
        ("webp-lossless-alpha", written(&alpha, Format::Webp, true)),
        ("avif", written(&plain, Format::Avif, false)),
        ("avif-alpha", written(&alpha, Format::Avif, false)),
        ("gif", written(&plain, Format::Gif, false)),
        ("gif-beyond", beyond_its_screen(written(&plain, Format::Gif, false))),
        ("deep", deep_jpeg(&plain, false)),
        ("deep-progressive", deep_jpeg(&plain, true)),
    ];
    let small = r#"{"width":100,"format":"jpeg","background":"white"}"#;
    let mut cases: Vec<(&str, &str)> = sources.iter().map(|(name, _)| (*name, small)).collect();
    for request in [
        r#"{"width":1500}"#,
        r#"{"crop":{"left":10,"top":10,"width":2900,"height":1900}}"#,
        r#"{"rotation":90,"format":"jpeg"}"#,
        r#"{"rotation":33,"format":"jpeg"}"#,
        r#"{"blur":9,"format":"jpeg"}"#,
        r#"{"sharpen":true,"format":"jpeg"}"#,
        r#"{"grayscale":true,"format":"jpeg"}"#,
        r#"{"watermarkText":"Pixmill","format":"jpeg"}"#,
        r#"{"watermark":{"text":"Pixmill","rotation":30,"tile":true,"size":0.1},"format":"png"}"#,
        r#"{"format":"png"}"#,
        r#"{"format":"png","palette":true}"#,
        r#"{"format":"webp"}"#,
        r#"{"format":"webp","lossless":true}"#,
        r#"{"format":"gif"}"#,
    ] {
        cases.extend([("baseline", request), ("progressive", request), ("png-alpha", request)]);
    }
    let avif = r#"{"width":1000,"format":"avif"}"#;
    cases.extend([("baseline", avif), ("png-alpha", avif), ("webp", r#"{"quality":80}"#)]);
    let (same, palette) = (r#"{"withoutEnlargement":true,"width":9000}"#, r#"{"palette":true}"#);
    let (webp, gif) = (r#"{"format":"webp","lossless":true}"#, r#"{"format":"gif"}"#);
    for request in [same, palette, webp, gif] {
        cases.extend([("noise", request), ("noise-alpha", request)]);
    }
    for (name, bytes) in &sources {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let mut over = Vec::new();
    for (name, request) in cases {
        let request = if name == "png-alpha" && request.contains("jpeg") && !request.contains("background") {
            request.replace('}', r#","background":"white"}"#)
        } else {
            request.to_owned()
        };
        let (taken, planned) = measured(&folder.join(name), &request);
        println!("{name} {request}: {} of {} MiB", taken >> 20, planned >> 20);
        if taken > planned + SLACK {
            over.push(format!("{name} {request}: {} MiB, and {} planned", taken >> 20, planned >> 20));
        }
    }
    fs::remove_dir_all(folder).unwrap();
    assert!(over.is_empty(), "more was taken than planned:\n{}", over.join("\n"));
}
