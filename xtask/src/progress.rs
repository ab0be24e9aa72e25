//! What a person sees while a command works: numbered steps on standard error, and aligned tables.
//!
//! Standard output stays free for results, so that the last line of `test` and `ci` can be read by a program.

use std::time::Duration;

/// Announces the steps of a command as `[1/3] title`.
pub(crate) struct Steps {
    total: usize,
    current: usize,
}

impl Steps {
    /// A command of `total` steps, none of them announced yet.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, current: 0 }
    }

    /// Announces the next step.
    pub(crate) fn next(&mut self, title: &str) {
        self.current += 1;
        eprintln!("[{}/{}] {title}", self.current, self.total);
    }
}

/// Says something about the current step.
pub(crate) fn note(text: &str) {
    eprintln!("      {text}");
}

/// Lays `rows` out under `header`: the first column to the left, the others to the right, except that the
/// last column is free text. Every line ends in a line feed.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            let aligned = if column == 0 || column + 1 == N {
                format!("{cell:<width$}  ")
            } else {
                format!("{cell:>width$}  ")
            };
            text.push_str(&aligned);
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = line(header);
    for row in rows {
        text.push_str(&line(std::array::from_fn(|column| row[column].as_str())));
    }
    text
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// The line that `test` and `ci` end with; skipped tests are mentioned when there are any.
pub(crate) fn verdict(passed: u64, failed: u64, skipped: u64) -> String {
    match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

/// Reads back what [`verdict`] wrote, as passed, failed and skipped; `None` for any other text.
pub(crate) fn parse_verdict(line: &str) -> Option<(u64, u64, u64)> {
    let mut parts = line.trim().split(", ");
    let mut count = |word: &str| parts.next()?.strip_suffix(word)?.parse().ok();
    let passed = count(" passed")?;
    let failed = count(" failed")?;
    let skipped = count(" skipped");
    (verdict(passed, failed, skipped.unwrap_or(0)) == line.trim()).then_some((
        passed,
        failed,
        skipped.unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_survives_the_round_trip_and_nothing_else_is_one() {
        for counts in [(0, 1, 0), (12, 0, 3), (412, 2, 0)] {
            assert_eq!(parse_verdict(&verdict(counts.0, counts.1, counts.2)), Some(counts));
        }
        for line in
            ["", "12 passed", "12 passed, 0 failed, and more", "a passed, 0 failed", "1 passed; 0 failed"]
        {
            assert_eq!(parse_verdict(line), None, "{line:?}");
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ["layers".into(), "7".into(), String::new()],
            ["a longer one".into(), "12".into(), "why".into()],
        ];
        let expected = "step           n  note\nlayers         7\na longer one  12  why\n";
        assert_eq!(table(["step", "n", "note"], &rows), expected);
    }

    #[test]
    fn durations_are_readable() {
        let shown = [400, 12_000, 185_000].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.4 s", "12 s", "3 min 5 s"]);
    }
}
