//! The tasks: what the engine is asked, what sharp is asked, and the figures to reach.
//!
//! Both sides run at their own defaults but for the quality of JPEG, which is 80 on both; text is laid over a
//! picture in the way that each side offers.

use serde_json::{Value, json};

/// Which picture a task reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A JPEG of 6 megapixels.
    Jpeg6,
    /// A JPEG of 6 megapixels in about 3.5 MB.
    Jpeg6Dense,
    /// A JPEG of 24 megapixels.
    Jpeg24,
    /// A JPEG of 100 megapixels.
    Jpeg100,
    /// A PNG photo of 3 megapixels.
    Png3,
    /// A PNG graphic with alpha.
    PngAlpha,
}

/// What the picture should have become, for scoring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    /// All of it, resampled to the size of the result.
    Resized,
    /// Resampled to cover the result, with the middle kept.
    Covered,
    /// Turned clockwise by a quarter.
    Turned,
    /// The same with text across its middle, which each side draws in its own way: what is above it is compared.
    Marked,
}

/// One line of the benchmark.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) source: Source,
    pub(crate) expected: Expected,
    /// CPU time of sharp divided by the engine's that is to be reached.
    pub(crate) times_less: f64,
    /// Bytes of the result against sharp's: at most this.
    pub(crate) bytes: f64,
    ours: fn() -> Value,
    sharp: fn() -> Value,
}

impl Task {
    /// The transformation, or a list of them, as JSON.
    pub(crate) fn ours(&self) -> String {
        (self.ours)().to_string()
    }

    /// The list of sharp's pipelines as JSON.
    pub(crate) fn sharp(&self) -> String {
        (self.sharp)().to_string()
    }
}

const WIDTHS: [u32; 10] = [1600, 1200, 1024, 800, 640, 480, 320, 240, 160, 96];

/// Encoders may differ by this much and still count as equal.
const SAME_BYTES: f64 = 1.02;

fn ours_jpeg(width: u32) -> Value {
    json!({"width": width, "format": "jpeg", "quality": 80})
}

fn sharp_jpeg(width: u32) -> Value {
    json!([["resize", width], ["jpeg", {"quality": 80}]])
}

const WATERMARK: &str = "<svg width=\"1600\" height=\"300\"><text x=\"50%\" y=\"60%\" text-anchor=\"middle\" \
    font-family=\"sans-serif\" font-size=\"180\" fill=\"#fff\" stroke=\"#000\" stroke-width=\"4\" \
    opacity=\"0.5\">pixmill sample</text></svg>";

/// All tasks, in the order in which they run.
pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "T1",
        about: "JPEG 6 MP to 800 wide, JPEG",
        source: Source::Jpeg6,
        expected: Expected::Resized,
        times_less: 2.0,
        bytes: SAME_BYTES,
        ours: || ours_jpeg(800),
        sharp: || json!([sharp_jpeg(800)]),
    },
    Task {
        name: "T1b",
        about: "dense JPEG 6 MP to 800 wide, JPEG",
        source: Source::Jpeg6Dense,
        expected: Expected::Resized,
        times_less: 1.7,
        bytes: SAME_BYTES,
        ours: || ours_jpeg(800),
        sharp: || json!([sharp_jpeg(800)]),
    },
    Task {
        name: "T2",
        about: "JPEG 24 MP to 300x200 cover, JPEG",
        source: Source::Jpeg24,
        expected: Expected::Covered,
        times_less: 2.3,
        bytes: SAME_BYTES,
        ours: || json!({"width": 300, "height": 200, "fit": "cover", "format": "jpeg", "quality": 80}),
        sharp: || json!([[["resize", 300, 200], ["jpeg", {"quality": 80}]]]),
    },
    Task {
        name: "T3",
        about: "JPEG 6 MP to 800 wide, WebP",
        source: Source::Jpeg6,
        expected: Expected::Resized,
        times_less: 2.4,
        bytes: SAME_BYTES,
        ours: || json!({"width": 800, "format": "webp"}),
        sharp: || json!([[["resize", 800], ["webp"]]]),
    },
    Task {
        name: "T4",
        about: "JPEG 6 MP to 800 wide, AVIF",
        source: Source::Jpeg6,
        expected: Expected::Resized,
        times_less: 10.0,
        bytes: SAME_BYTES,
        ours: || json!({"width": 800, "format": "avif"}),
        sharp: || json!([[["resize", 800], ["avif"]]]),
    },
    Task {
        name: "T5",
        about: "PNG 3 MP to 800 wide, PNG",
        source: Source::Png3,
        expected: Expected::Resized,
        times_less: 2.5,
        bytes: 1.0,
        ours: || json!({"width": 800, "format": "png"}),
        sharp: || json!([[["resize", 800], ["png"]]]),
    },
    Task {
        name: "T6",
        about: "PNG with alpha to 512 wide, WebP",
        source: Source::PngAlpha,
        expected: Expected::Resized,
        times_less: 1.8,
        bytes: SAME_BYTES,
        ours: || json!({"width": 512, "format": "webp"}),
        sharp: || json!([[["resize", 512], ["webp"]]]),
    },
    Task {
        name: "T7",
        about: "JPEG 6 MP turned by 90, JPEG",
        source: Source::Jpeg6,
        expected: Expected::Turned,
        times_less: 3.0,
        bytes: SAME_BYTES,
        ours: || json!({"rotation": 90, "format": "jpeg", "quality": 80}),
        sharp: || json!([[["rotate", 90], ["jpeg", {"quality": 80}]]]),
    },
    Task {
        name: "T8",
        about: "JPEG 6 MP with text over it, JPEG",
        source: Source::Jpeg6,
        expected: Expected::Marked,
        times_less: 3.0,
        bytes: SAME_BYTES,
        ours: || json!({"watermarkText": "pixmill sample", "format": "jpeg", "quality": 80}),
        sharp: || json!([[["composite", [{"input": WATERMARK}]], ["jpeg", {"quality": 80}]]]),
    },
    Task {
        name: "T9",
        about: "ten sizes from a JPEG of 6 MP",
        source: Source::Jpeg6,
        expected: Expected::Resized,
        times_less: 4.0,
        bytes: SAME_BYTES,
        ours: || WIDTHS.into_iter().map(ours_jpeg).collect(),
        sharp: || WIDTHS.into_iter().map(sharp_jpeg).collect(),
    },
    Task {
        name: "T10",
        about: "JPEG 100 MP to 800 wide, JPEG",
        source: Source::Jpeg100,
        expected: Expected::Resized,
        times_less: 2.0,
        bytes: SAME_BYTES,
        ours: || ours_jpeg(800),
        sharp: || json!([sharp_jpeg(800)]),
    },
];

/// Peak memory above idle against sharp's that is to be reached.
pub(crate) const MEMORY: f64 = 0.2;

/// A score may be below sharp's by this much SSIMULACRA2 and still count as equal.
pub(crate) const SAME_SCORE: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_get_as_many_pictures() {
        for task in TASKS {
            let ours = (task.ours)().as_array().map_or(1, Vec::len);
            let sharp = (task.sharp)().as_array().map_or(0, Vec::len);
            assert_eq!(ours, sharp, "{}", task.name);
        }
    }
}
