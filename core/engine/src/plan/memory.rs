//! How much memory a plan needs at its worst moment, from sizes alone.

use crate::format::Format;
use crate::plan::step::{Size, Step};

/// Bytes at the peak, beside the source file and the process itself.
///
/// An estimate on the high side: every picture counts three or four bytes a pixel though it may be grey, and codecs
/// count what they need for ordinary files.
pub(super) fn peak_bytes(steps: &[Step], alpha: bool) -> u64 {
    let mut channels: u64 = if alpha { 4 } else { 3 };
    let (mut peak, mut size) = (0, (0, 0));
    let mut all_frames = 1;
    for step in steps {
        let held = area(size) * channels;
        let needed = match step {
            Step::Decode { format, from, to, frames, .. } => {
                size = *to;
                all_frames = u64::from(*frames);
                area(*to) * channels + area(*from) * decoder_bytes(*format)
            }
            Step::Crop { rect } => {
                size = (rect.width, rect.height);
                held + area(size) * channels
            }
            Step::Resize { within, to, .. } => {
                let between = u64::from(within.width) * u64::from(to.1) * channels;
                let multiplied = if alpha { held } else { 0 };
                size = *to;
                held + multiplied + between + area(size) * channels
            }
            Step::ResizeSalient(salient) => {
                let between = u64::from(size.0) * u64::from(salient.to.1) * channels;
                let multiplied = if alpha { held } else { 0 };
                size = salient.to;
                held + multiplied + between + area(size) * channels
            }
            Step::Turn { to, .. } => {
                // Without a change of sides pixels move in place.
                let copy = if *to == size { 0 } else { held };
                size = *to;
                held + copy
            }
            Step::Flatten { ground } => {
                channels = if ground[3] == 255 { 3 } else { 4 };
                held + area(size) * channels
            }
            Step::Pad { to, ground, .. } | Step::Rotate { to, ground, .. } => {
                if ground[3] < 255 {
                    channels = 4;
                }
                let source = area(size) * channels;
                size = *to;
                held.max(source) + source.max(area(size) * channels)
            }
            Step::Grayscale => held + area(size) * (channels - 2),
            Step::Blur { .. } => 2 * held,
            Step::Sharpen => held,
            // The stamp is never larger than the picture; a rotated one exists twice for a moment.
            Step::Watermark(_) => held + 2 * 4 * area(size),
            Step::Encode { encoding, .. } => held + area(size) * encoder_bytes(encoding.format),
        };
        peak = peak.max(needed);
    }
    if all_frames > 1 {
        let canvas =
            steps.first().map_or(0, |step| if let Step::Decode { to, .. } = step { area(*to) } else { 0 });
        // The canvas and what a frame on it hides, three frames of the result, and the file at a byte a pixel.
        peak += 4 * 2 * canvas + 4 * 3 * area(size) + all_frames * area(size);
    }
    peak
}

/// What coding a picture of this size anew can need beside what it is planned with: coefficients of 16 bits for three
/// planes, and the file.
pub(super) fn transcoding_bytes(format: Format, size: Size) -> u64 {
    if format == Format::Jpeg { area(size) * 7 } else { 0 }
}

fn area((width, height): Size) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Bytes a pixel of the source that a decoder holds beside its result.
fn decoder_bytes(format: Format) -> u64 {
    match format {
        Format::Jpeg | Format::Gif | Format::Png => 0,
        Format::Webp => 1,
        Format::Avif => 3,
    }
}

/// Bytes a pixel that an encoder holds beside the picture, its result included.
fn encoder_bytes(format: Format) -> u64 {
    match format {
        Format::Jpeg => 1,
        Format::Gif => 2,
        Format::Png => 4,
        Format::Webp => 5,
        Format::Avif => 12,
    }
}
