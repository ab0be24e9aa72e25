//! The frames of an animation, counted while the file arrives: how many there are is known only at its end, and one that
//! has too many need not be waited for. Of the bytes nothing is kept.

use crate::error::Error;
use crate::format::Format;
use crate::header::Header;
use crate::limits::Limits;

/// The count for one file. It follows the blocks of a GIF and the chunks of a WebP; files of other formats tell in their
/// header.
///
/// It trusts what it sees: a file whose structure ends early has as many frames as could be seen, and what is wrong with
/// it is found when it is decoded.
#[derive(Debug)]
pub struct FrameCount {
    width: u32,
    height: u32,
    frames: u32,
    next: Next,
    /// Bytes to go past, and then bytes that must be at hand.
    skip: u64,
    need: usize,
    hand: Vec<u8>,
}

/// What the bytes at hand will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Signature and logical screen descriptor of a GIF.
    Screen,
    /// The byte that tells which kind of block follows.
    Block,
    /// The rest of an image descriptor.
    Image,
    /// The length of a sub-block.
    SubBlock,
    /// Kind and length of a chunk of a WebP.
    Chunk,
    /// There is nothing more to see.
    End,
}

/// The byte of a descriptor that tells of its palette: whether there is one, and its size.
fn palette_bytes(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl FrameCount {
    /// For the file with this header, from its first byte on.
    pub fn new(header: &Header) -> Self {
        let (next, skip, need) = match header.format {
            Format::Gif => (Next::Screen, 0, 13),
            // The header of the container comes first.
            Format::Webp => (Next::Chunk, 12, 8),
            Format::Jpeg | Format::Png | Format::Avif => (Next::End, 0, 0),
        };
        let Header { width, height, .. } = *header;
        Self { width, height, frames: 0, next, skip, need, hand: Vec::new() }
    }

    /// The frames so far.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Takes the next bytes of the file, as many as there are.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] once there are more frames, or more pixels in all of them, than `limits` allow.
    pub fn take(&mut self, mut piece: &[u8], limits: &Limits) -> Result<(), Error> {
        while self.next != Next::End {
            let past = self.skip.min(piece.len() as u64);
            self.skip -= past;
            piece = &piece[past as usize..];
            let wanted = (self.need - self.hand.len()).min(piece.len());
            if self.skip > 0 || piece.is_empty() {
                return Ok(());
            }
            self.hand.extend_from_slice(&piece[..wanted]);
            piece = &piece[wanted..];
            if self.hand.len() < self.need {
                return Ok(());
            }
            if self.step() {
                self.frames += 1;
                limits.check_source(self.width, self.height, self.frames)?;
            }
            self.hand.clear();
        }
        Ok(())
    }

    /// Looks at the bytes at hand; `true` where a frame begins with them.
    fn step(&mut self) -> bool {
        let hand = &self.hand;
        let (next, skip, need, frame) = match self.next {
            Next::Screen => (Next::Block, palette_bytes(hand[10]), 1, false),
            Next::Block => match hand[0] {
                // An extension: its label, then its data.
                0x21 => (Next::SubBlock, 1, 1, false),
                0x2C => (Next::Image, 0, 9, false),
                _ => (Next::End, 0, 0, false),
            },
            // A palette and the size of the first codes come before the data.
            Next::Image => (Next::SubBlock, palette_bytes(hand[8]) + 1, 1, true),
            Next::SubBlock if hand[0] == 0 => (Next::Block, 0, 1, false),
            Next::SubBlock => (Next::SubBlock, hand[0].into(), 1, false),
            Next::Chunk => {
                let len = u64::from(u32::from_le_bytes([hand[4], hand[5], hand[6], hand[7]]));
                (Next::Chunk, len + len % 2, 8, hand[..4] == *b"ANMF")
            }
            Next::End => (Next::End, 0, 0, false),
        };
        (self.next, self.skip, self.need) = (next, skip, need);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::samples::{file, gradient, riff, vp8x, webp};
    use crate::pixels::Layout;
    use crate::transform::header;

    /// An animated GIF of this many frames, some with a palette, and one that nothing says anything about.
    fn gif(frames: u32) -> Vec<u8> {
        let mut file = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
        file.extend(b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0");
        for n in 0..frames {
            file.extend(b"\x21\xF9\x04\0\x05\0\0\0\x2C\0\0\0\0\x02\0\x02\0");
            file.push(if n % 2 == 0 { 0 } else { 0x80 });
            file.extend(if n % 2 == 0 { &[][..] } else { &[0, 0, 0, 9, 9, 9] });
            file.extend(b"\x02\x02\x44\x54\0");
        }
        file.push(0x3B);
        file
    }

    fn animation(frames: usize) -> Vec<u8> {
        let still = file(&gradient(2, 2, Layout::Rgb), Format::Webp);
        let frame = [&[0; 6][..], &[1, 0, 0, 1, 0, 0, 9, 0, 0, 0], &still[12..]].concat();
        let odd = riff(*b"XMP ", b"odd");
        let mut chunks = vec![vp8x(0x02, 2, 2), riff(*b"ANIM", &[0; 6]), odd];
        chunks.extend((0..frames).map(|_| riff(*b"ANMF", &frame)));
        webp(&chunks)
    }

    fn count(file: &[u8], piece: usize, limits: &Limits) -> Result<u32, Error> {
        let mut count = FrameCount::new(&header(file, &Limits { max_frames: 1000, ..Limits::default() })?);
        for piece in file.chunks(piece) {
            count.take(piece, limits)?;
        }
        Ok(count.frames())
    }

    #[test]
    fn as_many_as_the_whole_file_tells() {
        for file in [gif(1), gif(7), animation(1), animation(5)] {
            let expected = header(&file, &Limits::default()).unwrap().frames;
            for piece in [1, 2, 3, 7, 16, 1000] {
                assert_eq!(count(&file, piece, &Limits::default()), Ok(expected), "in pieces of {piece}");
            }
        }
        let png = file(&gradient(9, 9, Layout::Rgb), Format::Png);
        assert_eq!(count(&png, 5, &Limits::default()), Ok(0));
    }

    #[test]
    fn one_more_than_allowed_is_refused_where_it_begins() {
        let frames = Limits { max_frames: 4, ..Limits::default() };
        let pixels = Limits { max_pixels: 16, ..Limits::default() };
        for file in [gif(5), animation(5)] {
            for limits in [&frames, &pixels] {
                for piece in [1, 1000] {
                    let found = count(&file, piece, limits);
                    assert!(matches!(found, Err(Error::LimitExceeded { .. })), "{found:?}");
                }
            }
        }
        assert_eq!(count(&gif(4), 3, &frames), Ok(4));
    }

    #[test]
    fn broken_files_end_the_count() {
        let whole = gif(3);
        for end in 14..whole.len() {
            let mut count = FrameCount::new(&header(&whole, &Limits::default()).unwrap());
            count.take(&whole[..end], &Limits::default()).unwrap();
            assert!(count.frames() <= 3);
        }
        let mut count = FrameCount::new(&header(&whole, &Limits::default()).unwrap());
        count.take(&[whole[..19].to_vec(), vec![0x55; 100]].concat(), &Limits::default()).unwrap();
        assert_eq!(count.frames(), 0);
    }
}
