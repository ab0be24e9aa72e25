//! The figures for people and, as JSON, for programs; and whether they reach what they should.

use serde_json::{Value, json};

use crate::compare::{AllCores, Comparison, Figures};
use crate::statistics::Spread;
use crate::task::{MEMORY, SAME_SCORE};

/// One aim of a task.
pub(crate) struct Aim {
    pub(crate) name: &'static str,
    pub(crate) met: bool,
    pub(crate) found: String,
    pub(crate) wanted: String,
}

impl Comparison {
    fn bytes(&self) -> f64 {
        self.ours.bytes as f64 / self.sharp.bytes as f64
    }

    /// Ours against sharp's; sharp's is never less than a page.
    fn memory(&self) -> f64 {
        self.ours.memory_kib as f64 / self.sharp.memory_kib.max(4) as f64
    }

    /// What was to be reached, and whether it was.
    pub(crate) fn aims(&self) -> Vec<Aim> {
        let (times, bytes, memory) = (self.times_less.median, self.bytes(), self.memory());
        let mut aims = vec![
            Aim {
                name: "CPU",
                met: times >= self.task.times_less,
                found: format!("{times:.2}x less"),
                wanted: format!("{:.1}x", self.task.times_less),
            },
            Aim {
                name: "bytes",
                met: bytes <= self.task.bytes,
                found: format!("{:+.1} %", (bytes - 1.0) * 100.0),
                wanted: format!("at most {:+.0} %", (self.task.bytes - 1.0) * 100.0),
            },
            Aim {
                name: "memory",
                met: memory <= MEMORY,
                found: format!("{memory:.2} of sharp's"),
                wanted: format!("{MEMORY:.1}"),
            },
        ];
        let better = self.ours.score.ssimulacra2 - self.sharp.score.ssimulacra2;
        let score = Aim {
            name: "quality",
            met: better >= -SAME_SCORE,
            found: format!("{better:+.1} SSIMULACRA2"),
            wanted: format!("at least {:+.1}", -SAME_SCORE),
        };
        aims.insert(1, score);
        aims
    }

    /// The figures as JSON.
    pub(crate) fn json(&self) -> Value {
        let aims = self.aims().into_iter().map(|aim| {
            (aim.name.to_owned(), json!({"met": aim.met, "found": aim.found, "wanted": aim.wanted}))
        });
        json!({
            "name": self.task.name,
            "about": self.task.about,
            "ours": figures(&self.ours),
            "sharp": figures(&self.sharp),
            "times_less_cpu": self.times_less.json(),
            "all_cores": {
                "times_less_cpu": self.times_less_at_once.json(),
                "times_more_pictures": self.times_more.json(),
            },
            "aims": aims.collect::<serde_json::Map<_, _>>(),
        })
    }

    /// Several lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}  {}\n", self.task.name, self.task.about);
        text.push_str(&line(
            "",
            &["CPU ms", "wall ms", "KiB", "SSIM2", "PSNR", "memory MiB"].map(str::to_owned),
        ));
        text.push_str(&line("ours", &cells(&self.ours)));
        text.push_str(&line("sharp", &cells(&self.sharp)));
        text.push_str(&line("all cores", &["", "", "per s"].map(str::to_owned)));
        text.push_str(&line("ours", &busy_cells(self.ours.all_cores)));
        text.push_str(&line("sharp", &busy_cells(self.sharp.all_cores)));
        for aim in self.aims() {
            let verdict = if aim.met { "met" } else { "MISSED" };
            let spread = match aim.name {
                "CPU" => {
                    format!(" ({:.2} to {:.2} over the rounds)", self.times_less.low, self.times_less.high)
                }
                _ => String::new(),
            };
            text.push_str(&format!(
                "  {:<8}{:<7} {}{spread}, wanted {}\n",
                aim.name, verdict, aim.found, aim.wanted
            ));
        }
        let range = |s: Spread| format!("{:.2}x ({:.2} to {:.2} over the rounds)", s.median, s.low, s.high);
        let (less, more) = (range(self.times_less_at_once), range(self.times_more));
        text.push_str(&format!("  all cores: {less} less CPU, {more} the pictures\n"));
        text
    }
}

