//! schemathesis against a server: everything that the document allows, and much that it does not. The server must not
//! fail, and must answer with nothing that the document does not know.

use std::process::Command;

use pixmill_e2e::{Client, PASSWORD};
use serde_json::json;

use crate::{Stop, run, server, tools};

/// What is held against the server. Whether all that the schema allows is accepted is not: it can't say that a user
/// name is free, or that a crop lies within an image.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,\
                      allow_header_conformance,missing_required_header,ignored_auth,use_after_free,\
                      ensure_resource_availability";

/// They end the login that all others need, so they have a run of their own.
const ENDING: [&str; 2] = ["deleteAccount", "changePassword"];
/// It does not end while a job is open.
const ENDLESS: &str = "followJob";

pub(crate) fn short() -> Result<(), Stop> {
    explore(10)
}

pub(crate) fn full() -> Result<(), Stop> {
    explore(200)
}

fn explore(examples: u32) -> Result<(), Stop> {
    let all = [&ENDING[..], &[ENDLESS]].concat();
    let without: Vec<_> = all.iter().flat_map(|operation| ["--exclude-operation-id", operation]).collect();
    let only: Vec<_> = ENDING.iter().flat_map(|operation| ["--include-operation-id", operation]).collect();
    ask(examples, &without)?;
    ask(examples, &only)
}

/// Asks a fresh server, as its admin, about these operations.
fn ask(examples: u32, operations: &[&str]) -> Result<(), Stop> {
    let program = tools::python()?.join("schemathesis");
    let (server, runtime) = server();
    let home = server.home();
    let added = home.run_with_input(&[], &["admin", "user", "add", "ada", "--role", "admin"], PASSWORD);
    assert!(added.succeeded, "{added:?}");
    let token = runtime.block_on(async {
        let ada = Client::new(server.address()).login("ada").await;
        // Something that can be found.
        let image = ada.upload_png(40, 30).await;
        let job = ada.transform(&image.id, &json!({ "width": 20, "saveImage": true })).await;
        ada.completed(&job).await;
        ada.token().expect("somebody is logged in").to_owned()
    });
    let mut command = Command::new(program);
    command.current_dir(home.path()).args(["run", &format!("{}/openapi.json", server.address())]);
    command.args(["--header", &format!("Authorization: Bearer {token}"), "--checks", CHECKS]);
    command.args([
        "--max-examples",
        &examples.to_string(),
        "--seed",
        "1",
        "--continue-on-failure",
        "--no-color",
    ]);
    let output = run(command.args(operations))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let cases = text.lines().find(|line| line.contains(" generated, "));
    #[expect(clippy::print_stderr, reason = "the number of cases is what a reader of the log wants")]
    {
        eprintln!("schemathesis: {}", cases.map_or("no cases", str::trim));
    }
    if cases.is_some() { Ok(()) } else { Err(Stop::Failed(text)) }
}
