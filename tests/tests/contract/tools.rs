//! Installs what the trials need, once, into a folder that they share.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Stop, run};

/// Packages from `PyPI`: the tools, and what the generated client imports.
const PYTHON: &[&str] =
    &["openapi-generator-cli==7.26.0", "schemathesis==4.32.5", "pydantic==2.14.3", "python-dateutil==4.0.0"];
/// Packages from the npm registry.
const NODE: &[&str] = &["typescript@5.9.3", "@types/node@20.19.43", "playwright-core@1.64.1"];

/// Where the tools are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract")
}

/// The document of the API.
pub(crate) fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/pixmill.json")
}

/// The folder with the Python interpreter and the tools beside it.
pub(crate) fn python() -> Result<PathBuf, Stop> {
    need("python3", "Python 3.10 or newer with its venv module (Debian: apt-get install python3-venv)")?;
    let home = folder().join("python");
    let programs = home.join("bin");
    install(&home, PYTHON, || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        let mut pip = Command::new(programs.join("python"));
        run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PYTHON))
    })?;
    Ok(programs)
}

/// Generates a client into a fresh folder.
pub(crate) fn generate(generator: &str, properties: &str, into: &Path) -> Result<(), Stop> {
    let mut command = generator_command()?;
    if into.exists() {
        fs::remove_dir_all(into)
            .map_err(|error| Stop::Failed(format!("can't clear {}: {error}", into.display())))?;
    }
    command.arg("generate").args(["-g", generator, "--additional-properties", properties]);
    run(command.arg("-i").arg(document()).arg("-o").arg(into)).map(drop)
}

/// openapi-generator, ready for its arguments.
pub(crate) fn generator_command() -> Result<Command, Stop> {
    need("java", "Java 11 or newer (Debian: apt-get install default-jre-headless)")?;
    Ok(Command::new(python()?.join("openapi-generator-cli")))
}

/// The folder with `node_modules`.
pub(crate) fn node() -> Result<PathBuf, Stop> {
    need("npm", "Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)")?;
    let home = folder().join("node");
    install(&home, NODE, || {
        fs::create_dir_all(&home)
            .map_err(|error| Stop::Failed(format!("can't make {}: {error}", home.display())))?;
        fs::write(home.join("package.json"), r#"{"private":true,"type":"module"}"#)
            .map_err(|error| Stop::Failed(format!("can't write to {}: {error}", home.display())))?;
        run(Command::new("npm").current_dir(&home).args(["install", "--no-audit", "--no-fund"]).args(NODE))
    })?;
    Ok(home)
}

/// The browser's program. On CI it is installed if it is missing and that is possible.
pub(crate) fn chromium() -> Result<PathBuf, Stop> {
    if on_path("chromium").is_none() && std::env::var_os("CI").is_some() {
        progress("chromium");
        // Whether it worked is seen below.
        for arguments in [&["update", "-qq"][..], &["install", "-y", "-qq", "chromium"]] {
            drop(run(Command::new("apt-get").args(arguments)));
        }
    }
    let missing = "there is no chromium on the PATH: install Chromium (Debian: apt-get install chromium)";
    on_path("chromium").ok_or_else(|| Stop::Missing(missing.to_owned()))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Installs what is not there yet in these versions. Trials that come at the same time wait for each other.
fn install<T>(home: &Path, packages: &[&str], install: impl FnOnce() -> Result<T, Stop>) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(format!("can't write to {}: {error}", folder().display()));
    fs::create_dir_all(folder()).map_err(failed)?;
    let lock = File::create(folder().join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let marker = home.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // The file is there once all is.
    drop(fs::remove_file(&marker));
    progress(&packages.join(", "));
    install()?;
    fs::write(marker, wanted).map_err(failed)
}

#[expect(clippy::print_stderr, reason = "whoever waits wants to know what for")]
fn progress(what: &str) {
    eprintln!("installing {what}");
}

/// Makes sure that a program is there.
fn need(program: &str, what: &str) -> Result<(), Stop> {
    let missing = || Stop::Missing(format!("there is no {program} on the PATH: install {what}"));
    on_path(program).map(drop).ok_or_else(missing)
}
