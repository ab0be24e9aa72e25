//! The colour that most of a picture has.

/// Bins a channel: 4 bits of each, as many as libvips' callers usually take for this.
const BITS: u32 = 4;
const BINS: usize = 1 << (3 * BITS);

/// Counts the pixels of each neighbourhood of colours, opaque ones for more than faint ones, and gives the mean of the
/// fullest neighbourhood. Nothing if all of `rgba` is transparent.
pub(super) fn colour(rgba: &[u8]) -> Option<[u8; 3]> {
    // Weight, and the weighted sums of the channels. A picture of 100 x 100 stays far below 2^32.
    let mut bins = vec![[0u32; 4]; BINS];
    for pixel in rgba.chunks_exact(4) {
        let weight = u32::from(pixel[3]);
        let index =
            pixel[..3].iter().fold(0, |index, &value| index << BITS | usize::from(value >> (8 - BITS)));
        let bin = &mut bins[index];
        bin[0] += weight;
        for (sum, &value) in bin[1..].iter_mut().zip(pixel) {
            *sum += weight * u32::from(value);
        }
    }
    // Of two that are as full the lower index wins, so that the answer is always the same.
    let fullest = bins.iter().rev().max_by_key(|bin| bin[0])?;
    let [weight, sums @ ..] = *fullest;
    (weight > 0).then(|| sums.map(|sum| ((sum + weight / 2) / weight) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_colour_and_not_the_mean() {
        let picture = [[200, 10, 10, 255].repeat(6), [10, 10, 200, 255].repeat(5)].concat();
        assert_eq!(colour(&picture), Some([200, 10, 10]));
    }

    #[test]
    fn neighbours_count_together() {
        let picture = [[16, 32, 48, 255].repeat(2), [18, 34, 50, 255].repeat(2), [99, 99, 99, 255].repeat(3)];
        assert_eq!(colour(&picture.concat()), Some([17, 33, 49]));
    }

    #[test]
    fn what_is_transparent_does_not_count() {
        let picture = [[0, 255, 0, 0].repeat(100), [0, 0, 255, 10].repeat(9), [255, 0, 0, 255].to_vec()];
        assert_eq!(colour(&picture.concat()), Some([255, 0, 0]));
        assert_eq!(colour(&[1, 2, 3, 0]), None);
    }
}
