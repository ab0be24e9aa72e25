//! The markers before the data. Nothing is made of EXIF, profiles and comments here.

use super::Doubt;
use super::huffman::Codes;

/// One plane as the frame header declares it.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    /// Blocks of an MCU across and down.
    pub(crate) across: usize,
    pub(crate) down: usize,
    /// Size in samples at full scale.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Quantisation steps in zigzag order.
    pub(super) steps: [u16; 64],
    pub(super) dc: Codes,
    pub(super) ac: Codes,
}

/// A picture of one plane (grey) or three (YCbCr), all of whose data is in one scan.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Luma first, which is never coarser than chroma.
    pub(crate) components: Vec<Component>,
    /// MCUs between two restart markers; 0 for none.
    pub(super) restart: usize,
    /// Where the data begins.
    pub(super) data: usize,
}

impl Frame {
    /// Reads the headers of a whole file.
    pub(crate) fn parse(source: &[u8]) -> Result<Self, Doubt> {
        Walk::default().frame(source).ok_or(Doubt)
    }

    /// Blocks of an MCU across and down.
    pub(crate) fn mcu(&self) -> (usize, usize) {
        (self.components[0].across, self.components[0].down)
    }
}

struct Declared {
    id: u8,
    across: usize,
    down: usize,
    steps: usize,
}

/// What the markers have said so far.
#[derive(Default)]
struct Walk {
    size: (usize, usize),
    declared: Vec<Declared>,
    steps: [Option<[u16; 64]>; 4],
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    restart: usize,
    jfif: bool,
    adobe: Option<u8>,
}

impl Walk {
    fn frame(mut self, source: &[u8]) -> Option<Frame> {
        let mut at = 2;
        loop {
            let (0xFF, marker) = (*source.get(at)?, *source.get(at + 1)?) else { return None };
            if marker == 0xFF {
                at += 1;
                continue;
            }
            let length = usize::from(u16::from_be_bytes(*source.get(at + 2..)?.first_chunk()?));
            let payload = source.get(at + 4..at + 2 + length)?;
            at += 2 + length;
            match marker {
                0xC0 | 0xC1 => self.start_of_frame(payload)?,
                0xC4 => self.huffman(payload)?,
                0xDA => return self.scan(payload, at),
                0xDB => self.quantisation(payload)?,
                0xDD => self.restart = usize::from(u16::from_be_bytes(payload.try_into().ok()?)),
                0xE0 => self.jfif |= payload.starts_with(b"JFIF\0") && payload.len() >= 14,
                0xEE => self.adobe(payload),
                0xE1..=0xEF | 0xFE => {}
                _ => return None,
            }
        }
    }

    fn start_of_frame(&mut self, payload: &[u8]) -> Option<()> {
        let &[8, h1, h0, w1, w0, count @ (1 | 3), ref rest @ ..] = payload else { return None };
        self.size = (usize::from(u16::from_be_bytes([w1, w0])), usize::from(u16::from_be_bytes([h1, h0])));
        if !self.declared.is_empty() || self.size.0 == 0 || self.size.1 == 0 {
            return None;
        }
        let (parts, []) = rest.as_chunks::<3>() else { return None };
        self.declared = parts
            .iter()
            .map(|&[id, factors, steps]| Declared {
                id,
                across: usize::from(factors >> 4),
                down: usize::from(factors & 15),
                steps: usize::from(steps),
            })
            .collect();
        if let [one] = self.declared.as_mut_slice() {
            // Data of a single component comes block by block, whatever its factors.
            (one.across, one.down) = match (one.across, one.down) {
                (1..=4, 1..=4) => (1, 1),
                _ => return None,
            };
            return (count == 1).then_some(());
        }
        let ids = |i: usize| self.declared[i].id;
        let usual = |d: &Declared| (d.across, d.down) == (1, 1);
        let luma = &self.declared[0];
        let known = matches!((luma.across, luma.down), (1 | 2 | 4, 1 | 2) | (1, 4));
        let distinct = ids(0) != ids(1) && ids(1) != ids(2) && ids(0) != ids(2);
        (count == 3 && known && distinct && self.declared[1..].iter().all(usual)).then_some(())
    }

    fn huffman(&mut self, mut payload: &[u8]) -> Option<()> {
        while let Some((&target, rest)) = payload.split_first() {
            payload = rest;
            let codes = Codes::parse(&mut payload)?;
            match target {
                0..=3 if codes.is_for_dc() => self.dc[usize::from(target)] = Some(codes),
                0x10..=0x13 => self.ac[usize::from(target & 3)] = Some(codes),
                _ => return None,
            }
        }
        Some(())
    }

    fn quantisation(&mut self, mut payload: &[u8]) -> Option<()> {
        while let Some((&target, rest)) = payload.split_first() {
            let mut steps = [0; 64];
            if target >> 4 == 0 {
                let (bytes, rest) = rest.split_first_chunk::<64>()?;
                steps = bytes.map(u16::from);
                payload = rest;
            } else {
                let (bytes, rest) = rest.split_first_chunk::<128>()?;
                for (step, pair) in steps.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *step = u16::from_be_bytes(*pair);
                }
                payload = rest;
            }
            // A step of nothing is against the standard.
            if target >> 4 > 1 || steps.contains(&0) {
                return None;
            }
            *self.steps.get_mut(usize::from(target & 15))? = Some(steps);
        }
        Some(())
    }

    fn adobe(&mut self, payload: &[u8]) {
        if let [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..] = *payload {
            self.adobe = Some(transform);
        }
    }

    /// Whether three components are YCbCr, by the rules of libjpeg.
    fn is_ycc(&self) -> bool {
        match (self.jfif, self.adobe) {
            (true, None | Some(1)) | (false, Some(1)) => true,
            // What two markers say that disagree is for libjpeg to decide.
            (_, Some(_)) => false,
            (false, None) => {
                let ids: Vec<u8> = self.declared.iter().map(|declared| declared.id).collect();
                ids != *b"RGB"
            }
        }
    }

    fn scan(self, payload: &[u8], data: usize) -> Option<Frame> {
        let count = self.declared.len();
        let (&parts, rest) = payload.split_first()?;
        if count == 0 || usize::from(parts) != count || rest.len() != 2 * count + 3 {
            return None;
        }
        if rest[2 * count..] != [0, 63, 0] || (count == 3 && !self.is_ycc()) {
            return None;
        }
        let (width, height) = self.size;
        let (across, down) = (self.declared[0].across, self.declared[0].down);
        let mut components = Vec::new();
        for (declared, &[id, tables]) in self.declared.iter().zip(rest.as_chunks::<2>().0) {
            if declared.id != id {
                return None;
            }
            components.push(Component {
                across: declared.across,
                down: declared.down,
                width: (width * declared.across).div_ceil(across),
                height: (height * declared.down).div_ceil(down),
                steps: (*self.steps.get(declared.steps)?)?,
                dc: self.dc.get(usize::from(tables >> 4))?.clone()?,
                ac: self.ac.get(usize::from(tables & 15))?.clone()?,
            });
        }
        Some(Frame { width, height, components, restart: self.restart, data })
    }
}
