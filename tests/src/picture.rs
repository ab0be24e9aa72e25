//! What an image file says about itself in its first bytes, read by the formats' documents and not by the
//! engine, so that a mistake of the engine's can't hide itself.

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// AVIF.
    Avif,
    /// GIF.
    Gif,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::Webp, Self::Avif, Self::Gif];

    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
        }
    }

    /// The media type.
    pub fn media_type(self) -> String {
        format!("image/{}", self.name())
    }
}

/// What a file's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// The format.
    pub kind: Kind,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Picture {
    /// Reads the header of a file; `None` if it is none of these formats.
    pub fn of(file: &[u8]) -> Option<Self> {
        let (kind, (width, height)) = if file.starts_with(b"\x89PNG\r\n\x1a\n") {
            // PNG (third edition), section 11.2.1: IHDR comes first.
            (Kind::Png, (big(file, 16, 4)?, big(file, 20, 4)?))
        } else if file.starts_with(b"GIF8") {
            // GIF89a, section 18: the logical screen.
            (Kind::Gif, (little(file, 6, 2)?, little(file, 8, 2)?))
        } else if file.starts_with(&[0xFF, 0xD8, 0xFF]) {
            (Kind::Jpeg, jpeg(file)?)
        } else if file.starts_with(b"RIFF") && file.get(8..12)? == b"WEBP" {
            (Kind::Webp, webp(file)?)
        } else if file.get(4..12)? == b"ftypavif" {
            (Kind::Avif, avif(file)?)
        } else {
            return None;
        };
        Some(Self { kind, width, height })
    }
}

/// ITU-T T.81, section B.2.2: the size is in the frame header.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *file.get(at + 1)?;
        // SOF0 to SOF15 without DHT, JPG and DAC, which lie among them.
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            return Some((big(file, at + 7, 2)?, big(file, at + 5, 2)?));
        }
        at += 2 + big(file, at + 2, 2)? as usize;
    }
}

/// RFC 9649, sections 2.5 to 2.7: the size depends on the first chunk.
fn webp(file: &[u8]) -> Option<(u32, u32)> {
    match file.get(12..16)? {
        b"VP8 " => Some((little(file, 26, 2)? & 0x3FFF, little(file, 28, 2)? & 0x3FFF)),
        b"VP8L" => {
            let bits = little(file, 21, 4)?;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => Some((little(file, 24, 3)? + 1, little(file, 27, 3)? + 1)),
        _ => None,
    }
}

/// ISO/IEC 23008-12, section 6.5.3: the size is in the property `ispe`.
fn avif(file: &[u8]) -> Option<(u32, u32)> {
    let at = file.windows(4).position(|window| window == b"ispe")?;
    Some((big(file, at + 8, 4)?, big(file, at + 12, 4)?))
}

fn big(file: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(file.get(at..at + length)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn little(file: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(file.get(at..at + length)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use pixmill_testkit::fixtures;

    use super::*;

    #[test]
    fn a_header_is_read() {
        let expected = Picture { kind: Kind::Png, width: 40, height: 30 };
        assert_eq!(Picture::of(&fixtures::png(40, 30)), Some(expected));
        assert_eq!(
            Picture::of(b"GIF89a\x05\x00\x07\x00"),
            Some(Picture { kind: Kind::Gif, width: 5, height: 7 })
        );
        assert_eq!(Picture::of(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), None);
        assert_eq!(Picture::of(b""), None);
    }
}
