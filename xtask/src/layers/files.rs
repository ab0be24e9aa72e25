//! Rules about files: what may lie at the top of the repository, how a source file begins, how long it may get,
//! and who may switch the ban on `unsafe` off.

use std::{fs, path::Path};

use super::Violation;
use crate::failure::Failure;

/// Folders of the repository's root.
const FOLDERS: &[&str] = &[".cargo", ".ci", "adapters", "apps", "core", "openapi", "tests", "xtask"];

/// Files of the repository's root that have neither a leading dot nor one of [`EXTENSIONS`].
const FILES: &[&str] = &["Cargo.lock", "Dockerfile", "LICENSE", "docker-compose.yml"];

/// Extensions of other files of the repository's root.
const EXTENSIONS: &[&str] = &["md", "toml"];

/// The folder whose sources may contain `unsafe`.
const UNSAFE_FOLDER: &str = "core/engine/";

/// Lines above which a source file is warned about, and above which it is refused.
const LONG: usize = 400;
const TOO_LONG: usize = 600;

/// What the files of a repository come to.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) violations: Vec<Violation>,
    pub(super) warnings: Vec<String>,
}

/// Checks the files `names`, relative to `root`.
pub(super) fn check(root: &Path, names: &[String]) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    findings.top_level(names);
    for name in names {
        let is_source = Path::new(name).extension().is_some_and(|extension| extension == "rs");
        if is_source || name.ends_with("Cargo.toml") {
            let text = fs::read_to_string(root.join(name))
                .map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))?;
            if is_source { findings.source(name, &text) } else { findings.manifest(name, &text) }
        }
    }
    Ok(findings)
}

impl Findings {
    fn top_level(&mut self, names: &[String]) {
        let mut entries: Vec<(&str, bool)> = names
            .iter()
            .map(|name| name.split_once('/').map_or((name.as_str(), false), |(folder, _)| (folder, true)))
            .collect();
        entries.sort_unstable();
        entries.dedup();
        for (entry, is_folder) in entries {
            if entry == ".env" {
                self.violate(
                    "no-secrets",
                    ".env is in the repository".into(),
                    "it holds secrets; .env.example is the one to share",
                );
            } else if !(if is_folder { FOLDERS.contains(&entry) } else { may_lie_on_top(entry) }) {
                let what = format!("`{entry}` lies at the top of the repository");
                self.violate(
                    "top-level",
                    what,
                    "only what the architecture draws lies there, so that it stays readable",
                );
            }
        }
    }

    fn source(&mut self, name: &str, text: &str) {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if !first.starts_with("//!") {
            let what = format!("{name} does not begin with `//!`");
            self.violate(
                "opening-words",
                what,
                "every file says first what it is for and what it leaves to others",
            );
        }
        let lines = text.lines().count();
        if lines > TOO_LONG {
            let what = format!("{name} has {lines} lines, more than {TOO_LONG}");
            self.violate("one-idea-a-file", what, "a file that long holds more than one idea");
        } else if lines > LONG {
            self.warnings.push(format!("{name} has {lines} lines; above {TOO_LONG} it is refused"));
        }
        if !name.starts_with(UNSAFE_FOLDER)
            && attributes(text).iter().any(|attribute| allows_unsafe(attribute))
        {
            let what = format!("{name} switches the ban on unsafe code off");
            self.violate(
                "unsafe-in-the-engine",
                what,
                "only kernels and codec bindings need it, and only there is it reviewed",
            );
        }
    }

    fn manifest(&mut self, name: &str, text: &str) {
        let is_package = text.lines().any(|line| line.trim() == "[package]");
        if is_package && !name.starts_with(UNSAFE_FOLDER) && !inherits_lints(text) {
            let what = format!("{name} does not say `[lints]` `workspace = true`");
            self.violate(
                "shared-lints",
                what,
                "the ban on unsafe code and all other lints hold for every member",
            );
        }
    }

    fn violate(&mut self, rule: &'static str, what: String, reason: &'static str) {
        self.violations.push(Violation { rule, what, reason });
    }
}

