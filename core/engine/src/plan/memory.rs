//! How much memory a plan needs at its worst moment, from sizes alone.

use crate::encode::Encoding;
use crate::format::Format;
use crate::plan::step::{Size, Step};

/// Bytes at the peak, beside the source file and the process itself. `decoder` is what decoding holds for each pixel of
/// the source beside its result.
///
/// An estimate on the high side: every picture counts three or four bytes a pixel though it may be grey, and encoders
/// count what they need for pictures that are hard to compress.
pub(super) fn peak_bytes(steps: &[Step], alpha: bool, decoder: u64) -> u64 {
    let mut channels: u64 = if alpha { 4 } else { 3 };
    let (mut peak, mut size) = (0, (0, 0));
    let mut all_frames = 1;
    for step in steps {
        let held = area(size) * channels;
        let needed = match step {
            Step::Decode { from, to, frames, .. } => {
                size = *to;
                all_frames = u64::from(*frames);
                area(*to) * channels + area(*from) * decoder
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
            Step::Encode { encoding, .. } => held + area(size) * encoder_bytes(*encoding, channels),
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

/// Bytes a pixel that an encoder holds beside the picture of so many channels, its result included. The tests measure it.
fn encoder_bytes(encoding: Encoding, channels: u64) -> u64 {
    let alpha = channels == 4;
    match encoding.format {
        Format::Jpeg => 1,
        Format::Gif => 20,
        // What can't be compressed is there three times.
        Format::Png if encoding.palette => 12 + 3 * channels,
        Format::Png => 3 * channels + 1,
        // The encoder of what is lossless, alpha too, looks for what repeats.
        Format::Webp if alpha || encoding.lossless => 39,
        Format::Webp => 5,
        Format::Avif => 36,
    }
}
