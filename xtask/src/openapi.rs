//! `openapi`: keeps the checked-in API document equal to what the server says about itself, and released documents
//! beside it, so that a change that would break their clients is noticed.

mod breaking;

use std::{fs, io, path::PathBuf, process::Command};

use serde_json::Value;

use crate::{cargo, duplicate_keys, failure::Failure};

/// Where the document lives, from the workspace's root.
const FILE: &str = "openapi/pixmill.json";

/// Where the documents of released versions live, each named after its version.
const RELEASED: &str = "openapi/released";

/// Writes the document, with `--check` compares it, and with `--release` keeps it as that of its version.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => write(),
        ["--check"] => check(),
        ["--release"] => release(),
        [first, ..] => {
            Err(Failure::usage(format!("`openapi` takes only `--check` or `--release`, but got `{first}`")))
        }
    }
}

fn write() -> Result<(), Failure> {
    let document = generate()?;
    let path = cargo::root().join(FILE);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, &document));
    written.map_err(|error| Failure::failed(format!("cannot write {FILE}: {error}")))?;
    println!("openapi: wrote {FILE} ({} bytes)", document.len());
    Ok(())
}

fn check() -> Result<(), Failure> {
    let checked_in = match fs::read_to_string(cargo::root().join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::failed(format!("{FILE} does not exist; `cargo xtask openapi` writes it")));
        }
        Err(error) => return Err(Failure::failed(format!("cannot read {FILE}: {error}"))),
    };
    inspect(&checked_in)?;
    compare(&checked_in, &generate()?)?;
    let released = compare_with_released(&checked_in)?;
    println!("openapi: {FILE} is up to date, repeats no key, and keeps to {released} released versions");
    Ok(())
}

/// Keeps the document as that of its version, for good.
fn release() -> Result<(), Failure> {
    let document = generate()?;
    compare_with_released(&document)?;
    let version = version(&document)?;
    let path = cargo::root().join(RELEASED).join(format!("{version}.json"));
    if fs::read_to_string(&path).is_ok_and(|released| released != document) {
        let message =
            format!("version {version} is released already, with another document; raise the version first");
        return Err(Failure::failed(message));
    }
    let written = fs::create_dir_all(cargo::root().join(RELEASED)).and_then(|()| fs::write(&path, &document));
    written.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
    println!("openapi: wrote {RELEASED}/{version}.json");
    Ok(())
}

/// Fails if a client made from the document of a released version would break. Versions whose first number that is not
/// zero is another may differ as they like. Returns how many were compared.
fn compare_with_released(document: &str) -> Result<usize, Failure> {
    let parse = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| Failure::failed(format!("an API document is not valid JSON: {error}")))
    };
    let (new, line) = (parse(document)?, line(&version(document)?));
    let mut compared = 0;
    for path in released()? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if self::line(&stem) != line {
            continue;
        }
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        let changes = breaking::changes(&parse(&text)?, &new);
        if !changes.is_empty() {
            let changes = changes.join("\n  ");
            let message = format!(
                "clients of version {stem} would break; undo these changes, or raise the version:\n  {changes}"
            );
            return Err(Failure::failed(message));
        }
        compared += 1;
    }
    Ok(compared)
}

/// The files of released documents; none if there is no such folder.
fn released() -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(cargo::root().join(RELEASED)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::failed(format!("cannot read {RELEASED}: {error}"))),
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths)
}

/// The version that a document is of.
fn version(document: &str) -> Result<String, Failure> {
    let parsed: Option<Value> = serde_json::from_str(document).ok();
    let version = parsed.as_ref().and_then(|document| document["info"]["version"].as_str());
    version
        .map(str::to_owned)
        .ok_or_else(|| Failure::failed(format!("{FILE} does not say which version it is of")))
}

/// The part of a version that stays the same as long as nothing breaks (Semantic Versioning 2.0.0, items 4 and 8).
fn line(version: &str) -> String {
    let numbers: Vec<&str> = version.split('.').collect();
    let first = numbers.iter().position(|number| *number != "0").unwrap_or(numbers.len());
    numbers[..numbers.len().min(first + 1)].join(".")
}

/// Asks the server for its document.
fn generate() -> Result<String, Failure> {
    let what = "the server's openapi command";
    let bytes = cargo::output(Command::new(cargo::build_server_and_tests()?).arg("openapi"), what)?;
    let mut document = String::from_utf8(bytes)
        .map_err(|error| Failure::failed(format!("{what} wrote something that is not UTF-8: {error}")))?;
    if !document.ends_with('\n') {
        document.push('\n');
    }
    inspect(&document)?;
    Ok(document)
}

/// Refuses what is not JSON, and what repeats a key.
fn inspect(document: &str) -> Result<(), Failure> {
    let repeated = duplicate_keys::find(document)
        .map_err(|error| Failure::failed(format!("the API document is not valid JSON: {error}")))?;
    match repeated.as_slice() {
        [] => Ok(()),
        _ => Err(Failure::failed(format!("the API document repeats keys: {}", repeated.join(", ")))),
    }
}

/// Fails on the first line that differs.
fn compare(checked_in: &str, generated: &str) -> Result<(), Failure> {
    if checked_in == generated {
        return Ok(());
    }
    let line = checked_in.lines().zip(generated.lines()).take_while(|(old, new)| old == new).count();
    let show =
        |text: &str| text.lines().nth(line).map_or("(end of file)".into(), |line| excerpt(line.trim()));
    Err(Failure::failed(format!(
        "{FILE} is out of date from line {}: it says {}, the server says {}; `cargo xtask openapi` writes it anew",
        line + 1,
        show(checked_in),
        show(generated),
    )))
}

/// The first characters of a line: a document written without line breaks must not flood the screen.
fn excerpt(line: &str) -> String {
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_its_line() {
        assert!(compare("{\n}\n", "{\n}\n").is_ok());
        let failure = compare("{\n \"a\": 1\n}\n", "{\n \"a\": 2\n}\n").expect_err("they differ");
        let message = failure.message().expect("a difference is described");
        assert!(message.contains("line 2: it says \"a\": 1, the server says \"a\": 2"), "{message}");
        let failure = compare("{\n", "{\n}\n").expect_err("one is shorter");
        assert!(failure.message().expect("a difference is described").contains("(end of file)"));
    }

    #[test]
    fn versions_that_may_not_break_each_other_are_of_one_line() {
        for (a, b, same) in [
            ("1.2.3", "1.9.0", true),
            ("1.2.3", "2.0.0", false),
            ("0.1.0", "0.1.7", true),
            ("0.1.0", "0.2.0", false),
            ("0.0.1", "0.0.2", false),
        ] {
            assert_eq!(line(a) == line(b), same, "{a} {b}");
        }
    }

    #[test]
    fn documents_that_repeat_a_key_or_are_no_json_are_refused() {
        assert!(inspect("{\"a\":{\"b\":1}}").is_ok());
        for (document, word) in [("{\"a\":1,\"a\":1}", "repeats keys: /a"), ("oops", "not valid JSON")] {
            let failure = inspect(document).expect_err("must be refused");
            assert!(failure.message().expect("it is described").contains(word));
        }
    }
}
