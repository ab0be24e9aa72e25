//! The frame size that AV1 data itself announces (AV1 bitstream specification, 5.3 and 5.5).
//!
//! libavif checks the size in the container before it decodes, libaom allocates by the size in the data, and
//! nothing compares the two beforehand; this does.

const SEQUENCE_HEADER: u8 = 1;

/// The largest frame width and height of every sequence header in `data`, and whether it is whole units (OBUs); where it
/// isn't, those before the break.
pub(super) fn frame_sizes(mut data: &[u8]) -> (Vec<(u32, u32)>, bool) {
    let mut sizes = Vec::new();
    while !data.is_empty() {
        let Some((unit, rest)) = unit(data) else { return (sizes, false) };
        if let Some(header) = unit {
            let Some(size) = sequence_header(header) else { return (sizes, false) };
            sizes.push(size);
        }
        data = rest;
    }
    (sizes, true)
}

/// What is in the first unit, if it is a sequence header, and what follows it.
fn unit(data: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (&head, rest) = data.split_first()?;
    let has_extension = head & 0x04 != 0;
    let has_size = head & 0x02 != 0;
    let rest = if has_extension { rest.get(1..)? } else { rest };
    let (len, rest) = if has_size { leb128(rest)? } else { (rest.len(), rest) };
    let (unit, rest) = rest.split_at_checked(len)?;
    Some(((head >> 3 & 0x0F == SEQUENCE_HEADER).then_some(unit), rest))
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[i + 1..]));
        }
    }
    None
}

fn sequence_header(unit: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits { unit, at: 0 };
    bits.skip(3 + 1);
    if bits.flag()? {
        bits.skip(5);
    } else {
        operating_points(&mut bits)?;
    }
    let width_bits = bits.read(4)? + 1;
    let height_bits = bits.read(4)? + 1;
    Some((bits.read(width_bits)? + 1, bits.read(height_bits)? + 1))
}

/// Everything between the flags at the beginning and the frame size.
fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(32 + 32);
        if bits.flag()? {
            bits.skip_uvlc()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.read(5)? + 1);
            bits.skip(32 + 5 + 5);
        }
    }
    let initial_delay = bits.flag()?;
    for _ in 0..=bits.read(5)? {
        bits.skip(12);
        if bits.read(5)? > 7 {
            bits.skip(1);
        }
        if let Some(n) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * n as usize + 1);
        }
        if initial_delay && bits.flag()? {
            bits.skip(4);
        }
    }
    Some(())
}

struct Bits<'a> {
    unit: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn skip(&mut self, n: usize) {
        self.at += n;
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.read(1)? == 1)
    }

    fn read(&mut self, n: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..n {
            let byte = self.unit.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        self.skip(if zeros < 32 { zeros } else { 0 });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_reduced_header() {
        // Profile 0, still picture, reduced, level 0, 9 + 9 bits, 400 x 300.
        let bits = format!("000{}{}{}{:04b}{:04b}{:09b}{:09b}", 1, 1, "00000", 8, 8, 399, 299);
        let mut bytes: Vec<u8> = Vec::new();
        for chunk in bits.as_bytes().chunks(8) {
            let text = format!("{:0<8}", std::str::from_utf8(chunk).unwrap());
            bytes.push(u8::from_str_radix(&text, 2).unwrap());
        }
        let mut unit = vec![SEQUENCE_HEADER << 3 | 2, bytes.len() as u8];
        unit.extend(&bytes);
        assert_eq!(frame_sizes(&unit), (vec![(400, 300)], true));
        assert_eq!(frame_sizes(&unit[..unit.len() - 1]), (vec![], false));
        assert_eq!(frame_sizes(&[&unit[..], &unit[..5]].concat()), (vec![(400, 300)], false));
        assert_eq!(frame_sizes(&[]), (vec![], true));
    }
}
