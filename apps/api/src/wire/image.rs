//! Images as clients see them.

use pixmill::{Format, Image};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use crate::wire::time::DateTime;

/// The format of a stored image.
#[derive(Enum, Serialize, Clone, Copy)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum ImageFormat {
    Jpeg,
    Png,
    Webp,
    Avif,
    Gif,
}

impl From<Format> for ImageFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jpeg => Self::Jpeg,
            Format::Png => Self::Png,
            Format::Webp => Self::Webp,
            Format::Avif => Self::Avif,
            Format::Gif => Self::Gif,
        }
    }
}

/// The file is stored.
#[derive(Object, Serialize)]
pub(crate) struct Uploaded {
    /// `Image uploaded and saved`.
    pub(crate) message: String,
    /// The id of the new image: 24 hexadecimal characters.
    pub(crate) id: String,
    /// A signed link at which anybody can read the image until it expires.
    pub(crate) url: String,
}

/// An image, seen through its current version.
#[derive(Object, Serialize)]
#[oai(rename = "Image", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageView {
    /// The id: 24 hexadecimal characters, the same for all versions.
    pub(crate) id: String,
    /// A signed link at which anybody can read the current version until it expires.
    pub(crate) url: String,
    /// The format.
    pub(crate) format: ImageFormat,
    /// Width in pixels, upright.
    #[oai(validator(minimum(value = "1")))]
    pub(crate) width: u32,
    /// Height in pixels, upright.
    #[oai(validator(minimum(value = "1")))]
    pub(crate) height: u32,
    /// Size of the file in bytes.
    #[oai(validator(minimum(value = "0")))]
    pub(crate) bytes: u64,
    /// The number of the current version; 1 is the upload.
    #[oai(validator(minimum(value = "1")))]
    pub(crate) version: u32,
    /// When the image was uploaded.
    pub(crate) created_at: DateTime,
}

impl ImageView {
    /// An image with a link to its current version.
    pub(crate) fn new(image: &Image, url: String) -> Self {
        let Image { id, owner: _, created_at, current } = image;
        Self {
            id: id.to_string(),
            url,
            format: current.content.format.into(),
            width: current.content.width,
            height: current.content.height,
            bytes: current.content.bytes,
            version: current.number,
            created_at: DateTime(*created_at),
        }
    }
}

/// Part of the list of images, newest first.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ImageList {
    /// The images.
    pub(crate) items: Vec<ImageView>,
    /// If there are more: what to pass as `after` to get them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
