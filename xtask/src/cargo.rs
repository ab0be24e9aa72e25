//! Calling cargo: where the workspace is, its metadata, and the executables it builds.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::failure::Failure;

/// The workspace's root folder. Cargo says at run time where this package is, so a moved checkout works too.
pub(crate) fn root() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}

/// A call of the cargo that runs this program, from the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    // What cargo told this program of itself. Some build scripts look at it, and all that hangs on them would be built anew
    // whenever somebody who called cargo by hand calls it from here.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| OWN.iter().any(|own| name.starts_with(own))) {
            command.env_remove(name);
        }
    }
    command
}

/// How the variables begin in which cargo tells a program of itself.
const OWN: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Runs `command` with its output visible; `what` names it in the failure.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| cannot_start(what, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::failed(format!("{what} failed ({status}); see above")))
    }
}

/// Runs `command` and returns what it wrote to standard output; standard error stays visible.
pub(crate) fn output(command: &mut Command, what: &str) -> Result<Vec<u8>, Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(what, &error))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Failure::failed(format!("{what} failed ({}); see above", output.status)))
    }
}

/// The failure of a program that did not even start.
pub(crate) fn cannot_start(what: &str, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot start {what}: {error}"))
}

/// What `cargo metadata` says about the workspace with all features on.
pub(crate) fn metadata() -> Result<Value, Failure> {
    let mut command = cargo(&["metadata", "--format-version", "1", "--all-features"]);
    let bytes = output(&mut command, "cargo metadata")?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::failed(format!("cargo metadata wrote something that is not JSON: {error}")))
}

/// The folder that builds go to.
pub(crate) fn target_folder() -> Result<PathBuf, Failure> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str();
    folder.map(PathBuf::from).ok_or_else(|| Failure::failed("cargo metadata names no target folder"))
}

/// Something cargo built and that can be executed.
pub(crate) struct Executable {
    /// The file itself, wherever the target folder is.
    pub(crate) path: PathBuf,
    /// The target's main source file.
    pub(crate) source: PathBuf,
}

/// Runs a cargo command that builds, with its progress visible, and returns the executables it made or found
/// fresh. `what` names the build in the failure.
pub(crate) fn build(arguments: &[&str], what: &str) -> Result<Vec<Executable>, Failure> {
    let mut child = cargo(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(what, &error))?;
    let stdout = child.stdout.take().expect("standard output was asked to be piped");
    let mut executables = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|error| Failure::failed(format!("cannot read cargo's messages: {error}")))?;
        executables.extend(executable(&line));
    }
    let status = child.wait().map_err(|error| Failure::failed(format!("cannot wait for cargo: {error}")))?;
    if status.success() {
        Ok(executables)
    } else {
        Err(Failure::failed(format!("{what} failed; see cargo's errors above")))
    }
}

/// Builds the server for use, and returns where it is. Adapters of other systems are built only if they are asked for:
/// the first build on a machine is the one that somebody waits for.
pub(crate) fn build_server(other_systems: bool) -> Result<PathBuf, Failure> {
    let mut arguments = vec!["build", "--release", "-p", "pixmill-server", "--bin", "pixmill-server"];
    if !other_systems {
        arguments.push("--no-default-features");
    }
    server_of(&arguments)
}

/// Builds the server and the worker for use with other systems, into one folder, and returns where the server is.
pub(crate) fn build_server_and_worker() -> Result<PathBuf, Failure> {
    server_of(&["build", "--release", "-p", "pixmill-server", "-p", "pixmill-worker", "--bins"])
}

/// The features by which programs know faults on order: for tests, and never for what is released.
pub(crate) const FAULTS: &str = "pixmill-server/faults,pixmill-worker/faults";

/// Builds the server for tests, and returns where it is. The tests are built along with it: cargo chooses the
/// features of dependencies by what is built together, and would build most of them once more for the server alone.
pub(crate) fn build_server_and_tests() -> Result<PathBuf, Failure> {
    server_among(&build_programs_and_tests()?)
}

/// Builds all programs for tests, and the tests and examples with them.
pub(crate) fn build_programs_and_tests() -> Result<Vec<Executable>, Failure> {
    let arguments = ["build", "--workspace", "--bins", "--tests", "--examples", "--features", FAULTS];
    build(&arguments, "the build of the programs and the tests")
}

fn server_of(arguments: &[&str]) -> Result<PathBuf, Failure> {
    server_among(&build(arguments, "the build of pixmill-server")?)
}

/// Where the server is, among what was built.
pub(crate) fn server_among(built: &[Executable]) -> Result<PathBuf, Failure> {
    // The server's own unit tests are an executable of the same name in another folder.
    let named =
        |executable: &&Executable| executable.path.file_name().is_some_and(|name| name == "pixmill-server");
    built
        .iter()
        .find(named)
        .map(|executable| executable.path.clone())
        .ok_or_else(|| Failure::failed("cargo built pixmill-server but named no executable"))
}

/// The executable that one of cargo's JSON messages reports, if it reports one.
fn executable(message: &str) -> Option<Executable> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    Some(Executable {
        path: message["executable"].as_str()?.into(),
        source: message["target"]["src_path"].as_str()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_with_an_executable_count() {
        let built = r#"{"reason":"compiler-artifact","target":{"name":"a","src_path":"/w/a.rs"},"executable":"/t/a-1"}"#;
        let found = executable(built).expect("an executable is named");
        assert_eq!((found.path, found.source), (PathBuf::from("/t/a-1"), PathBuf::from("/w/a.rs")));
        for message in [
            r#"{"reason":"compiler-artifact","target":{"name":"a","src_path":"/w/a.rs"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not JSON at all",
        ] {
            assert!(executable(message).is_none(), "{message}");
        }
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("xtask/Cargo.toml").is_file());
    }
}