fn may_lie_on_top(file: &str) -> bool {
    file.starts_with('.')
        || FILES.contains(&file)
        || file.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// Each attribute that begins a line, to its closing bracket, over as many lines as it takes.
fn attributes(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("#[") || line.trim_start().starts_with("#![") {
            let rest = &text[start..];
            let mut depth = 0_usize;
            let end = rest.char_indices().find(|(_, character)| {
                match character {
                    '[' => depth += 1,
                    ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0 && *character == ']'
            });
            found.push(end.map_or(rest, |(end, _)| &rest[..end]));
        }
        start += line.len();
    }
    found
}

fn allows_unsafe(attribute: &str) -> bool {
    attribute.contains("unsafe_code")
        && ["allow(", "expect(", "warn("].iter().any(|level| attribute.contains(level))
}

/// Whether the manifest's section `[lints]` takes over the workspace's.
fn inherits_lints(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| line == "[lints]")
        && lines
            .take_while(|line| !line.starts_with('['))
            .any(|line| line.replace(' ', "") == "workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(findings: &Findings) -> Vec<&'static str> {
        findings.violations.iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn only_drawn_entries_lie_on_top() {
        for (name, broken) in [
            ("Cargo.toml", &[][..]),
            ("Cargo.lock", &[]),
            ("README.md", &[]),
            ("clippy.toml", &[]),
            (".env.example", &[]),
            (".gitignore", &[]),
            (".ci/run", &[]),
            ("core/src/lib.rs", &[]),
            (".env", &["no-secrets"]),
            ("notes.txt", &["top-level"]),
            ("scripts/build.sh", &["top-level"]),
            (".github/workflows/a.yml", &["top-level"]),
            ("core", &["top-level"]),
            ("src/main.rs", &["top-level"]),
        ] {
            let mut findings = Findings::default();
            findings.top_level(&[name.to_owned()]);
            assert_eq!(rules(&findings), broken, "{name}");
        }
    }

    #[test]
    fn sources_open_with_words_and_leave_unsafe_to_the_engine() {
        let elsewhere = "core/src/lib.rs";
        for (name, text, broken) in [
            (elsewhere, "//! What it is for.\n", &[][..]),
            (elsewhere, "\n//! After an empty line.\n", &[]),
            (elsewhere, "", &["opening-words"]),
            (elsewhere, "use std::fs;\n", &["opening-words"]),
            (elsewhere, "// not a doc comment\n", &["opening-words"]),
            (elsewhere, "//! a\n#![forbid(unsafe_code)]\n", &[]),
            (elsewhere, "//! a\n// it says #![allow(unsafe_code)]\n", &[]),
            (elsewhere, "//! a\n#![allow(unsafe_code)]\n", &["unsafe-in-the-engine"]),
            (
                elsewhere,
                "//! a\n    #[expect(\n    unsafe_code,\n    reason = \"[x]\"\n)]\n",
                &["unsafe-in-the-engine"],
            ),
            (elsewhere, "//! a\n#![cfg_attr(test, allow(unsafe_code))]\n", &["unsafe-in-the-engine"]),
            ("core/engine/src/ops/row.rs", "//! a\n#![allow(unsafe_code)]\n", &[]),
        ] {
            let mut findings = Findings::default();
            findings.source(name, text);
            assert_eq!(rules(&findings), broken, "{text:?}");
        }
    }

    #[test]
    fn long_files_are_warned_about_and_then_refused() {
        for (lines, warnings, broken) in [
            (LONG, 0, &[][..]),
            (LONG + 1, 1, &[]),
            (TOO_LONG, 1, &[]),
            (TOO_LONG + 1, 0, &["one-idea-a-file"]),
        ] {
            let mut findings = Findings::default();
            findings.source("core/src/lib.rs", &"//! line\n".repeat(lines));
            assert_eq!((findings.warnings.len(), rules(&findings).as_slice()), (warnings, broken), "{lines}");
        }
    }

    #[test]
    fn every_member_takes_the_shared_lints() {
        for (name, text, broken) in [
            ("core/Cargo.toml", "[package]\n[lints]\nworkspace = true\n", &[][..]),
            ("Cargo.toml", "[workspace]\n", &[]),
            ("core/engine/Cargo.toml", "[package]\n", &[]),
            ("core/Cargo.toml", "[package]\nname = \"x\"\n", &["shared-lints"]),
            ("core/Cargo.toml", "[package]\n[lints]\n[dependencies]\nworkspace = true\n", &["shared-lints"]),
            ("core/Cargo.toml", "[package]\n[lints.rust]\nunsafe_code = \"allow\"\n", &["shared-lints"]),
        ] {
            let mut findings = Findings::default();
            findings.manifest(name, text);
            assert_eq!(rules(&findings), broken, "{text:?}");
        }
    }
}
