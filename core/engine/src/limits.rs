//! The bounds that every call takes, and the token by which a caller stops one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What one image may cost. Checked from the header, before pixels are allocated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Pixels of the source, summed over its frames.
    pub max_pixels: u64,
    /// Longest side of the source, in pixels.
    pub max_side: u32,
    /// Frames of an animated source, all of which are counted even where the result has the first alone.
    pub max_frames: u32,
    /// Pixels of the result, summed over its frames.
    pub max_output_pixels: u64,
    /// Longest side of the result, in pixels.
    pub max_output_side: u32,
    /// Bytes of an embedded ICC profile.
    pub max_icc_bytes: usize,
    /// Bytes of the parts before the pixels that are read to find the dimensions.
    pub max_header_bytes: usize,
    /// Scans of a progressive JPEG.
    pub max_scans: u32,
    /// Memory that one transformation may plan to use, in bytes.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 100_000_000,
            max_side: 16_384,
            max_frames: 200,
            max_output_pixels: 100_000_000,
            max_output_side: 16_384,
            max_icc_bytes: 4 << 20,
            max_header_bytes: 8 << 20,
            max_scans: 500,
            max_memory_bytes: 512 << 20,
        }
    }
}

impl Limits {
    /// Checks the size that a source's header announces.
    pub fn check_source(&self, width: u32, height: u32, frames: u32) -> Result<(), Error> {
        at_most("image side in pixels", u64::from(width.max(height)), u64::from(self.max_side))?;
        at_most("number of frames", u64::from(frames), u64::from(self.max_frames))?;
        let area = u64::from(width) * u64::from(height);
        at_most("image area in pixels", area.saturating_mul(u64::from(frames.max(1))), self.max_pixels)
    }

    /// Checks the size that a transformation would produce.
    pub fn check_output(&self, width: u64, height: u64) -> Result<(), Error> {
        at_most("result side in pixels", width.max(height), u64::from(self.max_output_side))?;
        at_most("result area in pixels", width.saturating_mul(height), self.max_output_pixels)
    }
}

pub(crate) fn at_most(what: &'static str, actual: u64, limit: u64) -> Result<(), Error> {
    if actual > limit { Err(Error::LimitExceeded { what, actual, limit }) } else { Ok(()) }
}

/// Lets a caller stop a transformation from another thread, and carries its deadline.
///
/// The engine looks at it between steps and between bands of rows; a C codec in the middle of one
/// call is not interrupted, which is what the child-process form of the processor is for.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl CancelToken {
    /// A token that never stops by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that reports [`Error::TimedOut`] once `deadline` has passed.
    pub fn with_deadline(deadline: Instant) -> Self {
        Self { cancelled: Arc::default(), deadline: Some(deadline) }
    }

    /// Asks every holder of this token to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns an error once the token is cancelled or its deadline has passed.
    pub fn check(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Error::TimedOut),
            _ => Ok(()),
        }
    }
}
