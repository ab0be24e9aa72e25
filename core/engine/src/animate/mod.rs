//! Animations: the steps of a plan on one frame after another. A few pictures are held, not all frames.

#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use crate::decode::{Animation, Decoded};
use crate::encode::{Animator, Encoding};
use crate::error::Error;
use crate::ops;
use crate::ops::watermark::{self, Stamped};
use crate::pixels::Pixels;
use crate::plan::{Plan, Step};
use crate::run::{Finished, Run, salient_region};

/// What all frames have in common.
struct Frames<'a> {
    run: &'a Run<'a>,
    /// What is done with each once it is decoded.
    steps: Vec<Step>,
    /// The watermark, once the first frame needed it.
    stamp: OnceCell<Option<Stamped>>,
}

/// Runs a plan for an animation.
pub(crate) fn animate(run: &Run<'_>, plan: &Plan) -> Result<Finished, Error> {
    let size = plan.output_size();
    let mut animation = Animation::open(run.source, &run.header, run.limits)?;
    let mut frames = Frames { run, steps: plan.steps()[1..].to_vec(), stamp: OnceCell::new() };
    let mut animator: Option<Animator> = None;
    while let Some(delay_ms) = animation.advance(run.cancel)? {
        let pixels = ops::drop_opaque_alpha(animation.canvas().clone());
        let decoded = Decoded { pixels, icc: run.conversion(animation.icc().map(<[u8]>::to_vec)) };
        let (pixels, encoding) = frames.operate(decoded)?;
        if (pixels.width, pixels.height) != size {
            return Err(Error::Bug(format!("a frame of {}x{} for {size:?}", pixels.width, pixels.height)));
        }
        let animator = match &mut animator {
            Some(animator) => animator,
            None => animator.insert(Animator::new(size, encoding, animation.plays())?),
        };
        animator.add(&pixels, delay_ms, run.cancel)?;
    }
    let animator = animator.ok_or_else(|| Error::Bug("an animation without a frame".into()))?;
    Ok((animator.finish(run.cancel)?, size))
}

impl Frames<'_> {
    /// One frame, ready to be encoded.
    fn operate(&mut self, decoded: Decoded) -> Result<(Pixels, Encoding), Error> {
        let run = self.run;
        // What draws the eye in the first frame is looked at in all: the picture must not jump.
        if let Some(Step::ResizeSalient(salient)) = self.steps.first() {
            let region = salient_region(&decoded.pixels, decoded.icc.as_deref(), salient)?;
            self.steps[0] = Step::Resize { within: salient.within, region, to: salient.to };
        }
        let (mut pixels, rest) = run.sample(decoded, &self.steps)?;
        for step in rest {
            run.cancel.check()?;
            pixels = match step {
                Step::Encode { encoding, .. } => return Ok((pixels, *encoding)),
                Step::Watermark(asked) => {
                    let stamp = match self.stamp.get() {
                        Some(stamp) => stamp,
                        None => {
                            let size = (pixels.width, pixels.height);
                            let stamp = watermark::stamped(size, asked, run.overlay, run.limits, run.cancel)?;
                            self.stamp.get_or_init(|| stamp)
                        }
                    };
                    match stamp {
                        Some(stamp) => watermark::lay_stamp(pixels, stamp, asked, run.cancel)?,
                        None => pixels,
                    }
                }
                step => run.step(step, pixels)?,
            };
        }
        Err(Error::Bug("a plan ends without encoding".into()))
    }
}
