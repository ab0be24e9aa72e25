//! Runs one task on both sides, turn by turn, and puts the figures together.

use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;

use crate::picture::Picture;
use crate::score::{Score, score};
use crate::sharp::Sharp;
use crate::side::{Sample, Side, written};
use crate::statistics::{Spread, median};
use crate::task::{Expected, Task};

/// A side works about this long in each round, in milliseconds of wall time.
const ROUND_MS: f64 = 400.0;

/// The first iterations of a process find cold caches; about this long they are not counted, in milliseconds.
const WARM_UP_MS: f64 = 60.0;

/// What the benchmark is run with.
pub(crate) struct Bench<'a> {
    pub(crate) measure: &'a Path,
    pub(crate) sharp: &'a Sharp,
    pub(crate) scratch: &'a Path,
    pub(crate) rounds: usize,
    pub(crate) cores: usize,
}

/// The figures of one side.
pub(crate) struct Figures {
    pub(crate) cpu_ms: Spread,
    pub(crate) wall_ms: Spread,
    pub(crate) bytes: u64,
    /// The mean over the pictures that the task makes; none where nothing can be compared.
    pub(crate) score: Option<Score>,
    /// Peak memory above that of the same process with the source in memory and nothing done.
    pub(crate) memory_kib: u64,
    /// With all cores at work.
    pub(crate) per_second: f64,
}

/// The figures of both.
pub(crate) struct Comparison {
    pub(crate) task: &'static Task,
    pub(crate) ours: Figures,
    pub(crate) sharp: Figures,
    /// CPU time of sharp divided by ours: the median, the least and the greatest of the rounds.
    pub(crate) times_less: Spread,
}

/// What one side has shown so far.
struct Course<'a> {
    side: Side<'a>,
    iterations: usize,
    warm_up: usize,
    samples: Vec<Sample>,
    memory_kib: u64,
}

impl Bench<'_> {
    /// Measures one task.
    pub(crate) fn compare(&self, task: &'static Task, source: &Path) -> Result<Comparison, String> {
        let references = self.scratch.join("results");
        clear(&references)?;
        let (ours_out, sharp_out) = (references.join("ours"), references.join("sharp"));
        let mut ours = Course::begin(Side::Ours(self.measure), task, source, &ours_out)?;
        let mut sharp = Course::begin(Side::Sharp(self.sharp, 1), task, source, &sharp_out)?;
        let mut ratios = Vec::new();
        for round in 0..self.rounds {
            progress(task.name, &format!("round {} of {}", round + 1, self.rounds));
            // Whoever comes second finds a warmer machine, so they take turns in that as well.
            let (a, b) = if round % 2 == 0 {
                let a = ours.round(task, source)?;
                (a, sharp.round(task, source)?)
            } else {
                let b = sharp.round(task, source)?;
                (ours.round(task, source)?, b)
            };
            ratios.push(b / a);
        }
        progress(task.name, "all cores");
        let per_second = self.per_second(task, source, &ours, &sharp)?;
        progress(task.name, "quality");
        let scores = self.scores(task, source, [&ours_out, &sharp_out])?;
        progress(task.name, "");
        Ok(Comparison {
            task,
            ours: ours.figures(scores[0], per_second.0),
            sharp: sharp.figures(scores[1], per_second.1),
            times_less: Spread::range(ratios),
        })
    }

    /// Pictures a second with all cores at work: of ours, and of sharp with one thread a picture or with as many as
    /// there are cores, whichever is faster.
    fn per_second(
        &self,
        task: &Task,
        source: &Path,
        ours: &Course<'_>,
        sharp: &Course<'_>,
    ) -> Result<(f64, f64), String> {
        let rate = |side: Side<'_>, course: &Course<'_>| {
            let told = side.run(task, source, course.iterations, self.cores, None)?;
            let skip = course.warm_up * self.cores;
            Ok::<_, String>(
                self.cores as f64 * 1e3 / median(told.samples.iter().skip(skip).map(|s| s.wall_ms)),
            )
        };
        let mut rates = (0.0_f64, 0.0_f64);
        for _ in 0..2 {
            rates.0 = rates.0.max(rate(Side::Ours(self.measure), ours)?);
            for concurrency in [1, self.cores] {
                rates.1 = rates.1.max(rate(Side::Sharp(self.sharp, concurrency), sharp)?);
            }
        }
        Ok(rates)
    }

    fn scores(
        &self,
        task: &Task,
        source: &Path,
        written_to: [&Path; 2],
    ) -> Result<[Option<Score>; 2], String> {
        if task.expected == Expected::Unscored {
            return Ok([None; 2]);
        }
        let original = self.sharp.decode(source)?;
        let results = |out: &Path| -> Result<Vec<Picture>, String> {
            let files = written(out);
            if files.is_empty() {
                Err(format!("{}: no result was written", task.name))
            } else {
                files.iter().map(|file| self.sharp.decode(file)).collect()
            }
        };
        let (ours, sharp) = (results(written_to[0])?, results(written_to[1])?);
        if ours.len() != sharp.len() {
            return Err(format!("{}: {} results against {}", task.name, ours.len(), sharp.len()));
        }
        let mut sums = [Vec::new(), Vec::new()];
        for (ours, sharp) in ours.iter().zip(&sharp) {
            // The two may round a side differently.
            if ours.width.abs_diff(sharp.width) > 1 || ours.height.abs_diff(sharp.height) > 1 {
                return Err(format!(
                    "{}: {}x{} against {}x{}",
                    task.name, ours.width, ours.height, sharp.width, sharp.height
                ));
            }
            for (sum, result) in sums.iter_mut().zip([ours, sharp]) {
                let reference = match task.expected {
                    Expected::Turned => original.turned(),
                    Expected::Covered => original.covering(result.width, result.height),
                    Expected::Resized | Expected::Unscored => original.filling(result.width, result.height),
                };
                sum.push(
                    score(&alike(&reference, result), result)
                        .map_err(|error| format!("{}: {error}", task.name))?,
                );
            }
        }
        Ok(sums.map(|scores| {
            let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
            Some(Score { psnr: mean(|score| score.psnr), ssimulacra2: mean(|score| score.ssimulacra2) })
        }))
    }
}

