//! Images as clients see them.

use pixmill::{Description, Format, Image, Version};
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

/// What an image shows, and what the camera noted. Where it was taken is never read.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    /// How the stored rows must be turned to stand upright, as EXIF numbers it; 1 is upright.
    #[oai(validator(minimum(value = "1"), maximum(value = "8")))]
    orientation: u8,
    /// The name of the colours, such as `Display P3`, from the embedded ICC profile or an AVIF's numbers; absent without either.
    #[serde(skip_serializing_if = "Option::is_none")]
    colour_profile: Option<String>,
    /// When the picture was taken by the camera's clock, such as `2026-05-01T12:30:00+02:00`; without an offset
    /// where the camera noted none.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_at: Option<String>,
    /// A [ThumbHash](https://evanw.github.io/thumbhash/) of the upright picture in Base64: a placeholder to show
    /// until the picture is there.
    thumb_hash: String,
    /// The colour that most of the picture has, as `#rrggbb`; absent if all of it is transparent.
    #[serde(skip_serializing_if = "Option::is_none")]
    dominant_colour: Option<String>,
}

impl From<&Description> for Metadata {
    fn from(description: &Description) -> Self {
        let Description { orientation, colour_profile, captured_at, thumb_hash, dominant_colour } =
            description.clone();
        Self { orientation: orientation.exif(), colour_profile, captured_at, thumb_hash, dominant_colour }
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
#[oai(rename = "Image", rename_all = "camelCase", skip_serializing_if_is_none)]
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
    /// What the current version shows; absent if its pixels can't be read, or took too long to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    /// When the image was uploaded.
    pub(crate) created_at: DateTime,
}

impl ImageView {
    /// An image with a link to its current version.
    pub(crate) fn new(image: &Image, url: String) -> Self {
        let Image { id, owner: _, created_at, current, redo: _ } = image;
        Self {
            id: id.to_string(),
            url,
            format: current.content.format.into(),
            width: current.content.width,
            height: current.content.height,
            bytes: current.content.bytes,
            version: current.number,
            metadata: current.description.as_ref().map(Into::into),
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

/// One state of an image.
#[derive(Object, Serialize)]
#[oai(rename = "Version", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionView {
    /// 1 is the upload; numbers grow and are never used again.
    #[oai(validator(minimum(value = "1")))]
    number: u32,
    /// The version it was made from; absent for the upload.
    #[oai(validator(minimum(value = "1")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<u32>,
    /// The job that made it; absent for the upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    /// A signed link at which anybody can read the version until it expires.
    url: String,
    /// The format.
    format: ImageFormat,
    /// Width in pixels, upright.
    #[oai(validator(minimum(value = "1")))]
    width: u32,
    /// Height in pixels, upright.
    #[oai(validator(minimum(value = "1")))]
    height: u32,
    /// Size of the file in bytes.
    #[oai(validator(minimum(value = "0")))]
    bytes: u64,
    /// What it shows; absent if its pixels can't be read, or took too long to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    /// When it was made.
    created_at: DateTime,
}

impl VersionView {
    /// A version with a link to it.
    pub(crate) fn new(version: Version, url: String) -> Self {
        let Version { number, parent, job, content, description, created_at } = version;
        Self {
            number,
            parent,
            job_id: job.map(|job| job.to_string()),
            url,
            format: content.format.into(),
            width: content.width,
            height: content.height,
            bytes: content.bytes,
            metadata: description.as_ref().map(Into::into),
            created_at: DateTime(created_at),
        }
    }
}

/// All versions of an image.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionList {
    /// The versions, by number.
    pub(crate) items: Vec<VersionView>,
    /// The number of the current version.
    #[oai(validator(minimum(value = "1")))]
    pub(crate) current: u32,
    /// Whether the current version was made from another.
    pub(crate) can_undo: bool,
    /// Whether an undo can be taken back.
    pub(crate) can_redo: bool,
}
