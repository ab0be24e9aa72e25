//! `openapi`: keeps the checked-in API document equal to what the server says about itself.

use std::{fs, io, process::Command};

use crate::{cargo, duplicate_keys, failure::Failure};

/// Where the document lives, from the workspace's root.
const FILE: &str = "openapi/pixmill.json";

/// Writes the document, or with `--check` compares it.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => write(),
        ["--check"] => check(),
        [first, ..] => Err(Failure::usage(format!("`openapi` takes only `--check`, but got `{first}`"))),
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
    println!("openapi: {FILE} is up to date and repeats no key");
    Ok(())
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
    fn documents_that_repeat_a_key_or_are_no_json_are_refused() {
        assert!(inspect("{\"a\":{\"b\":1}}").is_ok());
        for (document, word) in [("{\"a\":1,\"a\":1}", "repeats keys: /a"), ("oops", "not valid JSON")] {
            let failure = inspect(document).expect_err("must be refused");
            assert!(failure.message().expect("it is described").contains(word));
        }
    }
}
