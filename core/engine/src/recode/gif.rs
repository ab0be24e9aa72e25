//! A GIF from the frames of another: the same indices of the same colours, packed anew, and nothing else that was in the
//! file.

use std::num::NonZeroU64;

use gif::{DecodeOptions, DisposalMethod, Encoder, EncodingError, Frame, MemoryLimit};

use crate::error::Error;
use crate::run::Run;

/// The extension before a frame that tells of its delay, its disposal and its transparent colour.
const CONTROL: usize = 8;

/// Nothing for a file that says how often it is shown where nobody looks for it.
pub(super) fn repacked(run: &Run<'_>) -> Result<Option<Vec<u8>>, Error> {
    let most = NonZeroU64::new(run.limits.max_memory_bytes.min(run.limits.max_pixels));
    let mut options = DecodeOptions::new();
    options.set_memory_limit(most.map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let Ok(mut decoder) = options.read_info(run.source) else { return Ok(None) };
    let bug = |error: EncodingError| Error::Bug(format!("GIF encoder: {error}"));
    let colours = decoder.global_palette().unwrap_or_default();
    let mut encoder = Encoder::new(Vec::new(), decoder.width(), decoder.height(), colours).map_err(bug)?;
    let mut repeat = None;
    for _ in 0..run.header.frames {
        run.cancel.check()?;
        let Ok(Some(frame)) = decoder.read_next_frame() else { return Ok(None) };
        // Its rows are in order by now.
        let frame = Frame { interlaced: false, ..frame.clone() };
        if repeat.is_none() {
            repeat = Some(decoder.repeat());
            encoder.set_repeat(decoder.repeat()).map_err(bug)?;
        }
        let start = encoder.get_ref().len();
        encoder.write_frame(&frame).map_err(bug)?;
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
