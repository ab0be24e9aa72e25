//! Calls of the script that drives sharp, other than the timed ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::picture::Picture;
use crate::side::succeed;

/// The script's text; it is written beside the installed package, where node looks for it.
const SCRIPT: &str = include_str!("yardstick.mjs");

/// An installed sharp.
pub(crate) struct Sharp {
    script: PathBuf,
    scratch: PathBuf,
}

/// What a file is, by its header.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) file: PathBuf,
    pub(crate) format: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) alpha: bool,
}

impl Sharp {
    /// `folder` holds sharp in `node_modules`; `scratch` takes files that are of no use afterwards.
    pub(crate) fn new(folder: &Path, scratch: &Path) -> Result<Self, String> {
        let script = folder.join("yardstick.mjs");
        std::fs::write(&script, SCRIPT)
            .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
        Ok(Self { script, scratch: scratch.to_path_buf() })
    }

    /// A call of the script; the caller adds its arguments.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(&self.script).arg(name);
        command
    }

    /// The versions of sharp and of libvips.
    pub(crate) fn versions(&self) -> Result<Value, String> {
        ask(&mut self.command("version"))
    }

    /// What these files are; those that are no pictures are left out.
    pub(crate) fn describe(&self, files: &[PathBuf]) -> Result<Vec<Described>, String> {
        let answer = ask(self.command("describe").args(files))?;
        let side = |value: &Value| value.as_u64().unwrap_or_default() as usize;
        let one = |value: &Value| Described {
            file: value["file"].as_str().unwrap_or_default().into(),
            format: value["format"].as_str().unwrap_or_default().to_owned(),
            width: side(&value["width"]),
            height: side(&value["height"]),
            alpha: value["alpha"].as_bool().unwrap_or_default(),
        };
        Ok(answer.as_array().into_iter().flatten().map(one).collect())
    }

    /// A file's samples in sRGB, upright.
    pub(crate) fn decode(&self, file: &Path) -> Result<Picture, String> {
        let raw = self.scratch.join("decoded.raw");
        let shape = ask(self.command("decode").args([file, raw.as_path()]))?;
        let side = |name: &str| {
            shape[name].as_u64().map(|n| n as usize).ok_or_else(|| format!("sharp told no {name}"))
        };
        let picture = Picture {
            width: side("width")?,
            height: side("height")?,
            channels: side("channels")?,
            data: std::fs::read(&raw).map_err(|error| format!("cannot read {}: {error}", raw.display()))?,
        };
        let samples = picture.width * picture.height * picture.channels;
        if samples != picture.data.len() {
            return Err(format!("sharp gave another number of samples for {}", file.display()));
        }
        Ok(picture)
    }

    /// Writes a picture as `out`.
    pub(crate) fn encode(
        &self,
        picture: &Picture,
        format: &str,
        options: &Value,
        out: &Path,
    ) -> Result<(), String> {
        let raw = self.scratch.join("made.raw");
        std::fs::write(&raw, &picture.data)
            .map_err(|error| format!("cannot write {}: {error}", raw.display()))?;
        let shape = json!({"width": picture.width, "height": picture.height, "channels": picture.channels});
        let mut command = self.command("encode");
        command.arg(&raw).args([shape.to_string(), format.to_owned(), options.to_string()]).arg(out);
        succeed(&mut command, "sharp").map(|_| ())
    }
}

/// Runs a call that answers in JSON.
fn ask(command: &mut Command) -> Result<Value, String> {
    let output = succeed(command, "sharp")?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("sharp's answer is not JSON: {error}"))
}
