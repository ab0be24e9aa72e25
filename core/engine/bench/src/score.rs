//! How close a result comes to what it should be: SSIMULACRA2 and PSNR.

use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use crate::picture::Picture;

/// A result's quality.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Score {
    /// Decibels over all samples.
    pub(crate) psnr: f64,
    /// 100 is the same picture; 90 can't be told from it, 70 is high, 50 medium quality.
    pub(crate) ssimulacra2: f64,
}

/// Compares pictures of the same size. Those with alpha are laid on black and on white, and the worse one counts.
pub(crate) fn score(reference: &Picture, result: &Picture) -> Result<Score, String> {
    let sizes = [reference, result].map(|picture| (picture.width, picture.height));
    if sizes[0] != sizes[1] {
        return Err(format!("the result is {:?} where {:?} was expected", sizes[1], sizes[0]));
    }
    let grounds: &[u8] = if reference.channels.is_multiple_of(2) { &[0, 255] } else { &[0] };
    let mut worst: Option<Score> = None;
    for ground in grounds {
        let (a, b) = (reference.on(*ground), result.on(*ground));
        let found = Score { psnr: psnr(&a, &b), ssimulacra2: ssimulacra2(&a, &b)? };
        if worst.is_none_or(|worst| found.ssimulacra2 < worst.ssimulacra2) {
            worst = Some(found);
        }
    }
    worst.ok_or_else(|| "nothing was compared".to_owned())
}

fn psnr(a: &Picture, b: &Picture) -> f64 {
    let squares: f64 = a.data.iter().zip(&b.data).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / a.data.len() as f64).max(1e-9)).log10()
}

fn ssimulacra2(a: &Picture, b: &Picture) -> Result<f64, String> {
    let rgb = |picture: &Picture| {
        let data = picture.data.chunks_exact(3);
        let data = data.map(|p| [p[0], p[1], p[2]].map(|sample| f32::from(sample) / 255.0));
        let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
        Rgb::new(data.collect(), picture.width, picture.height, transfer, primaries)
            .map_err(|error| error.to_string())
    };
    compute_frame_ssimulacra2(rgb(a)?, rgb(b)?).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_itself_and_noise_lowers_both_scores() {
        let clean = Picture::from_fn(96, 80, |x, y| [(x * 2) as u8, (y * 3) as u8, ((x * y) / 40) as u8]);
        let same = score(&clean, &clean).unwrap();
        assert!(same.ssimulacra2 > 99.9 && same.psnr > 90.0, "{same:?}");
        let mut noisy = clean.clone();
        noisy.data.iter_mut().enumerate().for_each(|(i, sample)| *sample ^= (i * 7 % 5) as u8 * 4);
        let worse = score(&clean, &noisy).unwrap();
        assert!(worse.ssimulacra2 < 90.0 && worse.psnr < 40.0, "{worse:?}");
    }

    #[test]
    fn another_size_is_an_error() {
        let picture = |width| Picture::from_fn(width, 8, |_, _| [0; 3]);
        assert!(score(&picture(9), &picture(8)).is_err());
    }
}
