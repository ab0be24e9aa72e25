//! The clients that openapi-generator makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pixmill_testkit::fixtures::png;

use crate::{Stop, run, server, tools};

/// The document has neither errors nor warnings.
pub(crate) fn validate() -> Result<(), Stop> {
    let output = run(tools::generator_command()?.args(["validate", "-i"]).arg(tools::document()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("No validation issues detected") { Ok(()) } else { Err(Stop::Failed(text)) }
}

pub(crate) fn python() -> Result<(), Stop> {
    let client = tools::folder().join("python-client");
    tools::generate("python", "packageName=pixmill_client", &client)?;
    let mut walk = Command::new(tools::python()?.join("python"));
    finish(walk.env("PYTHONPATH", client).arg(here("walk.py")))
}

pub(crate) fn typescript() -> Result<(), Stop> {
    let home = tools::node()?;
    tools::generate("typescript-fetch", "importFileExtension=.js", &home.join("client"))?;
    fs::copy(here("walk.ts"), home.join("walk.ts"))
        .map_err(|error| Stop::Failed(format!("can't copy walk.ts: {error}")))?;
    let mut compiler = Command::new(home.join("node_modules/.bin/tsc"));
    compiler.args([
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--moduleResolution",
        "nodenext",
    ]);
    run(compiler.args(["--outDir", "out", "walk.ts"]).current_dir(&home))?;
    finish(Command::new("node").arg(home.join("out/walk.js")))
}

/// The client for Rust is not run, but it compiles.
pub(crate) fn rust() -> Result<(), Stop> {
    let client = tools::folder().join("rust-client");
    tools::generate("rust", "packageName=pixmill-client,library=reqwest", &client)?;
    // It lies inside another workspace, and is none of its members.
    let manifest = client.join("Cargo.toml");
    let alone = fs::read_to_string(&manifest).and_then(|text| fs::write(&manifest, text + "\n[workspace]\n"));
    alone.map_err(|error| Stop::Failed(format!("can't write to {}: {error}", manifest.display())))?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["check", "--quiet", "--no-default-features"]).current_dir(client);
    run(cargo.env("CARGO_TARGET_DIR", tools::folder().join("rust-target"))).map(drop)
}

/// Runs a walk against a server of its own.
fn finish(walk: &mut Command) -> Result<(), Stop> {
    let (server, _runtime) = server();
    let picture = server.home().path().join("picture.png");
    fs::write(&picture, png(40, 30))
        .map_err(|error| Stop::Failed(format!("can't write the picture: {error}")))?;
    let output = run(walk.arg(server.address()).arg(picture))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.trim() == "the walk is finished" { Ok(()) } else { Err(Stop::Failed(text)) }
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(name)
}
