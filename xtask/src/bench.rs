//! `bench`: measurements of the whole system and of the engine. What is measured and how is the benchmark's own
//! matter.

pub(crate) mod engine;

use crate::{cargo, failure::Failure, progress::Steps, services, tools};

/// Runs the named benchmark against release builds.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    match arguments.split_first() {
        Some((name, rest)) if name == "api" => api(rest),
        Some((name, rest)) if name == "jobs" => jobs(rest),
        Some((name, rest)) if name == "engine" => engine::start(rest),
        Some((name, _)) => Err(Failure::usage(format!("there is no benchmark `{name}`; use {ALL}"))),
        None => Err(Failure::usage(format!("which benchmark? use {ALL}"))),
    }
}

const ALL: &str = "`bench api`, `bench jobs` or `bench engine`";

fn api(arguments: &[String]) -> Result<(), Failure> {
    let mut steps = Steps::new(3);
    steps.next("checking build tools");
    tools::ensure()?;
    steps.next("building pixmill-server (release)");
    let server = cargo::build_server(false)?;
    steps.next("measuring the API");
    let mut command =
        cargo::cargo(&["run", "--release", "-p", "pixmill-e2e", "--example", "bench_api", "--"]);
    cargo::run(command.args(arguments).env("PIXMILL_SERVER_BIN", server), "the API benchmark")
}

fn jobs(arguments: &[String]) -> Result<(), Failure> {
    let mut steps = Steps::new(4);
    steps.next("checking build tools");
    tools::ensure()?;
    steps.next("building pixmill-server and pixmill-worker (release)");
    let server = cargo::build_server_and_worker()?;
    steps.next("starting the servers that adapters talk to");
    let services = services::borrow()?;
    steps.next("measuring jobs");
    let mut command =
        cargo::cargo(&["run", "--release", "-p", "pixmill-e2e", "--example", "bench_jobs", "--"]);
    command.args(arguments).env("PIXMILL_SERVER_BIN", server).envs(services.variables.iter().cloned());
    cargo::run(&mut command, "the benchmark of jobs")
}