fn line(name: &str, cells: &[String]) -> String {
    let (times, rest) = cells.split_at(2);
    let times: String = times.iter().map(|cell| format!("{cell:>25}")).collect();
    let rest: String = rest.iter().map(|cell| format!("{cell:>11}")).collect();
    format!("  {name:<10}{times}{rest}\n")
}

fn cell(spread: Spread) -> String {
    format!("{:.2} ({:.2}-{:.2})", spread.median, spread.low, spread.high)
}

fn cells(figures: &Figures) -> [String; 6] {
    [
        cell(figures.cpu_ms),
        cell(figures.wall_ms),
        format!("{:.1}", figures.bytes as f64 / 1024.0),
        format!("{:.2}", figures.score.ssimulacra2),
        format!("{:.2}", figures.score.psnr),
        format!("{:.1}", figures.memory_kib as f64 / 1024.0),
    ]
}

fn busy_cells(figures: AllCores) -> [String; 3] {
    [cell(figures.cpu_ms), cell(figures.wall_ms), format!("{:.1}", figures.per_second)]
}

fn figures(figures: &Figures) -> Value {
    json!({
        "cpu_ms": figures.cpu_ms.json(),
        "wall_ms": figures.wall_ms.json(),
        "bytes": figures.bytes,
        "ssimulacra2": figures.score.ssimulacra2,
        "psnr": figures.score.psnr,
        "memory_kib": figures.memory_kib,
        "all_cores": {
            "cpu_ms": figures.all_cores.cpu_ms.json(),
            "wall_ms": figures.all_cores.wall_ms.json(),
            "per_second": figures.all_cores.per_second,
        },
    })
}

/// One line a task, with what was missed.
pub(crate) fn summary(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    let mut missed = 0;
    for comparison in comparisons {
        let aims = comparison.aims();
        let names: Vec<_> = aims.iter().filter(|aim| !aim.met).map(|aim| aim.name).collect();
        missed += names.len();
        let verdict =
            if names.is_empty() { "met".to_owned() } else { format!("MISSED: {}", names.join(", ")) };
        let found: Vec<_> = aims.iter().map(|aim| format!("{} {}", aim.name, aim.found)).collect();
        text.push_str(&format!("  {:<4} {verdict:<24} {}\n", comparison.task.name, found.join(", ")));
    }
    format!("{text}{} tasks, {missed} aims missed\n", comparisons.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Score;
    use crate::task::{TASKS, Task};

    fn figures(cpu: f64, bytes: u64, ssimulacra2: f64, memory_kib: u64) -> Figures {
        let spread = Spread { low: cpu, median: cpu, high: cpu };
        let score = Score { psnr: 40.0, ssimulacra2 };
        let all_cores = AllCores { cpu_ms: spread, wall_ms: spread, per_second: 1.0 };
        Figures { cpu_ms: spread, wall_ms: spread, bytes, score, memory_kib, all_cores }
    }

    fn compared(task: &'static Task, ours: Figures, times_less: Spread) -> Comparison {
        let sharp = figures(20.0, 1000, 70.0, 1000);
        Comparison { task, ours, sharp, times_less, times_less_at_once: times_less, times_more: times_less }
    }

    #[test]
    fn each_aim_is_judged_alone() {
        let task = &TASKS[0];
        let times_less = Spread { low: 1.9, median: 2.1, high: 2.2 };
        for (ours, missed) in [
            (figures(10.0, 1010, 70.1, 200), &[][..]),
            (figures(10.0, 1030, 70.1, 200), &["bytes"]),
            (figures(10.0, 1000, 69.0, 201), &["quality", "memory"]),
        ] {
            let comparison = compared(task, ours, times_less);
            let aims = comparison.aims();
            let names: Vec<_> = aims.iter().filter(|aim| !aim.met).map(|aim| aim.name).collect();
            assert_eq!(names, missed);
            assert_eq!(comparison.text().contains("MISSED"), !missed.is_empty());
        }
        let slow = Spread { low: 1.0, median: 1.5, high: 2.5 };
        let comparison = compared(task, figures(10.0, 1000, 71.0, 0), slow);
        assert!(summary(&[comparison]).contains("MISSED: CPU "));
    }
}
