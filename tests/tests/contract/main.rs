//! Whether clients that are made from the document of the API really work with the server: openapi-generator's for
//! Python, TypeScript and Rust, and schemathesis, which asks for everything that the document allows and for much that
//! it does not. And whether a web page of another origin does.
//!
//! What is needed beside Python, Java, Node and Chromium is installed below cargo's target folder. Where one of those is missing
//! a person is told and the test is passed over; where the variable `CI` is set that is a failure.

mod browser;
mod schemathesis;
mod tools;
mod walks;

use std::process::{Command, Output};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use pixmill_e2e::Server;
use tokio::runtime::Runtime;

/// Why a trial did not succeed.
enum Stop {
    /// Something has to be installed first.
    Missing(String),
    /// It failed.
    Failed(String),
}

fn main() {
    let trials = vec![
        trial("document::openapi_generator_has_nothing_to_say", walks::validate),
        trial("clients::python_walks_through_the_api", walks::python),
        trial("clients::typescript_walks_through_the_api", walks::typescript),
        trial("clients::rust_compiles", walks::rust),
        trial(
            "browser::a_page_of_another_origin_uses_the_api_if_it_is_allowed_to",
            browser::page_of_another_origin,
        ),
        trial("schemathesis::the_server_keeps_to_its_document", schemathesis::short),
        trial("schemathesis::the_server_keeps_to_its_document_at_length", schemathesis::full)
            .with_ignored_flag(true),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: &'static str, run: fn() -> Result<(), Stop>) -> Trial {
    Trial::ignorable_test(name, move || match run() {
        Ok(()) => Ok(Completion::Completed),
        Err(Stop::Missing(what)) if std::env::var_os("CI").is_none() => Ok(Completion::ignored_with(what)),
        Err(Stop::Missing(message) | Stop::Failed(message)) => Err(Failed::from(message)),
    })
}

/// A server without a rate limit, and the runtime that it was started on.
fn server() -> (Server, Runtime) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let server = runtime.block_on(Server::start(&[("RATE_LIMIT_REQUESTS", "0"), ("RUST_LOG", "warn")]));
    (server, runtime)
}

/// Runs a program to its end; what it wrote is the error if it failed.
fn run(command: &mut Command) -> Result<Output, Stop> {
    let output =
        command.output().map_err(|error| Stop::Failed(format!("can't start {command:?}: {error}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Err(Stop::Failed(format!("{command:?} ended with {}\n{out}\n{err}", output.status)))
}
