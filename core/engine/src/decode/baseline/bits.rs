//! The bits of the entropy-coded data: stuffing taken out in windows, 64 bits at hand at a time.

use super::Doubt;

/// Bytes without stuffing that are kept at hand.
const WINDOW: usize = 32 << 10;
/// Bytes that one MCU can use at most (10 blocks of 64 coefficients at 31 bits), with room for a whole refill. So much
/// lies behind the read position, as zeros where the segment has ended.
const MARGIN: usize = 4 << 10;

/// The reader over one segment after another: the data between two markers.
pub(super) struct Bits<'a> {
    source: &'a [u8],
    /// Where in `source` the next byte for the window lies.
    at: usize,
    /// The window. From `end` on it is zeros.
    window: Box<[u8; WINDOW + MARGIN]>,
    end: usize,
    /// The marker that ends the segment, once it came into sight.
    marker: Option<u8>,
    cursor: Cursor,
}

/// The position inside the window. The bits at hand stand at the top of `hand`; more of them than `count` may be
/// valid there.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    hand: u64,
    count: u32,
    at: usize,
}

/// A cursor with its window. It is to be kept in registers while a block is read, so whatever is not inlined takes a
/// copy and gives back a cursor.
#[derive(Clone, Copy)]
pub(super) struct Reader<'w> {
    window: &'w [u8; WINDOW + MARGIN],
    cursor: Cursor,
}

impl Reader<'_> {
    /// Brings at least 56 bits to hand.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let cursor = &mut self.cursor;
        let next = self
            .window
            .get(cursor.at..)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        cursor.hand |= next >> cursor.count;
        cursor.at += ((63 - cursor.count) >> 3) as usize;
        cursor.count |= 0b11_1000;
    }

    /// How many bits are at hand.
    #[inline(always)]
    pub(super) fn at_hand(&self) -> u32 {
        self.cursor.count
    }

    /// The next `count` bits, 1..=32, which stay at hand.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> usize {
        (self.cursor.hand >> (64 - count)) as usize
    }

    /// Goes past `count` bits, all of which must be at hand.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.cursor.hand <<= count;
        self.cursor.count = self.cursor.count.wrapping_sub(count);
    }

    #[inline(always)]
    pub(super) fn cursor(&self) -> Cursor {
        self.cursor
    }

    #[inline(always)]
    pub(super) fn resume(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }
}

impl<'a> Bits<'a> {
    /// Reads the segment that begins at `source[at]`.
    pub(super) fn new(source: &'a [u8], at: usize) -> Self {
        let window = vec![0; WINDOW + MARGIN].try_into().expect("it has that length");
        let cursor = Cursor { hand: 0, count: 0, at: 0 };
        let mut bits = Self { source, at, window, end: 0, marker: None, cursor };
        bits.fill();
        bits
    }

    #[inline(always)]
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { window: &self.window, cursor: self.cursor }
    }

    #[inline(always)]
    pub(super) fn resume(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    /// Makes sure that the window holds the next MCU, and that the last one ended inside its segment.
    #[inline]
    pub(super) fn ready(&mut self) -> Result<(), Doubt> {
        if self.cursor.at + MARGIN <= self.end {
            return Ok(());
        }
        self.slide()
    }

    fn slide(&mut self) -> Result<(), Doubt> {
        if self.marker.is_none() {
            self.window.copy_within(self.cursor.at..self.end, 0);
            self.end -= self.cursor.at;
            self.cursor.at = 0;
            self.fill();
        }
        if self.overrun() { Err(Doubt) } else { Ok(()) }
    }

    /// Whether more bits were used than the segment has.
    fn overrun(&self) -> bool {
        self.used() > self.end * 8
    }

    /// How many bits of the window are used.
    pub(super) fn used(&self) -> usize {
        (self.cursor.at * 8).saturating_sub(self.cursor.count as usize)
    }

    /// Copies from the source to the window, without stuffing, up to a marker or until the window is full.
    fn fill(&mut self) {
        while self.marker.is_none() && self.end < WINDOW {
            let rest = &self.source[self.at.min(self.source.len())..];
            let rest = &rest[..rest.len().min(WINDOW - self.end)];
            let plain = memchr::memchr(0xFF, rest).unwrap_or(rest.len());
            self.window[self.end..][..plain].copy_from_slice(&rest[..plain]);
            self.end += plain;
            self.at += plain;
            if plain < rest.len() || rest.is_empty() {
                match self.source.get(self.at + 1) {
                    Some(0) => {
                        self.window[self.end] = 0xFF;
                        self.end += 1;
                        self.at += 2;
                    }
                    // A file that just ends is as good as an unknown marker: either is refused in the end.
                    other => self.marker = Some(other.copied().unwrap_or(0)),
                }
            }
        }
        self.window[self.end..].fill(0);
    }

    /// Ends a segment, which must be used up but for the bits that fill its last byte, and be followed by `marker`.
    pub(super) fn finish(&mut self, marker: u8) -> Result<(), Doubt> {
        self.slide()?;
        if self.end * 8 - self.used() >= 8 || self.marker != Some(marker) { Err(Doubt) } else { Ok(()) }
    }

    /// Ends a segment as [`Self::finish`] does, and begins the next.
    pub(super) fn restart(&mut self, marker: u8) -> Result<(), Doubt> {
        self.finish(marker)?;
        self.at += 2;
        self.cursor = Cursor { hand: 0, count: 0, at: 0 };
        self.end = 0;
        self.marker = None;
        self.fill();
        Ok(())
    }
}