/// The reference without its alpha channel where the result has none: it was opaque then, or the result is wrong
/// and scores badly on black.
fn alike(reference: &Picture, result: &Picture) -> Picture {
    if result.channels.is_multiple_of(2) { reference.clone() } else { reference.on(0) }
}

impl<'a> Course<'a> {
    /// Runs once for the result and for how long an iteration takes, and measures memory.
    fn begin(side: Side<'a>, task: &Task, source: &Path, out: &Path) -> Result<Self, String> {
        let pilot = side.run(task, source, 3, 1, Some(out))?;
        let wall = pilot.samples.last().map_or(1.0, |sample| sample.wall_ms).max(0.1);
        let warm_up = (WARM_UP_MS / wall).ceil().clamp(1.0, 5.0) as usize;
        let counted = (ROUND_MS / wall).ceil().clamp(1.0, 60.0) as usize;
        let memory_kib = pilot.above_kib;
        Ok(Self { side, iterations: warm_up + counted, warm_up, samples: Vec::new(), memory_kib })
    }

    /// One round; returns its median CPU time.
    fn round(&mut self, task: &Task, source: &Path) -> Result<f64, String> {
        let told = self.side.run(task, source, self.iterations, 1, None)?;
        let counted = &told.samples[self.warm_up..];
        self.samples.extend(counted);
        Ok(median(counted.iter().map(|sample| sample.cpu_ms)))
    }

    fn figures(self, score: Option<Score>, per_second: f64) -> Figures {
        Figures {
            cpu_ms: Spread::quartiles(self.samples.iter().map(|sample| sample.cpu_ms)),
            wall_ms: Spread::quartiles(self.samples.iter().map(|sample| sample.wall_ms)),
            bytes: self.samples.last().map_or(0, |sample| sample.bytes),
            score,
            memory_kib: self.memory_kib,
            per_second,
        }
    }
}

/// Says on a terminal what is going on, over what was said before; without words, nothing stays there.
pub(crate) fn progress(task: &str, what: &str) {
    if std::io::stderr().is_terminal() {
        let text = if what.is_empty() { String::new() } else { format!("      {task}: {what}") };
        eprint!("\r{text:<60}\r");
    }
}

fn clear(folder: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}
