//! `features`: every member builds alone, bare and with each of its features, so that nobody lives off a
//! feature that some other crate of the workspace happens to switch on.

use serde_json::Value;

use crate::{cargo, failure::Failure, no_arguments, progress::Steps, tools};

/// Checks each combination in turn and names all that fail.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("features", arguments)?;
    tools::ensure()?;
    let checks = checks(&cargo::metadata()?);
    let mut steps = Steps::new(checks.len());
    let mut failed = Vec::new();
    for check in &checks {
        let shown = check.join(" ");
        steps.next(&shown);
        let mut command = cargo::cargo(&["check", "--quiet"]);
        if cargo::run(command.args(check), &shown).is_err() {
            failed.push(shown);
        }
    }
    failed.extend(drivers_of_the_plain_server()?);
    failed.extend(faults_in_releases()?);
    match failed.as_slice() {
        [] => {
            println!("features: {} builds checked, all clean", checks.len());
            Ok(())
        }
        _ => Err(Failure::failed(format!("these are not as they should be: {}", failed.join("; ")))),
    }
}

/// Programs that are released with faults on order in them.
fn faults_in_releases() -> Result<Option<String>, Failure> {
    let mut found = Vec::new();
    for program in ["pixmill-server", "pixmill-worker"] {
        if names(&tree(&["-p", program])?, "pixmill-testkit") {
            found.push(program);
        }
    }
    Ok((!found.is_empty()).then(|| format!("{} as released, with faults on order", found.join(", "))))
}

/// Drivers of other systems that a server without features would be built with. There should be none: whoever keeps
/// everything in the data folder shall not wait for them.
fn drivers_of_the_plain_server() -> Result<Option<String>, Failure> {
    let tree = tree(&["-p", "pixmill-server", "--no-default-features"])?;
    let found: Vec<_> = DRIVERS.iter().copied().filter(|driver| names(&tree, driver)).collect();
    Ok((!found.is_empty()).then(|| format!("a server without features, which pulls {}", found.join(", "))))
}

/// The crates that a build with these arguments consists of, one a line.
fn tree(arguments: &[&str]) -> Result<String, Failure> {
    let mut command = cargo::cargo(&["tree", "--edges", "normal", "--prefix", "none"]);
    let tree = cargo::output(command.args(arguments), "cargo tree")?;
    Ok(String::from_utf8_lossy(&tree).into_owned())
}

const DRIVERS: [&str; 4] = ["lapin", "mongodb", "object_store", "redis"];

/// Whether a crate of this name is in the tree.
fn names(tree: &str, name: &str) -> bool {
    tree.lines().any(|line| line.split_whitespace().next() == Some(name))
}

/// Arguments for `cargo check`, one list for each build: a member without features, then with each alone. A
/// `default` that switches nothing on would only repeat the bare build.
fn checks(metadata: &Value) -> Vec<Vec<String>> {
    let members = metadata["workspace_members"].as_array().map_or(&[][..], Vec::as_slice);
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut checks = Vec::new();
    for package in packages.iter().filter(|package| members.contains(&package["id"])) {
        let name = package["name"].as_str().unwrap_or_default();
        let bare: Vec<String> = ["-p", name, "--no-default-features"].map(String::from).into();
        checks.push(bare.clone());
        for (feature, enables) in package["features"].as_object().into_iter().flatten() {
            if feature == "default" && enables.as_array().is_none_or(Vec::is_empty) {
                continue;
            }
            checks.push(bare.iter().cloned().chain(["--features".into(), feature.clone()]).collect());
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_told_from_those_with_longer_names() {
        let tree = "pixmill-redis v0.1.0\nserde v1.0.0 (*)\n";
        assert!(names(tree, "serde") && !names(tree, "redis"));
    }

    #[test]
    fn members_are_checked_bare_and_with_each_feature() {
        let metadata = serde_json::json!({
            "workspace_members": ["a", "b"],
            "packages": [
                { "id": "a", "name": "alpha", "features": { "default": [], "mock": ["dep:mockall"], "slow": [] } },
                { "id": "b", "name": "beta", "features": { "default": ["x"], "x": [] } },
                { "id": "c", "name": "from-a-registry", "features": { "std": [] } },
            ],
        });
        let shown: Vec<String> = checks(&metadata).iter().map(|check| check.join(" ")).collect();
        assert_eq!(
            shown,
            [
                "-p alpha --no-default-features",
                "-p alpha --no-default-features --features mock",
                "-p alpha --no-default-features --features slow",
                "-p beta --no-default-features",
                "-p beta --no-default-features --features default",
                "-p beta --no-default-features --features x",
            ]
        );
    }
}
