//! Animated WebP (RFC 9649, section 2.7.1). Every frame replaces its rectangle, alpha included, so that none has to be
//! disposed of.

use super::Window;
use crate::decode::{Plays, chunks};
use crate::encode::{Encoding, webp};
use crate::error::Error;
use crate::limits::{CancelToken, at_most};
use crate::ops;
use crate::pixels::Pixels;

const ANIMATED: u8 = 0x02;
const HAS_ALPHA: u8 = 0x10;
/// The pixels of a frame take the place of those that are there.
const NO_BLENDING: u8 = 0x02;
/// The longest delay in milliseconds.
const LONGEST_DELAY: u32 = 0x00FF_FFFF;

pub(crate) struct Animator {
    size: (u32, u32),
    encoding: Encoding,
    plays: Plays,
    /// The chunks of the frames so far.
    frames: Vec<u8>,
    before: Option<Pixels>,
    alpha: bool,
}

impl Animator {
    pub(super) fn new(size: (u32, u32), encoding: Encoding, plays: Plays) -> Self {
        Self { size, encoding, plays, frames: Vec::new(), before: None, alpha: false }
    }

    /// Adds a frame of RGBA.
    pub(super) fn add(&mut self, pixels: Pixels, delay_ms: u32, cancel: &CancelToken) -> Result<(), Error> {
        cancel.check()?;
        let window = match &self.before {
            None => Window::whole(self.size),
            Some(before) => Window::around(before, &pixels, differs).map_or(
                // A frame in which nothing changes still takes its time.
                Window { left: 0, top: 0, right: 1, bottom: 1 },
                // Places are stored halved.
                |window| Window { left: window.left & !1, top: window.top & !1, ..window },
            ),
        };
        let part = ops::drop_opaque_alpha(window.cut(&pixels));
        self.alpha |= part.layout.has_alpha();
        let Encoding { quality, lossless, thorough, .. } = self.encoding;
        let still = if lossless {
            webp::lossless(&part, thorough, cancel)?
        } else {
            webp::lossy(&part, quality.clamp(1, 100), cancel)?
        };
        let mut frame = Vec::new();
        let (width, height) = window.size();
        for number in [window.left / 2, window.top / 2, width - 1, height - 1, delay_ms.min(LONGEST_DELAY)] {
            frame.extend(&number.to_le_bytes()[..3]);
        }
        frame.push(NO_BLENDING);
        for (kind, data) in chunks(&still) {
            if matches!(&kind, b"ALPH" | b"VP8 " | b"VP8L") {
                push(&mut frame, kind, data);
            }
        }
        push(&mut self.frames, *b"ANMF", &frame);
        self.before = Some(pixels);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, Error> {
        let mut head = vec![if self.alpha { ANIMATED | HAS_ALPHA } else { ANIMATED }, 0, 0, 0];
        for side in [self.size.0, self.size.1] {
            head.extend(&(side - 1).to_le_bytes()[..3]);
        }
        let times = match self.plays {
            Plays::Forever => 0,
            Plays::Times(times) => times.clamp(1, u16::MAX.into()) as u16,
        };
        // Behind the frames is nothing: the background is transparent black.
        let animation = [&[0; 4][..], &times.to_le_bytes()].concat();
        let mut content = b"WEBP".to_vec();
        push(&mut content, *b"VP8X", &head);
        push(&mut content, *b"ANIM", &animation);
        content.extend(self.frames);
        at_most("WebP result in bytes", content.len() as u64, u64::from(u32::MAX - 9))?;
        let mut file = Vec::with_capacity(content.len() + 8);
        push(&mut file, *b"RIFF", &content);
        Ok(file)
    }
}

/// Whether two pixels look different.
fn differs(a: [u8; 4], b: [u8; 4]) -> bool {
    a != b && (a[3] > 0 || b[3] > 0)
}

/// Adds a RIFF chunk with its padding.
fn push(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend(kind);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out.resize(out.len() + data.len() % 2, 0);
}
