//! Animated GIF. A frame adds pixels to those before it and can't take one away, so what has to become transparent is
//! cleared when the frame before is disposed of. That is known once the frame after is there: one frame waits.

use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};

use super::Window;
use crate::decode::Plays;
use crate::encode::gif::{is_transparent, quantise};
use crate::error::Error;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// Delays are stored in hundredths of a second.
const MS_PER_UNIT: u64 = 10;

pub(crate) struct Animator {
    encoder: Encoder<Vec<u8>>,
    /// What is there before the frame that waits is drawn.
    ground: Pixels,
    waiting: Option<Waiting>,
    started: bool,
    elapsed_ms: u64,
}

/// A frame whose pixels are solid or nothing.
struct Waiting {
    pixels: Pixels,
    delay: u16,
}

impl Animator {
    pub(super) fn new((width, height): (u32, u32), plays: Plays) -> Result<Self, Error> {
        let mut encoder = Encoder::new(Vec::new(), width as u16, height as u16, &[]).map_err(failed)?;
        let repeat = match plays {
            Plays::Forever => Repeat::Infinite,
            // What is stored is how often it is shown again; not at all is not stored.
            Plays::Times(times) => Repeat::Finite(times.saturating_sub(1).min(u16::MAX.into()) as u16),
        };
        encoder.set_repeat(repeat).map_err(failed)?;
        let ground = Pixels::zeroed(width, height, Layout::Rgba);
        Ok(Self { encoder, ground, waiting: None, started: false, elapsed_ms: 0 })
    }

    /// Adds a frame of RGBA.
    pub(super) fn add(
        &mut self,
        mut pixels: Pixels,
        delay_ms: u32,
        cancel: &CancelToken,
    ) -> Result<(), Error> {
        for pixel in pixels.data.as_chunks_mut::<4>().0 {
            if is_transparent(pixel) {
                *pixel = [0; 4];
            }
            pixel[3] = if pixel[3] > 0 { u8::MAX } else { 0 };
        }
        // The points in time are rounded, not the delays, so that errors don't add up.
        let units = |ms: u64| (ms + MS_PER_UNIT / 2) / MS_PER_UNIT;
        let start = units(self.elapsed_ms);
        self.elapsed_ms += u64::from(delay_ms);
        let delay = (units(self.elapsed_ms) - start).min(u16::MAX.into()) as u16;
        if let Some(waiting) = self.waiting.take() {
            self.write(waiting, Some(&pixels), cancel)?;
        }
        self.waiting = Some(Waiting { pixels, delay });
        Ok(())
    }

    pub(super) fn finish(mut self, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
        if let Some(waiting) = self.waiting.take() {
            self.write(waiting, None, cancel)?;
        }
        self.encoder.into_inner().map_err(failed)
    }

    /// Writes a frame, knowing the one after it.
    fn write(&mut self, frame: Waiting, next: Option<&Pixels>, cancel: &CancelToken) -> Result<(), Error> {
        cancel.check()?;
        let Waiting { pixels, delay } = frame;
        let changed = Window::around(&self.ground, &pixels, |before, now| before != now);
        let vanishing = |now: [u8; 4], then: [u8; 4]| now[3] > 0 && then[3] == 0;
        let cleared = next.and_then(|next| Window::around(&pixels, next, vanishing));
        let window = if self.started {
            // A frame in which nothing changes still takes its time.
            let least = Window { left: 0, top: 0, right: 1, bottom: 1 };
            [changed, cleared].into_iter().flatten().reduce(Window::with).unwrap_or(least)
        } else {
            Window::whole((pixels.width, pixels.height))
        };
        self.started = true;
        let mut part = window.cut(&pixels);
        let ground = window.cut(&self.ground);
        // What is there already is not drawn again: it packs better, and keeps the colours that it was given.
        for (pixel, ground) in part.data.as_chunks_mut::<4>().0.iter_mut().zip(ground.data.as_chunks::<4>().0)
        {
            if pixel == ground {
                *pixel = [0; 4];
            }
        }
        let (width, height) = window.size();
        let frame = Frame {
            left: window.left as u16,
            top: window.top as u16,
            width: width as u16,
            height: height as u16,
            delay,
            dispose: if cleared.is_some() { DisposalMethod::Background } else { DisposalMethod::Keep },
            ..quantise(&part, cancel)?
        };
        self.encoder.write_frame(&frame).map_err(failed)?;
        self.ground = pixels;
        if cleared.is_some() {
            window.clear(&mut self.ground);
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it goes into map_err")]
fn failed(error: EncodingError) -> Error {
    Error::Bug(format!("GIF encoder: {error}"))
}
