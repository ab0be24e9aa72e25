//! Pictures made from nothing that compress like photos: several octaves of noise, gradients, hard and soft edges and
//! a sensor's grain. The same call always gives the same picture.

use crate::picture::Picture;

/// Side of the photo that the others are cut and tiled from.
const PHOTO: (usize, usize) = (4032, 3024);
const GRAPHIC: (usize, usize) = (1600, 1200);

/// A photo of 12 megapixels.
pub(crate) fn photo() -> Picture {
    let (width, height) = PHOTO;
    let discs = discs(60, width as f64, height as f64);
    let mut luma = Octaves::new(
        1,
        &[(900.0, 46.0), (310.0, 30.0), (97.0, 20.0), (31.0, 12.0), (11.0, 8.0), (4.3, 5.0), (2.1, 3.0)],
    );
    let mut warm = Octaves::new(77, &[(700.0, 26.0), (160.0, 12.0), (23.0, 4.0)]);
    let mut cool = Octaves::new(153, &[(800.0, 22.0), (140.0, 12.0), (19.0, 4.0)]);
    Picture::from_fn(width, height, |x, y| {
        let (u, v) = (x as f64, y as f64);
        let sky = 60.0 * (1.0 - v / height as f64);
        // Detail is uneven in photos: a smooth upper part, a busy lower one.
        let detail = (v / height as f64 * 1.6).clamp(0.15, 1.0);
        let (coarse, fine) = luma.at(x, y);
        let mut level = 78.0 + sky + coarse + fine * detail;
        let mut tint = (warm.sum(x, y), cool.sum(x, y));
        for disc in &discs {
            let cover = disc.cover(u, v);
            if cover > 0.0 {
                level += cover * disc.level;
                tint = (tint.0 + cover * disc.tint, tint.1 - cover * disc.tint * 0.7);
            }
        }
        let grain = (unit(hash(x as u32, y as u32, 9)) - 0.5) * 5.0;
        let sample = |value: f64| (value + grain).clamp(0.0, 255.0) as u8;
        [sample(level + tint.0), sample(level - 0.3 * (tint.0 + tint.1)), sample(level + tint.1)]
    })
}

/// A graphic: flat shapes with soft edges over nothing, and a glow around them.
pub(crate) fn graphic() -> Picture {
    let (width, height) = GRAPHIC;
    let discs = discs(24, width as f64, height as f64);
    Picture::from_fn(width, height, |x, y| {
        let (u, v) = (x as f64, y as f64);
        let (mut alpha, mut level, mut tint) = (0.0_f64, 120.0, 0.0);
        for disc in &discs {
            let cover = disc.cover(u, v);
            alpha = alpha.max(cover).max(disc.glow(u, v));
            level += cover * disc.level;
            tint += cover * disc.tint;
        }
        let shade = u / width as f64 * 40.0;
        let sample = |value: f64| value.clamp(0.0, 255.0) as u8;
        [sample(level + 2.0 * tint + shade), sample(level), sample(level - 2.0 * tint), sample(alpha * 255.0)]
    })
}

/// A shape with an edge of a stated softness.
struct Disc {
    x: f64,
    y: f64,
    radius: f64,
    softness: f64,
    /// How much wider it is than high, and whether it has corners.
    aspect: f64,
    square: bool,
    level: f64,
    tint: f64,
}

impl Disc {
    fn distance(&self, x: f64, y: f64) -> f64 {
        let (dx, dy) = ((x - self.x).abs() / self.aspect, (y - self.y).abs() * self.aspect);
        self.radius - if self.square { dx.max(dy) } else { dx.hypot(dy) }
    }

    fn cover(&self, x: f64, y: f64) -> f64 {
        (self.distance(x, y) / self.softness + 0.5).clamp(0.0, 1.0)
    }

    fn glow(&self, x: f64, y: f64) -> f64 {
        (0.5 + self.distance(x, y) / self.radius).clamp(0.0, 0.5)
    }
}

fn discs(count: u32, width: f64, height: f64) -> Vec<Disc> {
    let of = |index: u32, what: u32| unit(hash(index, what, 5));
    let disc = |index| Disc {
        x: of(index, 0) * width,
        y: of(index, 1) * height,
        radius: (0.015 + 0.11 * of(index, 2).powi(2)) * width,
        softness: if of(index, 3) < 0.7 { 1.5 } else { 40.0 * of(index, 4) + 2.0 },
        aspect: 0.6 + of(index, 5),
        square: of(index, 6) < 0.5,
        level: (of(index, 7) - 0.5) * 90.0,
        tint: (of(index, 8) - 0.5) * 60.0,
    };
    (0..count).map(disc).collect()
}

/// Value noise at several wavelengths, each with its amplitude. A row of lattice values is kept for each.
struct Octaves {
    list: Vec<Octave>,
}

struct Octave {
    seed: u32,
    wavelength: f64,
    amplitude: f64,
    /// The values between which the current row is interpolated along y, one a lattice column.
    row: Option<usize>,
    values: Vec<f64>,
}

/// Octaves longer than this are the coarse part.
const COARSE: f64 = 50.0;

impl Octaves {
    fn new(seed: u32, list: &[(f64, f64)]) -> Self {
        let octave = |(index, &(wavelength, amplitude)): (usize, &(f64, f64))| Octave {
            seed: seed + index as u32,
            wavelength,
            amplitude,
            row: None,
            values: Vec::new(),
        };
        Self { list: list.iter().enumerate().map(octave).collect() }
    }

    /// The coarse and the fine part.
    fn at(&mut self, x: usize, y: usize) -> (f64, f64) {
        let (mut coarse, mut fine) = (0.0, 0.0);
        for octave in &mut self.list {
            let value = octave.at(x, y);
            *(if octave.wavelength > COARSE { &mut coarse } else { &mut fine }) += value;
        }
        (coarse, fine)
    }

    fn sum(&mut self, x: usize, y: usize) -> f64 {
        let (coarse, fine) = self.at(x, y);
        coarse + fine
    }
}

impl Octave {
    fn at(&mut self, x: usize, y: usize) -> f64 {
        if self.row != Some(y) {
            self.row = Some(y);
            let v = y as f64 / self.wavelength;
            let (cell, part) = (v.floor(), smooth(v.fract()));
            let columns = (PHOTO.0 as f64 / self.wavelength) as u32 + 2;
            let value = |column| {
                let lattice = |row: u32| unit(hash(column, row, self.seed)) * 2.0 - 1.0;
                lattice(cell as u32) * (1.0 - part) + lattice(cell as u32 + 1) * part
            };
            self.values = (0..columns).map(value).collect();
        }
        let u = x as f64 / self.wavelength;
        let (cell, part) = (u as usize, smooth(u.fract()));
        self.amplitude * (self.values[cell] * (1.0 - part) + self.values[cell + 1] * part)
    }
}

fn smooth(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

/// The finaliser of `MurmurHash3` over three words.
fn hash(a: u32, b: u32, c: u32) -> u32 {
    let mix = |mut h: u32| {
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^ (h >> 16)
    };
    mix(mix(mix(a ^ 0x9E37_79B9).wrapping_add(b)).wrapping_add(c))
}

fn unit(hash: u32) -> f64 {
    f64::from(hash) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_each_time_and_use_their_range() {
        let graphic = graphic();
        assert_eq!((graphic.width, graphic.height, graphic.channels), (1600, 1200, 4));
        assert_eq!(graphic, super::graphic());
        let alpha = || graphic.data.iter().skip(3).step_by(4);
        assert!(alpha().any(|&a| a == 0) && alpha().any(|&a| a == 255) && alpha().any(|&a| a == 100));
    }
}
