//! Decoders and encoders against each other, and decoders against bytes that mean harm.

mod animation;
mod files;
mod gain_map;
mod hostile;
mod jpeg;
mod metadata;
mod png;

use super::*;

/// The header of a whole file within the default limits.
fn header(source: &[u8]) -> Header {
    match inspect(source, true, &Limits::default()) {
        Ok(Inspection::Ready(header)) => header,
        other => panic!("no header but {other:?}"),
    }
}

/// Inspects and decodes a whole file.
fn open(source: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    match inspect(source, true, limits)? {
        Inspection::Ready(header) => decode(source, &header, 8, limits, &CancelToken::new()),
        Inspection::NeedMore(bytes) => panic!("{bytes} bytes wanted of a whole file"),
    }
}

fn pixels(source: &[u8]) -> Pixels {
    open(source, &Limits::default()).unwrap().pixels
}

/// The largest difference of two samples.
fn distance(a: &Pixels, b: &Pixels) -> u8 {
    assert_eq!((a.width, a.height, a.layout), (b.width, b.height, b.layout));
    a.data.iter().zip(&b.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// Inspects a file as it would arrive, handing over only as much as was asked for.
fn arrive(source: &[u8], limits: &Limits) -> Result<Header, Error> {
    let mut have = 0;
    loop {
        match inspect(&source[..have], have == source.len(), limits)? {
            Inspection::Ready(header) => return Ok(header),
            Inspection::NeedMore(bytes) => {
                assert!(bytes > have, "{bytes} bytes wanted when {have} are there");
                have = bytes.min(source.len());
            }
        }
    }
}
