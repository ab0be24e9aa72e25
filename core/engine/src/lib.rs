//! Pixmill's image engine: the bytes of a picture and a [`Transformation`] in, the bytes of the result out.
//!
//! It is synchronous, keeps no state between calls, opens no file but the fonts that it is [given](use_fonts) and no socket,
//! and knows nothing of users, jobs or storage. Every call takes [`Limits`], which are checked from the header before pixels are
//! allocated, and a [`CancelToken`].

#![deny(unsafe_op_in_unsafe_fn)]

mod animate;
mod cascade;
mod color;
mod dct;
mod decode;
mod describe;
mod encode;
mod error;
mod format;
mod frames;
mod header;
mod limits;
mod many;
mod metadata;
mod ops;
mod pixels;
mod plan;
mod planar;
mod recode;
mod rows;
mod run;
mod simd;
mod transform;
mod transformation;
mod validate;

pub use describe::{Description, describe, description_plan};
pub use error::{Error, FieldError};
pub use format::Format;
pub use frames::FrameCount;
pub use header::{Header, Inspection, Orientation, inspect};
pub use limits::{CancelToken, Limits};
pub use many::{transform_many, transform_some};
pub use ops::watermark::{FontsError, use_fonts};
pub use plan::{Plan, plan};
pub use transform::{Output, transform};
pub use transformation::{Crop, Fit, Position, Transformation, Watermark};

/// Changes whenever the same input may give other bytes, so that stored results of older engines are not reused.
pub const VERSION: u32 = 7;
