//! Runs cargo-deny over `deny.toml`: licences, banned crates and sources always, known vulnerabilities when the
//! database of advisories can be reached. Installs the version it needs into the target folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{cargo, failure::Failure, progress::note};

/// The version whose configuration format and verdicts we rely on.
const VERSION: &str = "0.20.2";

/// Packages that are workspaces of their own, so that the workspace does not pay for what they need.
const APART: &[&str] = &["core/engine/bench/Cargo.toml", "core/engine/fuzz/Cargo.toml"];

/// Checks the dependencies. A good outcome carries a remark if something had to be left out.
pub(crate) fn check() -> Result<&'static str, Failure> {
    let program = installed()?;
    cargo::run(
        deny(&program).args(["check", "bans", "licenses", "sources"]),
        "cargo deny check bans licenses sources",
    )?;
    for manifest in APART {
        let mut command = deny(&program);
        command.args(["--manifest-path", manifest, "--config", "deny.toml"]);
        let what = format!("cargo deny --manifest-path {manifest} check bans licenses sources");
        cargo::run(command.args(["check", "bans", "licenses", "sources"]), &what)?;
    }
    if cargo::run(deny(&program).args(["fetch", "db"]), "cargo deny fetch db").is_err() {
        note("the database of advisories can't be reached: the check for known vulnerabilities is skipped");
        return Ok("advisories skipped: database out of reach");
    }
    let arguments = ["check", "--disable-fetch", "advisories"];
    cargo::run(deny(&program).args(arguments), "cargo deny check advisories")?;
    Ok("")
}

fn deny(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cargo::root()).args(["--all-features", "--color", "never"]);
    command
}

/// Where cargo-deny is, once it is there in the right version.
fn installed() -> Result<PathBuf, Failure> {
    let root = cargo::target_folder()?.join("tools");
    let program = root.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    let version = Command::new(&program).arg("--version").output();
    if version.is_ok_and(|output| output.stdout.trim_ascii().ends_with(VERSION.as_bytes())) {
        return Ok(program);
    }
    note(&format!(
        "installing cargo-deny {VERSION} into {}; this takes a minute or two, once",
        root.display()
    ));
    // Unoptimised, it builds several times faster and still checks in a second.
    let mut install =
        cargo::cargo(&["install", "cargo-deny", "--locked", "--version", VERSION, "--debug", "--force"]);
    cargo::run(install.arg("--root").arg(&root), "the installation of cargo-deny")?;
    Ok(program)
}
