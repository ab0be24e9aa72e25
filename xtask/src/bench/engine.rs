//! `bench engine`: the engine beside sharp, on anyone's machine. This fetches and builds what is needed; measuring is
//! the matter of the program in `core/engine/bench`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    cargo,
    failure::Failure,
    progress::{Steps, note},
    tools,
};

/// The release of sharp that is the yardstick.
const SHARP: &str = "0.35.5";

/// The manifest of the program that measures; it is a workspace of its own.
pub(crate) const BENCH: &str = "core/engine/bench/Cargo.toml";

/// The options that the program takes, each with a value; a path is made absolute for it.
const OPTIONS: &[(&str, bool)] =
    &[("--images", true), ("--json", true), ("--rounds", false), ("--only", false)];

/// Builds both sides and compares them.
pub(super) fn start(arguments: &[String]) -> Result<(), Failure> {
    let arguments = checked(arguments)?;
    if !cfg!(target_os = "linux") {
        return Err(Failure::failed(
            "`bench engine` runs on Linux only: CPU times are read from /proc there",
        ));
    }
    let mut steps = Steps::new(5);
    steps.next("checking build tools, node and npm");
    tools::ensure()?;
    node()?;
    let scratch = cargo::target_folder()?.join("bench-engine");
    steps.next(&format!("installing sharp {SHARP} from npm"));
    let sharp = sharp(&scratch.join(format!("sharp-{SHARP}")))?;
    steps.next("building the engine (release)");
    let measure = built(&["build", "--release", "-p", "pixmill-engine", "--example", "measure"], "measure")?;
    steps.next("building the benchmark (release)");
    let target = cargo::target_folder()?.join("bench-engine-build");
    let target = target.to_string_lossy();
    let bench = built(
        &["build", "--release", "--manifest-path", BENCH, "--target-dir", &target],
        "pixmill-engine-bench",
    )?;
    steps.next("measuring");
    let mut command = Command::new(bench);
    command.arg("--measure").arg(measure).arg("--sharp").arg(sharp).arg("--scratch").arg(&scratch);
    cargo::run(command.args(arguments), "the engine benchmark")
}

/// Refuses unknown options before anything is built, and resolves paths: the program runs elsewhere.
fn checked(arguments: &[String]) -> Result<Vec<String>, Failure> {
    let names = || OPTIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut checked = Vec::new();
    let mut words = arguments.iter();
    while let Some(option) = words.next() {
        let Some((_, is_path)) = OPTIONS.iter().find(|(name, _)| name == option) else {
            let message = format!("`bench engine` has no option `{option}`; the options are {}", names());
            return Err(Failure::usage(message));
        };
        let Some(value) = words.next() else {
            return Err(Failure::usage(format!("`{option}` needs a value")));
        };
        let value = if *is_path { absolute(value)? } else { value.clone() };
        checked.extend([option.clone(), value]);
    }
    Ok(checked)
}

fn absolute(path: &str) -> Result<String, Failure> {
    let absolute = std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("`{path}` is no path that can be used: {error}")))?;
    Ok(absolute.to_string_lossy().into_owned())
}

/// Makes sure that node and npm are there, or says what is missing and where to get it.
fn node() -> Result<(), Failure> {
    let version = |program| Command::new(program).arg("--version").stderr(Stdio::null()).output();
    let mut missing = Vec::new();
    for program in ["node", "npm"] {
        match version(program) {
            Ok(output) if output.status.success() => {
                note(&format!("{program} {}", String::from_utf8_lossy(&output.stdout).trim()));
            }
            _ => missing.push(program),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the benchmark compares with sharp, which runs in Node.js, but {} can't be started; install Node.js 20 or \
         newer (https://nodejs.org, or `apt-get install nodejs npm`) and start again",
        missing.join(" and ")
    );
    Err(Failure::failed(message))
}

/// Installs sharp into `folder` unless it is there, and returns the folder.
fn sharp(folder: &Path) -> Result<PathBuf, Failure> {
    let installed = fs::read_to_string(folder.join("node_modules/sharp/package.json"));
    let current = installed.is_ok_and(|text| text.contains(&format!("\"version\": \"{SHARP}\"")));
    if current {
        note("it is there already");
        return Ok(folder.to_path_buf());
    }
    let manifest = "{\"private\": true, \"type\": \"module\"}\n";
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("package.json"), manifest))
        .map_err(|error| Failure::failed(format!("cannot write to {}: {error}", folder.display())))?;
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["install", "--no-audit", "--no-fund", &format!("sharp@{SHARP}")]);
    // Standard output carries results.
    npm.stdout(Stdio::null());
    cargo::run(&mut npm, "npm install sharp")?;
    Ok(folder.to_path_buf())
}

/// Builds one executable and returns where it is.
fn built(arguments: &[&str], name: &str) -> Result<PathBuf, Failure> {
    let named = |path: &Path| path.file_stem().is_some_and(|stem| stem == name);
    cargo::build(arguments, &format!("the build of {name}"))?
        .into_iter()
        .map(|executable| executable.path)
        .find(|path| named(path))
        .ok_or_else(|| Failure::failed(format!("cargo built {name} but named no executable")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<Vec<String>, Failure> {
        checked(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_checked_before_anything_is_built() {
        let found = check("--images photos --only T1").expect("both are options");
        assert!(Path::new(&found[1]).is_absolute() && found[1].ends_with("photos"));
        assert_eq!(found[2..], ["--only", "T1"]);
        for (line, word) in [("--fast", "--fast"), ("--json", "needs a value"), ("T1", "T1")] {
            let failure = check(line).expect_err("must be refused");
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.message().is_some_and(|message| message.contains(word)), "{line}");
        }
    }

    #[test]
    fn the_benchmark_is_where_it_is_built_from() {
        assert!(cargo::root().join(BENCH).is_file());
    }
}
