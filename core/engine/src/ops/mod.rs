//! Operations on pixels: one file an operation. They know nothing of requests or formats; sizes are decided by
//! the plan.

mod alpha;
mod blend;
mod blur;
mod ground;
mod layout;
mod orient;
pub(crate) mod planes;
mod region;
mod resize;
mod rotate;
mod salience;
mod sharpen;
mod transpose;
mod turning;
pub(crate) mod watermark;

use alpha::{divide_row, multiply_row};
pub(crate) use blend::over;
pub(crate) use blur::blur;
pub(crate) use ground::{flatten, pad};
pub(crate) use layout::{drop_opaque_alpha, to_grey};
pub(crate) use orient::{Turn, orient};
pub(crate) use region::{Rect, Region};
pub(crate) use resize::{Resizing, crop, resize};
pub(crate) use rotate::{canvas, rotate};
pub(crate) use salience::{Strategy, most_salient};
pub(crate) use sharpen::sharpen;
pub(crate) use turning::Turning;
