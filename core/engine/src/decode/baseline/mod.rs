//! A decoder for the ordinary JPEG: sequential Huffman coding, 8 bits, one scan, grey or YCbCr (ITU-T T.81, SOF0 and
//! SOF1). It gives planes, each at a scale of its own, in strips of rows, and spends no time on what the scale or the
//! crop doesn't show.
//!
//! It accepts only what is perfect. Whatever else — a rare kind of file as well as a damaged one — is a [`Doubt`], and
//! the caller asks libjpeg-turbo, which decides and finds the words.

#![expect(
    clippy::inline_always,
    reason = "what happens per symbol or block must be one loop, with its state in registers"
)]

mod bits;
mod block;
mod frame;
mod huffman;
mod idct;
#[cfg(target_arch = "x86_64")]
mod idct_avx2;
#[cfg(target_arch = "aarch64")]
mod idct_neon;
mod strips;
#[cfg(test)]
mod tests;

pub(crate) use frame::{Component, Frame};
pub(crate) use strips::{Strips, Wanted};

/// Something that this decoder leaves to the general one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubt;
