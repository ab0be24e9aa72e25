//! Counts tests from what cargo and the test binaries print, be they built on libtest or on libtest-mimic.

use std::{collections::BTreeMap, path::Path};

/// What one test binary, or one crate's documentation tests, came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Runner {
    pub(super) name: String,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) note: &'static str,
    /// Whether it printed a result at all; a binary that crashed did not.
    reported: bool,
}

/// The sums so far.
pub(super) struct Tally {
    labels: BTreeMap<String, String>,
    runners: Vec<Runner>,
    failures: Vec<String>,
}

impl Tally {
    /// Nothing counted yet. `labels` says what to call a test binary, by its file stem.
    pub(super) fn new(labels: BTreeMap<String, String>) -> Self {
        Self { labels, runners: Vec::new(), failures: Vec::new() }
    }

    /// Takes one line of output.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(name) = self.announced(line) {
            self.runners.push(Runner { name, ..Runner::default() });
        } else if let Some([passed, failed, skipped]) = result(line) {
            let runner = self.current();
            runner.passed += passed;
            runner.failed += failed;
            runner.skipped += skipped;
            runner.reported = true;
        } else if let Some(test) = failed_test(line) {
            let name = format!("{} {test}", self.current().name);
            self.failures.push(name);
        }
    }

    /// Settles the sums when cargo has ended. When it failed, a runner that never reported has crashed and
    /// counts as a failure, and so does a failure that no runner admits to.
    pub(super) fn finish(&mut self, succeeded: bool) {
        if succeeded {
            return;
        }
        for runner in self.runners.iter_mut().filter(|runner| !runner.reported) {
            runner.failed += 1;
            runner.note = "ended without a result";
        }
        if self.sums().1 == 0 {
            self.runners.push(Runner {
                name: "cargo test".into(),
                failed: 1,
                note: "failed to build or to run; see above",
                ..Runner::default()
            });
        }
    }

    /// The runners in the order they ran.
    pub(super) fn runners(&self) -> &[Runner] {
        &self.runners
    }

    /// The failed tests by name, each behind its runner's.
    pub(super) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Tests passed, failed and skipped.
    pub(super) fn sums(&self) -> (u64, u64, u64) {
        self.runners.iter().fold((0, 0, 0), |(passed, failed, skipped), runner| {
            (passed + runner.passed, failed + runner.failed, skipped + runner.skipped)
        })
    }

    fn current(&mut self) -> &mut Runner {
        if self.runners.is_empty() {
            self.runners.push(Runner { name: "tests".into(), ..Runner::default() });
        }
        self.runners.last_mut().expect("one was pushed if there was none")
    }

    /// The runner that cargo says it starts now. A test may print similar words, so a binary must be known.
    fn announced(&self, line: &str) -> Option<String> {
        let line = line.trim();
        if let Some(package) = line.strip_prefix("Doc-tests ") {
            return Some(format!("{package} (documentation)"));
        }
        let (_, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?;
        let stem = Path::new(path).file_stem()?.to_str()?;
        self.labels.get(stem).cloned()
    }
}

/// Passed, failed and ignored tests of a line like
/// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
///
/// What a test printed without a line feed may stand before it.
fn result(line: &str) -> Option<[u64; 3]> {
    let (_, rest) = line.rsplit_once("test result: ")?;
    let rest = rest.strip_prefix("ok. ").or_else(|| rest.strip_prefix("FAILED. "))?;
    let mut parts = rest.split("; ");
    let mut count = |word: &str| parts.next()?.strip_suffix(word)?.parse().ok();
    Some([count(" passed")?, count(" failed")?, count(" ignored")?])
}

/// The test's name in a line like `test area::name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBTEST: &str = "
     Running unittests src/lib.rs (target/debug/deps/pixmill_engine-1a)

running 3 tests
test plan::a ... ok
test plan::b ... FAILED
test plan::c ... ignored

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/conformance.rs (/far/away/debug/deps/conformance-2b)

running 4 tests
a line without an end test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests pixmill

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s
";

    fn tally(output: &str, succeeded: bool) -> Tally {
        let labels = [
            ("pixmill_engine-1a", "core/engine/src/lib.rs"),
            ("conformance-2b", "adapters/x/tests/conformance.rs"),
        ];
        let mut tally = Tally::new(labels.map(|(stem, name)| (stem.into(), name.into())).into());
        output.lines().for_each(|line| tally.line(line));
        tally.finish(succeeded);
        tally
    }

    #[test]
    fn every_result_is_counted_for_its_runner() {
        let tally = tally(LIBTEST, false);
        let seen: Vec<_> =
            tally.runners().iter().map(|r| (r.name.as_str(), [r.passed, r.failed, r.skipped])).collect();
        assert_eq!(
            seen,
            [
                ("core/engine/src/lib.rs", [1, 1, 1]),
                ("adapters/x/tests/conformance.rs", [4, 0, 0]),
                ("pixmill (documentation)", [3, 0, 0]),
            ]
        );
        assert_eq!(tally.sums(), (8, 1, 1));
        assert_eq!(tally.failures(), ["core/engine/src/lib.rs plan::b"]);
    }

    #[test]
    fn a_runner_that_crashed_is_a_failure() {
        let output = "
     Running unittests src/lib.rs (target/debug/deps/pixmill_engine-1a)
running 3 tests
error: test failed, to rerun pass `-p pixmill-engine --lib`
  process didn't exit successfully (signal: 11, SIGSEGV: invalid memory reference)
     Running tests/conformance.rs (target/debug/deps/conformance-2b)
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let tally = tally(output, false);
        assert_eq!(tally.sums(), (4, 1, 0));
        assert_eq!(tally.runners()[0].note, "ended without a result");
    }

    #[test]
    fn a_failed_build_is_a_failure_even_when_nothing_ran() {
        assert_eq!(tally("error[E0425]: cannot find value `x`\n", false).sums(), (0, 1, 0));
        let passing =
            "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(tally(passing, false).sums(), (4, 1, 0));
        assert_eq!(tally(passing, true).sums(), (4, 0, 0));
        assert_eq!(tally("", true).sums(), (0, 0, 0));
    }

    #[test]
    fn words_that_only_resemble_a_result_do_not_count() {
        for line in [
            "test result: excellent. 4 passed; 0 failed",
            "the line `test result: ok. many passed; 0 failed; 0 ignored`",
            "test result: ok. 4 passed",
            "     Running a marathon (target/debug/deps/unknown-3c)",
        ] {
            let mut tally = Tally::new(BTreeMap::new());
            tally.line(line);
            assert!(tally.runners().is_empty(), "{line}");
        }
    }
}
