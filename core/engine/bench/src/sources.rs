//! The pictures that the tasks read: found in a folder of the user's, made from what is found there, or made from
//! nothing. What is made is kept for the next run.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::picture::Picture;
use crate::sharp::{Described, Sharp};
use crate::synthetic;
use crate::task::Source;

/// Changes when other pictures are made.
const EDITION: u32 = 1;

/// Bytes that the dense JPEG should come to.
const DENSE: u64 = 3_500_000;

/// Writes a picture to a file.
type Make<S> = fn(&mut S, &Path) -> Result<(), String>;

/// Where pictures come from.
pub(crate) struct Sources<'a> {
    sharp: &'a Sharp,
    /// What the user's folder holds.
    given: Vec<Described>,
    /// Where made pictures are kept.
    made: PathBuf,
    /// The photo that others are made from, once it was needed.
    photo: Option<Picture>,
}

impl<'a> Sources<'a> {
    /// `images` is the user's folder, if there is one.
    pub(crate) fn new(sharp: &'a Sharp, images: Option<&Path>, cache: &Path) -> Result<Self, String> {
        let given = match images {
            None => Vec::new(),
            Some(folder) => {
                let found = sharp.describe(&files(folder)?)?;
                if found.is_empty() {
                    return Err(format!("{} holds no picture that sharp can read", folder.display()));
                }
                found
            }
        };
        let mut hasher = DefaultHasher::new();
        EDITION.hash(&mut hasher);
        for picture in &given {
            (&picture.file, fs::metadata(&picture.file).map_or(0, |data| data.len())).hash(&mut hasher);
        }
        let made = cache.join(format!("pictures-{:016x}", hasher.finish()));
        fs::create_dir_all(&made).map_err(|error| format!("cannot make {}: {error}", made.display()))?;
        Ok(Self { sharp, given, made, photo: None })
    }

    /// The file for a task.
    pub(crate) fn get(&mut self, source: Source) -> Result<PathBuf, String> {
        if let Some(file) = self.find(source) {
            return Ok(file);
        }
        let (name, make): (_, Make<Self>) = match source {
            Source::Jpeg6 => ("6mp.jpg", |s, out| s.jpeg((3000, 2000), out)),
            Source::Jpeg6Dense => ("6mp-dense.jpg", Self::dense),
            Source::Jpeg24 => ("24mp.jpg", |s, out| s.jpeg((6000, 4000), out)),
            Source::Jpeg100 => ("100mp.jpg", |s, out| s.jpeg((12_000, 8333), out)),
            Source::Png3 => ("3mp.png", |s, out| {
                let picture = s.photo()?.tiled(2048, 1536);
                s.sharp.encode(&picture, "png", &json!({}), out)
            }),
            Source::PngAlpha => {
                ("alpha.png", |s, out| s.sharp.encode(&synthetic::graphic(), "png", &json!({}), out))
            }
        };
        let file = self.made.join(name);
        if !file.is_file() {
            // A run that is stopped must not leave half a picture behind.
            let part = self.made.join(format!("part-{name}"));
            make(self, &part)?;
            fs::rename(&part, &file).map_err(|error| format!("cannot rename {}: {error}", part.display()))?;
        }
        Ok(file)
    }

    /// The user's picture of the right kind that is nearest to the size in question, if one is near.
    fn find(&self, source: Source) -> Option<PathBuf> {
        let (format, alpha, megapixels) = match source {
            Source::Jpeg6 => ("jpeg", false, 6.0),
            Source::Jpeg6Dense => return None,
            Source::Jpeg24 => ("jpeg", false, 24.0),
            Source::Jpeg100 => ("jpeg", false, 100.0),
            Source::Png3 => ("png", false, 3.0),
            Source::PngAlpha => return self.given.iter().find(|p| p.format == "png" && p.alpha).map(file),
        };
        let kind = |picture: &&Described| picture.format == format && picture.alpha == alpha;
        let ratio = |picture: &Described| {
            let area = (picture.width * picture.height) as f64 / 1e6;
            (area / megapixels).max(megapixels / area)
        };
        let near = self.given.iter().filter(kind).min_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
        (ratio(near) < 1.3).then(|| file(near))
    }

    /// The largest JPEG of the user, or one made from nothing.
    fn photo(&mut self) -> Result<&Picture, String> {
        if self.photo.is_none() {
            let jpegs = self.given.iter().filter(|picture| picture.format == "jpeg");
            let largest = jpegs.max_by_key(|picture| picture.width * picture.height);
            let photo = match largest {
                Some(picture) => self.sharp.decode(&picture.file)?.on(255),
                None => synthetic::photo(),
            };
            self.photo = Some(photo);
        }
        self.photo.as_ref().ok_or_else(|| "there is no photo".to_owned())
    }

    fn jpeg(&mut self, (width, height): (usize, usize), out: &Path) -> Result<(), String> {
        let picture = self.photo()?.tiled(width, height);
        self.sharp.encode(&picture, "jpeg", &json!({"quality": 85}), out)
    }

    /// At the quality that comes nearest to the size in question.
    fn dense(&mut self, out: &Path) -> Result<(), String> {
        let picture = self.photo()?.tiled(3000, 2000);
        let encode = |quality: u8| {
            self.sharp.encode(&picture, "jpeg", &json!({"quality": quality}), out)?;
            fs::metadata(out).map(|data| data.len()).map_err(|error| error.to_string())
        };
        let mut best = (u64::MAX, 0);
        for quality in [75, 80, 85, 88, 91, 93, 95, 97, 99] {
            best = best.min((encode(quality)?.abs_diff(DENSE), quality));
        }
        encode(best.1).map(|_| ())
    }
}

fn file(picture: &Described) -> PathBuf {
    picture.file.clone()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("cannot read the folder {}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}
