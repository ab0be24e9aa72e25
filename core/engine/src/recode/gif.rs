//! A GIF from the frames of another: their indices as they are compressed, with the same palettes, and nothing else that was
//! in the file.

use gif::{DecodeOptions, DisposalMethod, Encoder, EncodingError, Frame};

use crate::error::Error;
use crate::run::Run;

/// The end of the logical screen, behind which the palette of the whole file comes.
const SCREEN: usize = 13;
/// The place of the flags that tell of it.
const FLAGS: usize = 10;
/// The extension before a frame that tells of its delay, its disposal and its transparent colour.
const CONTROL: usize = 8;
/// Codes are at most this long, in bits, and there are no more than they can tell apart.
const LONGEST: u32 = 12;
const CODES: usize = 1 << LONGEST;

/// Nothing for a file with frames that reach beyond its screen, where nobody sees them, that are not whole or whose last code
/// stands for more pixels than there are, and for one that says how often it is shown where nobody looks for it.
pub(super) fn repacked(run: &Run<'_>) -> Result<Option<Vec<u8>>, Error> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut decoder) = options.read_info(run.source) else { return Ok(None) };
    let (width, height) = (decoder.width(), decoder.height());
    let bug = |error: EncodingError| Error::Bug(format!("GIF encoder: {error}"));
    let colours = decoder.global_palette();
    let mut encoder = Encoder::new(Vec::new(), width, height, colours.unwrap_or_default()).map_err(bug)?;
    if colours.is_none() {
        // It would be one of two colours.
        let file = encoder.get_mut();
        file[FLAGS] = 0;
        file.truncate(SCREEN);
    }
    let mut repeat = None;
    for _ in 0..run.header.frames {
        run.cancel.check()?;
        let Ok(Some(frame)) = decoder.read_next_frame() else { return Ok(None) };
        let reaches = |start: u16, length: u16, end: u16| u32::from(start) + u32::from(length) > end.into();
        if reaches(frame.left, frame.width, width) || reaches(frame.top, frame.height, height) {
            return Ok(None);
        }
        let area = usize::from(frame.width) * usize::from(frame.height);
        let Some(codes) = codes(&frame.buffer, area) else { return Ok(None) };
        let frame = Frame { buffer: codes.into(), ..frame.clone() };
        if repeat.is_none() {
            repeat = Some(decoder.repeat());
            encoder.set_repeat(decoder.repeat()).map_err(bug)?;
        }
        let start = encoder.get_ref().len();
        encoder.write_lzw_pre_encoded_frame(&frame).map_err(bug)?;
        if says_nothing(&frame) {
            encoder.get_mut().drain(start..start + CONTROL);
        }
    }
    let file = encoder.into_inner().map_err(bug)?;
    Ok((repeat == Some(decoder.repeat())).then_some(file))
}

/// Whether a frame is shown in the same way without its control extension.
fn says_nothing(frame: &Frame<'_>) -> bool {
    let Frame { delay, dispose, transparent, needs_user_input, .. } = frame;
    *delay == 0
        && matches!(dispose, DisposalMethod::Any | DisposalMethod::Keep)
        && transparent.is_none()
        && !needs_user_input
}

/// The codes of so many pixels, closed by a code that says so; what follows them is left. `data` begins with the bits of a
/// pixel (the specification of GIF, appendix F).
pub(super) fn codes(data: &[u8], pixels: usize) -> Option<Vec<u8>> {
    let (&bits, data) = data.split_first().filter(|(bits, _)| (2..=8).contains(*bits))?;
    let (clear, end) = (1_usize << bits, (1_usize << bits) + 1);
    // How many pixels each code stands for.
    let mut stands_for = vec![1_usize; CODES];
    let (mut width, mut next, mut before) = (u32::from(bits) + 1, end + 1, None);
    let (mut at, mut left) = (0, pixels);
    while left > 0 {
        let code = code(data, at, width)?;
        at += width as usize;
        if code == clear {
            (width, next, before) = (u32::from(bits) + 1, end + 1, None);
            continue;
        }
        if code == end || code > next || (code == next && before.is_none()) {
            return None;
        }
        if let Some(before) = before
            && next < CODES
        {
            stands_for[next] = stands_for[before] + 1;
            next += 1;
            if next == 1 << width && width < LONGEST {
                width += 1;
            }
        }
        left = left.checked_sub(stands_for[code])?;
        before = Some(code);
    }
    let mut codes = vec![bits];
    codes.extend(&data[..at.div_ceil(8)]);
    // What is left of the last byte is the end's.
    if let Some(last) = codes.last_mut().filter(|_| at % 8 > 0) {
        *last &= (1 << (at % 8)) - 1;
    }
    for bit in 0..width {
        if (at + bit as usize).is_multiple_of(8) {
            codes.push(0);
        }
        if let Some(last) = codes.last_mut() {
            *last |= ((end >> bit & 1) as u8) << ((at + bit as usize) % 8);
        }
    }
    Some(codes)
}

/// The code of so many bits from bit `at` on.
fn code(data: &[u8], at: usize, width: u32) -> Option<usize> {
    let mut found = 0;
    for (place, byte) in data.get(at / 8..(at + width as usize).div_ceil(8))?.iter().enumerate() {
        found |= usize::from(*byte) << (8 * place);
    }
    Some(found >> (at % 8) & ((1 << width) - 1))
}
