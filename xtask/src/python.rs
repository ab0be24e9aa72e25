//! Programs that come as packages for Python, in an environment of their own below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cargo, progress::note, tools};

/// Installs a package of exactly this version into the environment at `home`, unless it is there, and returns the folder
/// of the environment's programs.
///
/// # Errors
/// What to type.
pub(crate) fn ensure(home: &Path, package: &str) -> Result<PathBuf, String> {
    let programs = home.join("bin");
    let marker = home.join(format!("{package}.installed"));
    if marker.is_file() {
        return Ok(programs);
    }
    if !tools::is_there("python3") {
        return Err(format!(
            "{package} is a package for Python, and there is no python3; install it (Debian: apt-get install python3-venv) and start again"
        ));
    }
    note(&format!("installing {package}"));
    if !programs.join("python").is_file() {
        let mut venv = Command::new("python3");
        run(venv.args(["-m", "venv"]).arg(home), "python3 -m venv")?;
    }
    let mut pip = Command::new(programs.join("python"));
    run(
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]),
        &format!("pip install {package}"),
    )?;
    fs::write(&marker, "").map_err(|error| format!("can't write {}: {error}", marker.display()))?;
    Ok(programs)
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let ran = cargo::run(command.stdout(std::io::stderr()), what);
    ran.map_err(|failure| failure.message().unwrap_or(what).to_owned())
}
