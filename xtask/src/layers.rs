//! `layers`: the architecture's rules, checked over `cargo metadata` and over the files of the repository.
//!
//! [`rules`] holds the rules as data, [`graph`] reads the metadata, [`check`] applies the one to the other,
//! [`files`] looks at names and sources, and [`promises`] at what SECURITY.md names.

mod check;
mod files;
mod graph;
mod promises;
mod rules;

use std::{fmt, process::Command};

use crate::{cargo, failure::Failure, no_arguments};

/// One broken rule.
#[derive(Debug, PartialEq)]
struct Violation {
    rule: &'static str,
    /// What breaks it, and how.
    what: String,
    reason: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}\n    because {}", self.rule, self.what, self.reason)
    }
}

/// Checks the real workspace.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("layers", arguments)?;
    let (violations, warnings) = workspace()?;
    for warning in &warnings {
        println!("warning: {warning}");
    }
    for violation in &violations {
        println!("error: {violation}");
    }
    println!("layers: violations {}, warnings {}", violations.len(), warnings.len());
    if violations.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

fn workspace() -> Result<(Vec<Violation>, Vec<String>), Failure> {
    let graph = graph::Graph::read(&cargo::metadata()?)
        .ok_or_else(|| Failure::failed("cargo metadata has a form that this command does not know"))?;
    let mut violations = check::dependencies(&graph);
    let (root, names) = (cargo::root(), tracked()?);
    let files = files::check(&root, &names)?;
    violations.extend(files.violations);
    violations.extend(promises::check(&root, &names)?);
    Ok((violations, files.warnings))
}

/// The files that are in the repository or about to be, from its root.
fn tracked() -> Result<Vec<String>, Failure> {
    let root = cargo::root();
    let mut git = Command::new("git");
    // A container often runs as another user than the checkout's owner; listing its files is harmless.
    git.arg("-c").arg(format!("safe.directory={}", root.display())).current_dir(&root);
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listing = cargo::output(&mut git, "git ls-files")?;
    let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    // A deleted file stays in the index until the deletion is committed.
    let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
    Ok(names.filter(|name| root.join(name).symlink_metadata().is_ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_rules() {
        let (violations, _) = workspace().expect("the workspace can be read");
        let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "\n{}", list.join("\n"));
    }
}
