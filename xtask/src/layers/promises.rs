//! SECURITY.md names the file and the test behind each promise; this looks whether they are still there, since a table
//! that nobody checks goes on promising what was renamed or removed long ago.

use std::{fs, path::Path};

use super::Violation;
use crate::failure::Failure;

const PAGE: &str = "SECURITY.md";

/// Checks what the page names against the files `names`, relative to `root`.
pub(super) fn check(root: &Path, names: &[String]) -> Result<Vec<Violation>, Failure> {
    let read = |name: &str| {
        fs::read_to_string(root.join(name))
            .map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))
    };
    let sources = names.iter().filter(|name| is_source(name)).map(|name| read(name));
    let sources: Vec<String> = sources.collect::<Result<_, _>>()?;
    Ok(missing(&read(PAGE)?, names, &sources)
        .into_iter()
        .map(|what| Violation {
            rule: "kept-promises",
            what: format!("{PAGE} names `{what}`, which does not exist"),
            reason: "whoever relies on a promise must find what keeps it",
        })
        .collect())
}

/// Files and tests that the tables of `page` name and that are not there.
fn missing<'p>(page: &'p str, names: &[String], sources: &[String]) -> Vec<&'p str> {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let claims = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let exists = |name: &&str| {
        if is_source(name) {
            names.contains(&expand(page, name))
        } else if is_test(name) {
            let head = format!("fn {name}(");
            sources.iter().any(|source| source.contains(&head))
        } else {
            true
        }
    };
    claims.filter(|claim| !exists(claim)).collect()
}

/// The path with its abbreviation written out, which the page explains as "`api/` is `apps/api/tests/api`".
fn expand(page: &str, name: &str) -> String {
    let written_out = name.split_once('/').and_then(|(short, rest)| {
        let (_, after) = page.split_once(&format!("`{short}/` is `"))?;
        Some(format!("{}/{rest}", after.split('`').next()?.trim_end_matches('/')))
    });
    written_out.unwrap_or_else(|| name.to_owned())
}

fn is_source(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "rs")
}

/// Tests are named by sentences; nothing else in the page has so many words.
fn is_test(name: &str) -> bool {
    name.matches('_').count() >= 2 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_named() {
        let names = ["apps/api/tests/api/wire.rs", "core/src/job.rs"].map(str::to_owned);
        let sources = ["async fn a_head_is_refused() {".to_owned()];
        let page = "`api/` is `apps/api/tests/api`.\n\
                    | a | `JWT_TTL_SECS` | `api/wire.rs`: `a_head_is_refused` | `core/src/job.rs`, `core/tests` |\n\
                    | b | `api/gone.rs`: `a_head_is_taken`, `core/src/jobs.rs` | `nosniff` |\n\
                    Not in a table: `gone.rs`.";
        assert_eq!(missing(page, &names, &sources), ["api/gone.rs", "a_head_is_taken", "core/src/jobs.rs"]);
    }
}
