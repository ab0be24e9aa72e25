//! The words that a request for a transformation chooses from.

use pixmill::{Fit, Format, Position};
use poem_openapi::Enum;
use serde::Deserialize;

/// How a picture fills a box of another aspect ratio.
#[derive(Enum, Deserialize, Clone, Copy)]
#[oai(rename = "Fit", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum FitName {
    Cover,
    Contain,
    Fill,
    Inside,
    Outside,
}

/// Which part of the picture matters. `center` is another name for `centre`.
#[derive(Enum, Deserialize, Clone, Copy)]
#[oai(rename = "Position")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PositionName {
    #[oai(rename = "centre")]
    Centre,
    #[oai(rename = "center")]
    Center,
    #[oai(rename = "top")]
    Top,
    #[oai(rename = "right-top")]
    RightTop,
    #[oai(rename = "right")]
    Right,
    #[oai(rename = "right-bottom")]
    RightBottom,
    #[oai(rename = "bottom")]
    Bottom,
    #[oai(rename = "left-bottom")]
    LeftBottom,
    #[oai(rename = "left")]
    Left,
    #[oai(rename = "left-top")]
    LeftTop,
    #[oai(rename = "entropy")]
    Entropy,
    #[oai(rename = "attention")]
    Attention,
}

/// The format of a result.
#[derive(Enum, Deserialize, Clone, Copy)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputFormat {
    Jpeg,
    Jpg,
    Png,
    Webp,
    Avif,
    Gif,
}

impl From<FitName> for Fit {
    fn from(name: FitName) -> Self {
        match name {
            FitName::Cover => Self::Cover,
            FitName::Contain => Self::Contain,
            FitName::Fill => Self::Fill,
            FitName::Inside => Self::Inside,
            FitName::Outside => Self::Outside,
        }
    }
}

impl From<PositionName> for Position {
    fn from(name: PositionName) -> Self {
        match name {
            PositionName::Centre | PositionName::Center => Self::Centre,
            PositionName::Top => Self::Top,
            PositionName::RightTop => Self::RightTop,
            PositionName::Right => Self::Right,
            PositionName::RightBottom => Self::RightBottom,
            PositionName::Bottom => Self::Bottom,
            PositionName::LeftBottom => Self::LeftBottom,
            PositionName::Left => Self::Left,
            PositionName::LeftTop => Self::LeftTop,
            PositionName::Entropy => Self::Entropy,
            PositionName::Attention => Self::Attention,
        }
    }
}

impl From<OutputFormat> for Format {
    fn from(name: OutputFormat) -> Self {
        match name {
            OutputFormat::Jpeg | OutputFormat::Jpg => Self::Jpeg,
            OutputFormat::Png => Self::Png,
            OutputFormat::Webp => Self::Webp,
            OutputFormat::Avif => Self::Avif,
            OutputFormat::Gif => Self::Gif,
        }
    }
}
