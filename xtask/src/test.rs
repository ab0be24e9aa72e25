//! `test`: every test of the workspace, with a table at the end and a last line that a program can read.
//!
//! Which tests exist and what they need is theirs to say; this only builds, runs and counts.

mod stream;
mod tally;

use std::{collections::BTreeMap, path::Path};

use crate::{
    cargo::{self, Executable},
    failure::Failure,
    progress::{Steps, table, verdict},
    services, tools,
};

use tally::Tally;

/// Runs the tests. A failure to build counts as one failed test, so that the last line never looks green.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    match run(&Request::parse(arguments)) {
        Ok(tally) => report(&tally),
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("error: {message}");
            }
            println!("no test was run");
            println!("{}", verdict(0, 1, 0));
            Err(Failure::Reported)
        }
    }
}

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Request {
    /// Arguments of `cargo test` that say what to build.
    selection: Vec<String>,
    /// Arguments of the test binaries, behind `--`.
    harness: Vec<String>,
}

impl Request {
    fn parse(arguments: &[String]) -> Self {
        let mut request = Self::default();
        let mut parts = arguments.splitn(2, |argument| argument == "--");
        let mut full = false;
        for argument in parts.next().unwrap_or_default() {
            match argument.as_str() {
                "--full" => full = true,
                _ => request.selection.push(argument.clone()),
            }
        }
        if !request.selects_packages() {
            request.selection.insert(0, "--workspace".into());
        }
        if full {
            request.harness.push("--include-ignored".into());
        }
        request.harness.extend_from_slice(parts.next().unwrap_or_default());
        request
    }

    /// Whether some packages were named, rather than all meant.
    fn selects_packages(&self) -> bool {
        self.selection.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
    }

    /// The whole-system tests alone talk to a server process.
    fn needs_server(&self) -> bool {
        !self.selects_packages() || self.selection.iter().any(|argument| argument.contains("pixmill-e2e"))
    }

    /// The adapters of other systems' servers, and the whole-system tests, need those servers.
    fn needs_services(&self) -> bool {
        let adapter = |argument: &String| ADAPTERS.iter().any(|adapter| argument.contains(adapter));
        self.needs_server() || self.selection.iter().any(adapter)
    }
}

/// The packages whose tests talk to real servers.
const ADAPTERS: &[&str] = &["pixmill-mongodb", "pixmill-object-store", "pixmill-rabbitmq", "pixmill-redis"];

fn run(request: &Request) -> Result<Tally, Failure> {
    let count = 3 + usize::from(request.needs_server()) + usize::from(request.needs_services());
    let mut steps = Steps::new(count);
    steps.next("checking build tools");
    tools::ensure()?;
    let mut server = None;
    if request.needs_server() {
        steps.next("building pixmill-server, for the whole-system tests, and the tests");
        server = Some(cargo::build_server_and_tests()?);
    }
    let mut selection: Vec<&str> = request.selection.iter().map(String::as_str).collect();
    if !request.selects_packages() {
        // As the server was built, or half of the workspace would be built once more.
        selection.extend(["--features", cargo::FAULTS]);
    }

    steps.next("building what else the tests need");
    let mut executables = Vec::new();
    // Documentation tests are built as they run, and cargo refuses to build only them.
    if !selection.contains(&"--doc") {
        let build: Vec<&str> = ["test", "--no-run"].iter().chain(&selection).copied().collect();
        executables = cargo::build(&build, "the build of the tests")?;
    }

    let mut services = None;
    if request.needs_services() {
        steps.next("starting the servers that adapters talk to");
        services = Some(services::borrow()?);
    }

    steps.next("running the tests");
    let mut command = cargo::cargo(&["test", "--no-fail-fast"]);
    command.args(&selection).arg("--").args(&request.harness);
    if let Some(services) = &services {
        command.envs(services.variables.iter().cloned());
    }
    if let Some(server) = server {
        command.env("PIXMILL_SERVER_BIN", server);
    }
    let mut tally = Tally::new(labels(&executables));
    let succeeded = stream::run(command, |line| tally.line(line))?;
    tally.finish(succeeded);
    Ok(tally)
}

/// Names for the test binaries: a file's stem such as `golden-1a2b` to a source file such as
/// `core/engine/tests/golden.rs`, because cargo's own name for it does not tell two crates apart.
fn labels(executables: &[Executable]) -> BTreeMap<String, String> {
    let root = cargo::root();
    let label = |executable: &Executable| {
        let source = executable.source.strip_prefix(&root).unwrap_or(&executable.source);
        Some((stem(&executable.path)?, source.display().to_string()))
    };
    executables.iter().filter_map(label).collect()
}

fn stem(path: &Path) -> Option<String> {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
}

fn report(tally: &Tally) -> Result<(), Failure> {
    let number = |count: u64| count.to_string();
    let rows: Vec<[String; 5]> = tally
        .runners()
        .iter()
        .filter(|runner| runner.passed + runner.failed + runner.skipped > 0)
        .map(|runner| {
            let counts = [runner.passed, runner.failed, runner.skipped].map(number);
            let [passed, failed, skipped] = counts;
            [runner.name.clone(), passed, failed, skipped, runner.note.to_owned()]
        })
        .collect();
    println!("\n{}", table(["runner", "passed", "failed", "skipped", ""], &rows));
    for name in tally.failures() {
        println!("failed: {name}");
    }
    let (passed, failed, skipped) = tally.sums();
    println!("{}", verdict(passed, failed, skipped));
    if failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Request {
        Request::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_reach_cargo_or_the_test_binaries() {
        for (line, selection, harness, server) in [
            ("", "--workspace", "", true),
            ("--full", "--workspace", "--include-ignored", true),
            ("-p xtask", "-p xtask", "", false),
            ("-ppixmill-e2e", "-ppixmill-e2e", "", true),
            (
                "--package=pixmill --full -- a --nocapture",
                "--package=pixmill",
                "--include-ignored a --nocapture",
                false,
            ),
            ("--lib -- --full", "--workspace --lib", "--full", true),
        ] {
            let request = request(line);
            assert_eq!(request.selection.join(" "), selection, "{line}");
            assert_eq!(request.harness.join(" "), harness, "{line}");
            assert_eq!(request.needs_server(), server, "{line}");
        }
    }

    #[test]
    fn binaries_are_named_after_their_source() {
        let executables = [
            Executable {
                path: "/elsewhere/debug/deps/golden-1a2b".into(),
                source: cargo::root().join("core/engine/tests/golden.rs"),
            },
            Executable { path: "/t/x-9".into(), source: "/outside/x.rs".into() },
        ];
        let labels = labels(&executables);
        assert_eq!(labels["golden-1a2b"], "core/engine/tests/golden.rs");
        assert_eq!(labels["x-9"], "/outside/x.rs");
    }
}
