//! `arm`: builds the engine for 64-bit ARM Linux on a machine of another kind, and runs the tests of what it has for NEON
//! through QEMU, where each form is compared with the plain one.

use std::{
    env,
    ffi::OsString,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    cargo,
    failure::Failure,
    no_arguments,
    progress::{Steps, note},
    tools,
};

const TRIPLE: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";

/// What is called, and the package of Debian and Ubuntu that has it.
const PROGRAMS: [[&str; 2]; 3] = [
    [LINKER, "gcc-aarch64-linux-gnu"],
    ["aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu"],
    ["qemu-aarch64", "qemu-user"],
];

/// Where the libraries of such a machine are, in those packages.
const SYSTEM: &str = "/usr/aarch64-linux-gnu";

/// The tests that compare, by the beginnings of their names.
const TESTS: [&str; 4] = [
    "ops::planes::",
    "decode::baseline::",
    "encode::baseline::",
    "planar::tests::vectors_make_no_difference",
];

/// Builds the tests and runs them.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("arm", arguments)?;
    let mut steps = Steps::new(3);
    steps.next("checking build tools");
    tools::ensure()?;
    ensure_programs()?;
    steps.next(&format!("checking the standard library for {TRIPLE}"));
    ensure_library()?;
    steps.next("building and running the engine's tests (the first time takes minutes)");
    let mut command = cargo::cargo(&["test", "-p", "pixmill-engine", "--lib", "--target", TRIPLE, "--"]);
    command
        .args(TESTS)
        .env("CMAKE_TOOLCHAIN_FILE", cargo::root().join(".cargo/arm.cmake"))
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", format!("qemu-aarch64 -L {SYSTEM}"));
    cargo::run(&mut command, "the engine's tests for ARM")
}

fn ensure_programs() -> Result<(), Failure> {
    let packages = || -> Vec<_> {
        let missing = PROGRAMS.iter().filter(|[program, _]| !tools::is_there(program));
        missing.map(|[_, package]| *package).collect()
    };
    let names = packages().join(" ");
    if names.is_empty() || (tools::may_use_apt(&names) && tools::apt_install(&packages())) {
        return Ok(());
    }
    Err(Failure::failed(format!("to build and run programs for ARM, install {names} (so Debian names them)")))
}

/// The compiler may be another than rustup's: `RUSTC` names it, as for cargo.
fn ensure_library() -> Result<(), Failure> {
    if has_library() {
        return Ok(());
    }
    note("rustup is asked for it");
    let mut rustup = Command::new("rustup");
    let added = rustup.args(["target", "add", TRIPLE]).stdin(Stdio::null()).status();
    if added.is_ok_and(|status| status.success()) && has_library() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the standard library for {TRIPLE} is missing: run `rustup target add {TRIPLE}`, or name in RUSTC a compiler that has it"
    )))
}

fn has_library() -> bool {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let folder = Command::new(compiler).args(["--print", "target-libdir", "--target", TRIPLE]).output();
    folder.is_ok_and(|folder| {
        folder.status.success() && Path::new(String::from_utf8_lossy(&folder.stdout).trim()).is_dir()
    })
}
